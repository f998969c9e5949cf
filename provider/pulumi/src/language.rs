//! A stack file as a Pulumi program: `pulumi-language-modelops`, which Pulumi starts for `runtime: modelops`.
//!
//! Guarantees: what the file declares is registered as the embedded engine would make it, with names, references,
//! secrets and rules of life; nothing is called but the engine and its resource monitor (`tests/pulumi_program.rs`, and
//! Pulumi itself in `tests/e2e/pulumi_program.rs`).

mod host;
mod log;
mod program;
pub mod protocol;
mod run;
mod sign_in;

pub use host::Host;

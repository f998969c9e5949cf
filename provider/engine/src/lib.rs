//! The embedded engine: stack file → program → plan → execution, over a journalled state.
//!
//! Guarantees: what was announced is durable and never lost, a dead run never blocks the next one (`tests/crash.rs`);
//! resources are known through the `Provider` trait only: no HTTP, gRPC or Kubernetes in this crate's tree.

pub mod error;
pub mod event;
pub mod failpoint;
mod observe;
pub mod patience;
pub mod plan;
pub mod program;
pub mod run;
pub mod stackfile;
pub mod state;

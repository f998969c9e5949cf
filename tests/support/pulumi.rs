//! The other side of Pulumi's protocol: an engine that hears messages, a monitor that
//! remembers what was declared, and the provider process behind our own engine; and the real program with its state.

mod engine;
mod foresight;
mod grpc_provider;
mod monitor;
mod project;
mod translate;

pub use engine::{Heard, serve_engine};
pub use grpc_provider::GrpcProvider;
pub use monitor::{Recorded, Recorder};
pub use project::{PASSPHRASE, Pulumi, agree, only_same, resources, text};
pub use translate::detail;

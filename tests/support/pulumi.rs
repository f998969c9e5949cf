//! The other side of Pulumi's protocol: an engine that hears messages, and the provider process behind our own engine.

mod engine;
mod grpc_provider;
mod translate;

pub use engine::{Heard, serve_engine};
pub use grpc_provider::GrpcProvider;
pub use translate::detail;

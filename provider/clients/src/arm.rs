//! Azure Resource Manager: ids, errors, long-running operations and the client that drives them.

mod answer;
mod bearer;
mod client;
mod cluster;
mod error;
mod headers;
mod id;
mod lro;
mod register;
mod registry;
mod remedy;
mod storage;
pub mod version;
mod wait;

pub use answer::{Answer, Body};
pub use client::{Action, ArmClient, Precondition};
pub use error::{ArmError, RequestIds};
pub use id::{NotAnId, ResourceId};
pub use lro::{Lro, Step, Verb};
pub use registry::{AdminCredential, TokenPassword};
pub use remedy::Remedy;
pub use storage::SasRequest;
pub use wait::{LroContext, Started};

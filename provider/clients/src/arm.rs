//! Azure Resource Manager: ids, errors, long-running operations and the client that drives them.

mod activity;
mod answer;
mod bearer;
mod client;
mod cluster;
mod error;
mod headers;
mod id;
mod lro;
mod machines;
mod names;
mod policy;
mod register;
mod registry;
mod remedy;
mod rights;
mod storage;
mod subnet;
pub mod version;
mod wait;

pub use answer::{Answer, Body};
pub use client::{Action, ArmClient, Precondition};
pub use error::{ArmError, RequestIds};
pub use id::{NotAnId, ResourceId};
pub use lro::{Lro, Step, Verb};
pub use machines::{Release, Size, Usage};
pub use names::Deleted;
pub use registry::{AdminCredential, TokenPassword};
pub use remedy::Remedy;
pub use rights::{Deny, Permission};
pub use storage::SasRequest;
pub use subnet::Addresses;
pub use wait::{LroContext, Started};

//! Clients of the services that we speak to: Azure's sign-in, Resource Manager and storage, Kubernetes, and Novita. Everything
//! that leaves goes through `mops_wire::Http`, which holds origin policy, retry and redaction.

pub mod arm;
pub mod delegation;
pub mod error;
pub mod graph;
pub mod huggingface;
pub mod identity;
pub mod kubernetes;
pub mod novita;
mod transport;
pub mod wandb;

pub use error::ClientError;

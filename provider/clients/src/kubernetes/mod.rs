//! Clusters: one connection each, over our own HTTP pipeline.
//!
//! Guarantees three things: a write never takes a field from another manager unless asked to (R18),
//! a deletion hits only the object that was seen, and no program of a kubeconfig is started.
//! Proven by `fast::kubernetes` against the fake, which is the same suite as against a real server.

mod access;
mod client;
mod cluster;
mod error;
mod explain;
mod object;
mod ready;
mod transport;
mod wait;

pub use access::{AKS_SCOPE, Access, Auth, AzureToken, entra};
pub use client::{Apply, Kubernetes, Selection};
pub use cluster::ClusterRef;
pub use error::{Holder, KubernetesError};
pub use object::{Json, ObjectRef};
pub use ready::{Readiness, judge};
pub use wait::Wait;

//! Promise R18: clusters are written by server-side apply without a blind overwrite, every refusal
//! is named with its cause, and a wait ends with a reason. `referee` holds the fake to the real API
//! server.

#[path = "kubernetes/bench.rs"]
mod bench;
#[path = "kubernetes/pods.rs"]
mod pods;
#[path = "kubernetes/referee.rs"]
mod referee;
#[path = "kubernetes/refusals.rs"]
mod refusals;
#[path = "kubernetes/resources.rs"]
mod resources;
#[path = "kubernetes/secrets.rs"]
mod secrets;
#[path = "kubernetes/writes.rs"]
mod writes;

pub(crate) use bench::serve;
pub(crate) use resources::pull_config;

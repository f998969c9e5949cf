//! Names for what is asked of other services than a registry and a cluster: models, tokens, SLURM hosts, clouds of
//! GPUs and the container engine. Rules read them; the commands of these services make them.

/// Names of the checks.
pub mod check {
    /// A model server's live endpoint; the target is its Deployment.
    pub const NIM_LIVE: &str = "nim.live";
    /// A model server's ready endpoint; the target is its Deployment.
    pub const NIM_READY: &str = "nim.ready";
}

//! Vantage points, cause rules and reports: why a worker cannot pull or read, with its proof.
//!
//! Guarantees two things: a lost observation never makes another cause certain (`catalogue::tests::honesty`),
//! and a report never says "passed" beside a failed check (`tests/diagnose.rs`).
//!
//! For a command: fill a [`Request`] (start from [`Request::new`]; `registry`, `containers`,
//! `env_secret`, `pull_secret`, `pools` from the stack's outputs, `arm` from the registry's
//! `listCredentials`, `probe.connect` and `probe.ca_file` from the cloud), make [`Services`], call
//! [`look`], let [`Capture::report`] conclude, print [`report::text`] or [`report::json`], and exit with
//! `report.summary.exit_code`. When there is no client at all, [`could_not_run`] makes the capture.

mod age;
pub mod capture;
pub mod catalogue;
mod chosen;
mod cleaning;
mod cluster;
mod env_owners;
mod env_sources;
mod ephemeral;
mod ephemeral_run;
mod exec;
pub mod explain;
pub mod finding;
pub mod fix;
mod forward;
mod identity_reads;
mod key_compare;
pub mod kubelet;
mod lifetime;
mod live;
mod live_read;
mod log_reads;
mod log_text;
mod ngc_reads;
pub mod novita;
pub mod observed;
pub mod permissions;
mod pool_reads;
mod principal;
mod probe_image;
pub mod probe_job;
pub mod probe_node;
pub mod probe_pod;
mod probe_run;
mod probing;
mod pull_reads;
mod pull_run;
pub mod pullable;
pub mod reading;
pub mod report;
pub mod request;
pub mod rule;
mod run;
mod sampling;
mod shelf;
pub mod smoke;
mod stack_lines;
mod static_reads;
pub mod watch;
pub mod words;
pub mod workload;
mod workstation;

pub use capture::Capture;
pub use chosen::Chosen;
pub use cleaning::Removed;
pub use finding::Finding;
pub use observed::Observed;
pub use reading::Reading;
pub use report::{Command, Report};
pub use request::{
    ArmView, ClusterProxy, Directory, Here, IdentityView, KnownPool, NoClient, ProbeImage, Request, Services,
    TokenView, Trust,
};
pub use stack_lines::StackLines;
pub use words::Words;

/// Looks at everything that the command looks at. Never fails: what went wrong is in the capture, and
/// [`Capture::report`] says what it means.
pub async fn look(command: Command, request: Request, services: Services) -> Capture {
    run::run(command, &request, &services).await
}

/// Removes what earlier runs have left, told by its labels, and touches nothing else.
pub async fn clean_up(request: &Request, services: &Services) -> Removed {
    let cluster = cluster::Cluster::new(services.kube.clone(), &request.namespace);
    cleaning::leftovers(&cluster, request, services).await
}

/// The capture of a run that asks nobody: what is said by the variables that a stack handed to this machine.
#[must_use]
pub fn offline(command: Command, request: &Request, handed: Option<&mops_host::Env>) -> Capture {
    run::offline(command, request, handed)
}

/// The record of a run about a stack that has nothing in a cluster; what other places say is added to it.
#[must_use]
pub fn without_a_cluster(command: Command, request: &Request) -> Capture {
    run::without_a_cluster(command, request)
}

/// Pushes the artefact of a smoke test, and does nothing else.
///
/// # Errors
/// What stood in the way, for the same rules and reports as a whole run.
pub async fn push_only(
    request: &Request,
    http: &mops_wire::Http,
    env: &mops_host::Env,
) -> Result<smoke::Pushed, Box<Capture>> {
    run::push_only(request, http, env).await
}

/// The capture of a run that found no cluster to ask: no client could be made, for this reason.
#[must_use]
pub fn could_not_run(command: Command, request: &Request, why: &NoClient) -> Capture {
    run::could_not_run(command, request, why)
}

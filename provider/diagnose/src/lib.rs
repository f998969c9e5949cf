//! Vantage points, cause rules and reports: why a worker cannot pull or read, with its proof.
//!
//! Guarantees two things: a lost observation never makes another cause certain (`finding::tests`),
//! and a report never says "passed" beside a failed check (`tests/diagnose.rs`).
//!
//! For a command: fill a [`Request`] (start from [`Request::new`]; `registry`, `containers`,
//! `env_secret`, `pull_secret`, `pools` from the stack's outputs, `arm` from the registry's
//! `listCredentials`, `probe.connect` and `probe.ca_file` from the cloud), make [`Services`], call
//! [`diagnose`] or [`smoke_test`], print [`report::text`] or [`report::json`], and exit with
//! `report.summary.exit_code`. When there is no client at all, [`could_not_run`] makes the report.

mod age;
mod cluster;
pub mod finding;
mod identity_reads;
pub mod kubelet;
pub mod observed;
mod principal;
pub mod probe_pod;
mod probe_run;
pub mod report;
pub mod request;
pub mod rule;
mod rules;
mod run;
mod static_reads;
pub mod words;
pub mod workload;
mod workstation;

pub use finding::Finding;
pub use observed::Observed;
pub use report::{Command, Report};
pub use request::{ArmView, Directory, IdentityView, KnownPool, ProbeImage, Request, Services, TokenView, Trust};
pub use rules::suggested_commands;
pub use words::Words;

/// `mops diagnose-auth`: everything that was seen, and its causes. Never fails: what went wrong is
/// in the report.
pub async fn diagnose(request: Request, services: Services) -> Report {
    run::run(Command::DiagnoseAuth, &request, &services).await
}

/// `mops smoke-test`: the same probes, each pool × check, and in words what it does not do yet.
pub async fn smoke_test(request: Request, services: Services) -> Report {
    run::run(Command::SmokeTest, &request, &services).await
}

/// The report of a run that found no cluster to ask: no client could be made, for this reason.
#[must_use]
pub fn could_not_run(command: Command, request: &Request, why: &str) -> Report {
    run::could_not_run(command, request, why)
}

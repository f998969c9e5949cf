//! Promise: whoever interrupts `mops diagnose-auth` at any moment gets its exit code, and finds nothing of it in the cluster.

use std::time::{Duration, Instant};

use mops_diagnose::probe_pod::RUN_LABEL;
use mops_host::Env;
use mops_host::clock::{Clock as _, SystemClock};
use mops_tests::job::Job;
use mops_tests::program::Running;
use rustix::process::Signal;

use super::{bring, environment, secrets, take_away};
use crate::existing::push;
use crate::pods::{job_with_cluster, kubectl, left};

/// Moments of a run, two of which are met at the same time.
const MOMENTS: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_at_any_moment_leaves_nothing() {
    let Some(mut job) = job_with_cluster("interrupts of a run with real pods") else { return };
    let before = left().await;
    push(job.place.path(), secrets::HOSTS[1]).await;
    let case = environment::whole("interrupted");
    bring(&case).await;
    job.place.set("MODELOPS_HOME", "no-stack-here");
    let start = Instant::now();
    let report = super::asked(&job, &case, &[]).await;
    let whole = start.elapsed();
    assert_eq!(report["summary"]["exit_code"], 0, "{report:#}");
    for early in 0..MOMENTS / 2 {
        let late = early + MOMENTS / 2;
        let codes = futures::join!(at(&job, whole * early / MOMENTS), at(&job, whole * late / MOMENTS));
        assert_eq!(codes, (Some(130), Some(130)), "at {early} and {late} of {MOMENTS} parts of {whole:?}");
        let words = ["get", "jobs,pods,secrets,configmaps", "-A", "-l", RUN_LABEL, "-o", "name"];
        assert_eq!(kubectl(&words).await, "", "at {early} and {late} of {MOMENTS} parts of {whole:?}");
    }
    take_away(&[&case]).await;
    assert_eq!(left().await, before);
}

/// The exit code of a run that is interrupted after this time.
async fn at(job: &Job, moment: Duration) -> Option<i32> {
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let words = ["diagnose-auth", "-n", "interrupted", "--kubeconfig", &kubeconfig];
    let run = Running::start(&job.place, "mops", &words);
    // The program must have begun to listen.
    SystemClock::new().sleep(moment + Duration::from_millis(150)).await;
    run.signal(Signal::INT);
    tokio::task::spawn_blocking(move || run.wait()).await.expect("an end")
}

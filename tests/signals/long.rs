//! R8 in the middle of an operation that goes on for long after the run has ended: 130 in time, its address is in state,
//! and the next run waits for it there instead of writing again. `MOPS_OPERATION_SECONDS` is its length (default: the
//! short form); no virtual clock, because the program that is signalled has the machine's.

use std::time::{Duration, Instant};

use mops_tests::figures::{size, tell};
use mops_tests::job::{FILE, Job};
use rustix::process::Signal;

use super::FIRST;
use crate::life::{Run, pass, snapshot};

/// How long Azure takes to make a cluster, in the sandbox's own measure.
const CLUSTER_SECONDS: u64 = 240;
const STACK: &str = "schemaVersion: 1
cluster:
  provider: azure
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  location: eastus2
  aks:
    name: modelops-dev-aks
    node_pools:
      - {name: system, mode: System, vm_size: Standard_B2s, count: 1}
";

/// Whether state knows where the operation of the cluster can be asked for.
fn journalled(job: &Job) -> bool {
    let open = snapshot(job).into_iter().flat_map(|state| state.open);
    open.into_iter().any(|o| o.resource.urn.name() == "cluster" && o.operation.is_some())
}

/// What became of one signal.
struct Signalled {
    /// How long the run took to end, and the next one to finish.
    ended: Duration,
    finished: Duration,
    /// How often the next one wrote to the cluster.
    writes: usize,
}

/// One run, interrupted after a quarter of the operation, and the next one.
async fn interrupted(signal: Signal, seconds: u64) -> Signalled {
    let job = Job::at_speed(STACK, Some(CLUSTER_SECONDS / seconds)).await;
    let run = Run::start(&job, &["infra", "up", FILE, "--yes"]);
    let begin = Instant::now();
    while !journalled(&job) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no operation was ever begun");
        pass(Duration::from_millis(20));
    }
    pass(Duration::from_secs(seconds) / 4);
    run.signal(signal);
    let (status, ended, said) = run.end(FIRST);
    assert_eq!(status.code(), Some(130), "{signal:?}: {said:#?}");
    assert!(journalled(&job), "{signal:?}: the operation is unknown, or was waited for: {said:#?}");
    let begin = Instant::now();
    let next = job.good(&["mops", "infra", "up", FILE, "--yes", "-v"]).await;
    let finished = begin.elapsed();
    let said = String::from_utf8_lossy(&next.stderr);
    assert!(
        said.contains("/Microsoft.ContainerService/locations/eastus2/[masked]"),
        "its address was not asked: {said}"
    );
    let written = |line: &&str| line.contains("method=PUT") && line.contains("/managedClusters/modelops-dev-aks?");
    let writes = said.lines().filter(written).count();
    job.good(&["mops", "infra", "preview", FILE, "--exit-code"]).await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    Signalled { ended, finished, writes }
}

#[test]
fn a_long_operation_is_left_in_time_and_taken_up_by_its_address() {
    let seconds = size("MOPS_OPERATION_SECONDS", 12).clamp(8, CLUSTER_SECONDS);
    let runs = [Signal::INT, Signal::TERM].map(|signal| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(interrupted(signal, seconds))
        })
    });
    let all = runs.map(|run| run.join().unwrap());
    let slowest = |each: fn(&Signalled) -> Duration| {
        u64::try_from(all.iter().map(each).max().unwrap_or_default().as_millis()).unwrap()
    };
    let writes: usize = all.iter().map(|one| one.writes).sum();
    tell(
        "R8",
        &[
            ("long_operations", all.len() as u64),
            ("seconds", seconds),
            ("slowest_first_ms", slowest(|one| one.ended)),
            ("slowest_finish_ms", slowest(|one| one.finished)),
            ("second_writes", writes as u64),
        ],
    );
    assert_eq!(writes, 0, "the cluster was written once more");
}

//! Promises of the command line about processes: signals, closed input, streams, private files. Promises that need no
//! more than commands and their output are in `tests/scenarios/`.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use mops_tests::place::Place;
use mops_tests::program::Running;

/// A stack whose sign-in never answers: the run waits until it is told to stop.
const WAITING: &str = "registry: {name: waitingacr}\ncluster: {subscription_id: 11111111-2222-3333-4444-555555555555, resource_group: rg, aks: {name: aks, node_pools: [{name: system, mode: System, vm_size: Standard_B2s, count: 1}]}}\n";

/// Leads the runs of a place to a server that accepts and says nothing.
pub(crate) fn silence(place: &mut Place) -> std::net::TcpListener {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://{}", silent.local_addr().unwrap());
    place.write("cloud.yaml", &format!("arm: {origin}\nauthority: {origin}\n"));
    place.write("infra.yaml", WAITING);
    let id = "00000000-1111-2222-3333-444444444444";
    for (name, value) in
        [("AZURE_TENANT_ID", id), ("AZURE_CLIENT_ID", id), ("AZURE_CLIENT_SECRET", "a-secret-for-nobody")]
    {
        place.set(name, value);
    }
    place.set("MOPS_CLOUD", "cloud.yaml");
    silent
}

/// A run that waits for such a server.
pub(crate) fn waiting_run(place: &mut Place) -> (Running, std::net::TcpListener) {
    let silent = silence(place);
    let run = Running::start(place, "mops", &["infra", "up", "infra.yaml", "--yes"]);
    // It has started to wait when it has connected.
    silent.accept().unwrap();
    (run, silent)
}

#[test]
fn the_first_signal_ends_a_run_within_five_seconds_with_130() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut place = Place::new();
        let (run, _silent) = waiting_run(&mut place);
        let start = Instant::now();
        run.signal(signal);
        assert_eq!(run.wait(), Some(130), "{signal:?}");
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_second_run_ends_with_4_and_names_the_holder() {
    let mut place = Place::new();
    let (_run, _silent) = waiting_run(&mut place);
    let start = Instant::now();
    let output = place.run(&["mops", "infra", "up", "infra.yaml", "--yes"]).await;
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.code, Some(4), "{err}");
    assert!(err.contains("is locked by") && err.contains("--lock-timeout"), "{err}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    // Reading takes no lock.
    assert_eq!(place.run(&["mops", "infra", "status"]).await.code, Some(0));
}

#[tokio::test]
async fn a_cloud_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.write("infra.yaml", WAITING);
    place.write("cloud.yaml", "arm: https://127.0.0.1:1\nauthority: https://127.0.0.1:1\n");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(place.path().join("cloud.yaml"), open).unwrap();
    let output = place.run(&["mops", "infra", "preview", "infra.yaml", "--cloud", "cloud.yaml"]).await;
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.code, Some(2), "{err}");
    assert!(err.contains("error: the cloud file `cloud.yaml`") && err.contains("chmod 600"), "{err}");
}

#[test]
fn a_run_can_leave_no_core_file() {
    let mut place = Place::new();
    let (run, _silent) = waiting_run(&mut place);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", run.id())).unwrap();
    let line = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

#[tokio::test]
async fn no_escape_leaves_without_a_terminal() {
    let place = Place::new();
    place.write("infra.yaml", "registry: {nmae: x}\n");
    let output = place.run(&["mops", "infra", "preview", "infra.yaml"]).await;
    assert!(!output.stderr.contains(&0x1b) && !output.stdout.contains(&0x1b));
    // `completions` prints much; the reader that goes away is not an error.
    let output = place.run(&["sh", "-c", "mops completions bash | head -n 1"]).await;
    assert_eq!(output.code, Some(0));
    assert_eq!(output.stderr, b"");
}

//! State that machines share over a network file system: a lease beside the lock keeps two runs apart, a run that lost
//! its lease writes nothing more, and a dead run's lease ends by itself.

use std::time::Duration;

use mops_core::Cancel;
use mops_engine::error::{Exit, StateError};
use mops_engine::program::Component;
use mops_engine::state::{self, OpenOptions, ResourceState, Store, lock_status, remove_lease};
use mops_host::clock::ManualClock;
use mops_host::{Env, fsx};
use mops_tests::null::{stack, urn};
use mops_tests::rig::Rig;
use time::OffsetDateTime;

/// One machine: its own clock, and a folder that others see too.
struct Machine {
    rig: Rig,
    clock: ManualClock,
}

impl Machine {
    fn new(home: &std::path::Path) -> Self {
        let clock = ManualClock::stepped(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        let rig = Rig::new(home);
        Self { rig, clock }
    }

    async fn open(&self) -> Result<Store, StateError> {
        let options = OpenOptions {
            env: Env::of([("MOPS_STATE_SHARED", "1")]),
            clock: self.clock.shared(),
            cancel: Cancel::new(),
            ..self.rig.open_options()
        };
        Store::open(&self.rig.home, &stack(), options).await
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn resource(name: &str) -> ResourceState {
    ResourceState::new(urn(name), Component::Workspace, format!("/things/{name}"))
}

/// The kernel's lock does not hold between machines: another machine is one for which the lock file is another one.
fn other_machine(machine: &Machine) {
    fsx::remove(&machine.rig.folder().join("lock")).unwrap();
}

#[test]
fn the_second_machine_is_told_who_works_and_until_when() {
    let home = tempfile::tempdir().unwrap();
    let first = Machine::new(home.path());
    run(async {
        let mut store = first.open().await.unwrap();
        assert!(store.snapshot().notes.iter().any(|n| n.contains("lease of 120 s")), "{:?}", store.snapshot().notes);
        store.save(resource("a")).await.unwrap();
        other_machine(&first);
        let error = first.open().await.unwrap_err();
        assert_eq!(error.exit(), Exit::Locked);
        let text = error.to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())) && text.contains("until 1970-01-12T13:48"),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("mops infra unlock"));
        drop(store);
        assert!(!first.rig.folder().join("lease").exists());
        assert!(first.open().await.is_ok());
    });
}

#[test]
fn a_local_file_system_has_no_lease() {
    let home = tempfile::tempdir().unwrap();
    let machine = Machine::new(home.path());
    run(async {
        let store = machine.rig.open().await.unwrap();
        assert!(store.snapshot().notes.is_empty() && !machine.rig.folder().join("lease").exists());
    });
}

#[test]
fn a_run_that_lost_its_lease_writes_nothing_more() {
    let home = tempfile::tempdir().unwrap();
    let machine = Machine::new(home.path());
    run(async {
        let mut store = machine.open().await.unwrap();
        store.save(resource("a")).await.unwrap();
        // It could not renew in time: half a minute before the end it stops, because clocks differ.
        let path = machine.rig.folder().join("lease");
        let text = fsx::read_text(&path).unwrap();
        fsx::remove(&path).unwrap();
        machine.clock.advance(Duration::from_secs(91));
        let before = mops_tests::rig::files(&machine.rig.folder())["journal"].clone();
        let error = store.save(resource("b")).await.unwrap_err();
        assert!(matches!(error, StateError::LeaseLost(_)) && error.exit() == Exit::CouldNotRun, "{error}");
        assert!(store.finish().await.is_err());
        assert_eq!(mops_tests::rig::files(&machine.rig.folder())["journal"], before);
        // It does not take the lease of its successor along when it ends.
        fsx::replace(&path, text.replace("id: ", "id: 0").as_bytes()).unwrap();
        drop(store);
        assert!(path.exists());
        assert_eq!(machine.rig.read().unwrap().resources.len(), 1);
    });
}

#[test]
fn a_living_run_keeps_its_lease() {
    let home = tempfile::tempdir().unwrap();
    let machine = Machine::new(home.path());
    run(async {
        let mut store = machine.open().await.unwrap();
        let path = machine.rig.folder().join("lease");
        for round in 0..10 {
            let before = fsx::read_text(&path).unwrap();
            machine.clock.advance(Duration::from_secs(30));
            // The renewing thread works in real time: its next write is what is waited for.
            let start = std::time::Instant::now();
            while fsx::read_text(&path).unwrap() == before {
                assert!(start.elapsed() < Duration::from_secs(20), "round {round}: not renewed");
                tokio::task::yield_now().await;
            }
            store.save(resource(&format!("r{round}"))).await.unwrap();
        }
        other_machine(&machine);
        assert!(matches!(machine.open().await.unwrap_err(), StateError::Leased { .. }));
    });
}

#[test]
fn what_a_dead_run_left_is_taken_when_it_has_ended_and_removed_on_request() {
    let home = tempfile::tempdir().unwrap();
    let machine = Machine::new(home.path());
    run(async {
        let path = machine.rig.folder().join("lease");
        let store = machine.open().await.unwrap();
        let left = fsx::read(&path).unwrap();
        drop(store);
        let status =
            || lock_status(home.path(), &stack(), &Env::default(), mops_host::Clock::now(&machine.clock)).unwrap();
        assert!(status().lease.is_none() && status().holder.is_none());
        fsx::replace(&path, &left).unwrap();
        let seen = status();
        assert!(seen.lease.is_some() && !seen.expired);
        assert!(matches!(machine.open().await.unwrap_err(), StateError::Leased { .. }));
        remove_lease(home.path(), &stack(), &seen).unwrap();
        drop(machine.open().await.unwrap());
        // One that was taken meanwhile is not removed with the one that was seen.
        fsx::replace(&path, String::from_utf8(left.clone()).unwrap().replace("id: ", "id: 0").as_bytes()).unwrap();
        remove_lease(home.path(), &stack(), &seen).unwrap();
        assert!(path.exists());
        machine.clock.advance(Duration::from_secs(122));
        assert!(status().expired);
        drop(machine.open().await.unwrap());
        assert!(!path.exists());
        fsx::replace(&path, b"something else").unwrap();
        let error = machine.open().await.unwrap_err();
        assert!(error.to_string().contains("mops infra unlock"), "{error}");
        remove_lease(home.path(), &stack(), &status()).unwrap();
        assert!(machine.open().await.is_ok());
        assert!(state::folder(home.path(), &stack()).join("meta.json").exists());
    });
}

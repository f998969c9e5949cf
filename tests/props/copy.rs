//! The whole world of a rig at one moment, and another rig that goes on from there.

use std::collections::BTreeMap;
use std::path::Path;

use mops_host::{SystemClock, fsx};
use mops_tests::null::{Null, Thing};
use mops_tests::rig::{Rig, files};

/// What is on disk and at the service at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) things: BTreeMap<String, Thing>,
}

impl Moment {
    /// Of this rig, now.
    pub(crate) fn of(rig: &Rig) -> Self {
        Self { state: files(&rig.folder()), things: rig.null.things() }
    }

    /// A rig below another home that knows nothing but this.
    pub(crate) fn rig(&self, home: &Path) -> Rig {
        let rig = Rig::over(home, Null::new(SystemClock::shared()), SystemClock::shared());
        self.things.iter().for_each(|(name, thing)| rig.null.put(name, thing.clone()));
        fsx::create_dir_all(&rig.folder()).unwrap();
        for (name, bytes) in &self.state {
            fsx::replace(&rig.folder().join(name), bytes).unwrap();
        }
        rig
    }
}

/// A folder in memory where the machine has one: thousands of cases, each with dozens of syncs.
pub(crate) fn room() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

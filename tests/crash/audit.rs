//! What is counted after each interruption: state against what the service has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mops_engine::state::{self, Snapshot};
use mops_tests::null::stack;

/// What exists: its name, and the URN of its mark.
pub(crate) type Book = Vec<(String, Option<String>)>;

/// Counts over many rounds; each round that is not clean adds its story.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Exists, and state does not know it after the next run.
    pub(crate) lost: u64,
    /// Two objects for one URN.
    pub(crate) duplicate: u64,
    /// State was refused although no byte of it was altered from outside.
    pub(crate) unreadable: u64,
    /// The next run did not finish the work by itself.
    pub(crate) prompt: u64,
    /// Not as declared after it, something open, or a run after that which still wrote.
    pub(crate) unsettled: u64,
    /// Temporary files left in the folder of the state.
    pub(crate) litter: u64,
    stories: Vec<String>,
}

impl Audit {
    pub(crate) fn merge(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.unreadable += other.unreadable;
        self.prompt += other.prompt;
        self.unsettled += other.unsettled;
        self.litter += other.litter;
        self.stories.extend(other.stories);
    }

    pub(crate) fn counts(&self) -> [(&'static str, u64); 6] {
        [
            ("lost", self.lost),
            ("duplicate", self.duplicate),
            ("unreadable", self.unreadable),
            ("prompt", self.prompt),
            ("unsettled", self.unsettled),
            ("litter", self.litter),
        ]
    }

    /// Fails with the first stories when anything was counted.
    pub(crate) fn must_be_clean(&self) {
        let bad: u64 = self.counts().iter().map(|(_, n)| n).sum();
        assert_eq!(bad, 0, "{:?}\n{}", self.counts(), self.stories[..self.stories.len().min(5)].join("\n"));
    }

    pub(crate) fn tell(&mut self, story: impl Into<String>) {
        self.stories.push(story.into());
    }

    /// The next run ended like this; whether it finished.
    pub(crate) fn ended(&mut self, code: Option<i32>, said: &str) -> bool {
        match code {
            Some(0) => return true,
            Some(3) => self.unreadable += 1,
            _ => self.prompt += 1,
        }
        self.tell(format!("the next run ended with {code:?}: {said}"));
        false
    }

    /// Right after the strike state holds one of these numbers of things: all of it or nothing.
    pub(crate) fn is_whole(&mut self, home: &Path, sizes: &[usize]) {
        match state::read(home, &stack()) {
            Ok(found) => {
                let held = found.map_or(0, |state| state.resources.len());
                if !sizes.contains(&held) {
                    self.unsettled += 1;
                    self.tell(format!("a part of it was left: {held} things, not one of {sizes:?}"));
                }
            }
            Err(error) => {
                self.unreadable += 1;
                self.tell(format!("state cannot be read: {error}"));
            }
        }
    }

    /// Compares state and service; `n` things are declared.
    pub(crate) fn compare(&mut self, home: &Path, book: &Book, n: usize) {
        let state = match state::read(home, &stack()) {
            Ok(found) => found.unwrap_or_else(|| Snapshot::none(&stack())),
            Err(error) => {
                self.unreadable += 1;
                return self.tell(format!("state cannot be read: {error}"));
            }
        };
        let known: BTreeSet<&str> =
            state.resources.iter().map(|r| r.id.strip_prefix("/things/").unwrap_or(&r.id)).collect();
        let there: BTreeSet<&str> = book.iter().map(|(name, _)| name.as_str()).collect();
        let lost: Vec<_> = there.difference(&known).collect();
        let phantoms: Vec<_> = known.difference(&there).collect();
        let mut owners: BTreeMap<&str, u64> = BTreeMap::new();
        book.iter().filter_map(|(_, owner)| owner.as_deref()).for_each(|o| *owners.entry(o).or_default() += 1);
        let twice: Vec<_> = owners.iter().filter(|(_, n)| **n > 1).map(|(o, _)| *o).collect();
        let doomed = state.resources.iter().filter(|r| r.pending_delete).count();
        let open: Vec<_> = state.open.iter().map(|o| (o.action, o.resource.urn.name())).collect();
        self.lost += lost.len() as u64;
        self.duplicate += twice.len() as u64;
        let settled = phantoms.is_empty() && open.is_empty() && doomed == 0 && known.len() == n;
        self.unsettled += u64::from(!settled);
        let litter = litter(home);
        self.litter += litter.len() as u64;
        if !settled || !lost.is_empty() || !twice.is_empty() || !litter.is_empty() {
            self.tell(format!(
                "lost {lost:?}, phantoms {phantoms:?}, twice {twice:?}, open {open:?}, doomed {doomed}, {} of {n}, \
                 litter {litter:?}",
                known.len()
            ));
        }
    }
}

/// Files that a run makes on the way to others.
fn litter(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(state::folder(home, &stack())).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().into_string().ok()).filter(|name| name.ends_with(".tmp")).collect()
}

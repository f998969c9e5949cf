//! What exists by its external identity, and how often it was made and taken away: a lost or a
//! doubled resource is counted, never inferred.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The account of one external identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Whether it is there now.
    pub exists: bool,
    /// How often it came into being.
    pub made: u32,
    /// How often it was changed in place.
    pub changed: u32,
    /// How often it was taken away.
    pub deleted: u32,
}

/// Cloned freely; all clones share one book. Identities are compared without case.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<String, Entry>>>);

impl Ledger {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something came into being.
    pub fn made(&self, identity: &str) {
        let mut book = self.book();
        let entry = book.entry(identity.to_lowercase()).or_default();
        entry.made += 1;
        entry.exists = true;
    }

    /// Something was changed in place.
    pub fn changed(&self, identity: &str) {
        self.book().entry(identity.to_lowercase()).or_default().changed += 1;
    }

    /// Something is gone.
    pub fn deleted(&self, identity: &str) {
        let mut book = self.book();
        let entry = book.entry(identity.to_lowercase()).or_default();
        entry.deleted += 1;
        entry.exists = false;
    }

    /// Everything that begins with this is gone, for example with the cluster that held it.
    pub fn deleted_below(&self, prefix: &str) {
        let prefix = prefix.to_lowercase();
        for (identity, entry) in self.book().iter_mut() {
            if identity.starts_with(&prefix) && entry.exists {
                entry.deleted += 1;
                entry.exists = false;
            }
        }
    }

    /// The whole book.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, Entry> {
        self.book().clone()
    }

    /// What exists now.
    #[must_use]
    pub fn existing(&self) -> Vec<String> {
        self.book().iter().filter(|(_, e)| e.exists).map(|(id, _)| id.clone()).collect()
    }

    /// What came into being more often than it was taken away plus once: doubled.
    #[must_use]
    pub fn doubled(&self) -> Vec<String> {
        self.book().iter().filter(|(_, e)| e.made > e.deleted + 1).map(|(id, _)| id.clone()).collect()
    }

    /// The book as JSON: `{existing: […], entries: {…}}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "existing": self.existing(), "entries": self.entries() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_creation_without_a_deletion_is_doubled() {
        let ledger = Ledger::new();
        ledger.made("/a");
        assert!(ledger.doubled().is_empty());
        ledger.made("/A");
        assert_eq!(ledger.doubled(), ["/a"]);
    }

    #[test]
    fn what_goes_with_its_parent_no_longer_exists() {
        let ledger = Ledger::new();
        ledger.made("/g/x");
        ledger.made("/h/x");
        ledger.deleted_below("/G/");
        assert_eq!(ledger.existing(), ["/h/x"]);
    }
}

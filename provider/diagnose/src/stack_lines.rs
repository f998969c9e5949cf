//! Where the stack file asks for what a finding is about, so that a code scanner and a reviewer see it beside the line.
//! Only a line that is known for the very thing is told; a guess would point at somebody else's mistake.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::observed::Object;

/// Lines of the stack file, from 1, by kind and name of what is asked for there: `Secret/bundle-credentials`,
/// `NodePool/gpu`, `ContainerRegistry/modelopsdevacr`, `BlobContainer/bundles`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StackLines(BTreeMap<String, u32>);

impl StackLines {
    /// Whether no line is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a line; the first one of a name stays.
    pub fn add(&mut self, kind: &str, name: &str, line: u32) {
        self.0.entry(format!("{kind}/{name}")).or_insert(line);
    }

    fn line(&self, kind: &str, name: &str) -> Option<u32> {
        self.0.get(&format!("{kind}/{name}")).copied()
    }

    /// The line of what a finding is about: its object, the registry or the container that it names, its only pool.
    pub(crate) fn of(&self, f: &Finding) -> Option<u32> {
        let object = |o: &Object| self.line(&o.kind, &o.name);
        let pool = || match f.pools.as_slice() {
            [one] => self.line("NodePool", one),
            _ => None,
        };
        f.objects
            .iter()
            .find_map(object)
            .or_else(|| self.line("ContainerRegistry", f.target.split_once(".azurecr.")?.0))
            .or_else(|| self.line("BlobContainer", &f.target))
            .or_else(|| self.line("NodePool", &f.target))
            .or_else(pool)
    }
}

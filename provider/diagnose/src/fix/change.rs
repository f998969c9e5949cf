//! What a fix changes, as reports show it: no value, only the beginnings of hashes under the nonce of the run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observed::Object;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waits for consent.
    Planned,
    /// Made, and the cause is gone.
    Applied,
    /// Made, and taken back: it did not help, or could not be checked.
    RolledBack,
    /// Refused half-way, and what was begun is taken back.
    Failed,
    /// Made, and not checked: the run was interrupted.
    Unchecked,
    /// Another change has mended the cause already.
    NotNeeded,
    /// Not made; the reason says why.
    NotApplied,
}

impl State {
    /// The word used in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Unchecked => "applied, not checked",
            Self::NotNeeded => "not needed",
            Self::NotApplied => "not applied",
        }
    }
}

/// One field of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The cause that it mends.
    pub cause_id: String,
    /// Host, image, variable or object that the cause is about.
    pub target: String,
    /// What is changed.
    pub object: Object,
    /// Where in it.
    pub field: String,
    /// Hash of what stands there; empty for nothing.
    pub before: String,
    /// Hash of what will stand there.
    pub after: String,
    /// Whether it is taken back when it does not help.
    pub reversible: bool,
    /// Whether pods are made again.
    pub restarts: bool,
    /// What has to be allowed: `patch secrets`.
    pub rights: Vec<String>,
    /// Other field managers that hold the field now; consent takes it from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes_from: Vec<String>,
    /// What became of it.
    pub state: State,
    /// A few words on that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A cause that `--fix` leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unfixed {
    /// Its id.
    pub cause_id: String,
    /// Host, image, variable or object.
    pub target: String,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub text: String,
    /// The same as a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The page on which a person does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// What `--fix` has planned and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fixing {
    /// Its changes in the order in which they are made.
    pub changes: Vec<Change>,
    /// Causes that it leaves alone.
    pub left: Vec<Unfixed>,
}

impl Fixing {
    /// How many changes are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.changes.iter().filter(|change| change.state == state).count()
    }
}

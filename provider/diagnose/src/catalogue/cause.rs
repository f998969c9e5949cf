//! An entry of the catalogue: everything that is known about one cause, in one place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::{Remedy, Rule, Severity};

/// What may be done about a cause, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Repair {
    /// Can be applied by the tool; no pod restarts.
    Apply,
    /// Can be applied by the tool; pods restart.
    Restart,
    /// A change of the stack file or of the cloud; printed only.
    Stack,
    /// Only a person can do it: a licence page, a new key, a contract.
    Human,
    /// There is nothing to change.
    Nothing,
}

impl Repair {
    /// What the class means, for `mops explain`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Apply => "can be applied without a restart",
            Self::Restart => "can be applied; pods restart",
            Self::Stack => "belongs in the stack file or the cloud",
            Self::Human => "only a person can do it",
            Self::Nothing => "nothing to change",
        }
    }
}

/// One cause: stable id, words for people, and the rules that find it.
///
/// Ids are never renamed and never used again. Start an entry from [`CAUSE`].
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// The stable id.
    pub id: &'static str,
    /// A few words, as a headline.
    pub title: &'static str,
    /// What it means for somebody who reads the id for the first time.
    pub meaning: &'static str,
    /// What must be seen, and how it differs from its neighbours.
    pub signal: &'static str,
    /// What looks like it, and what that gives instead.
    pub near_miss: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Who may mend it.
    pub repair: Repair,
    /// The signal is known from public reports and was not checked against the live service; such a cause is never
    /// certain.
    pub unconfirmed: bool,
    /// Public issues and documents that describe the signal: `owner/repository#number` or a document's name.
    pub sources: &'static [&'static str],
    /// A page on which a person mends it; empty for none.
    pub page: &'static str,
    /// What to do, unless a rule knows it better.
    pub remedy: Remedy,
    /// What must be seen together; the first observation of a rule is its trigger.
    pub rules: &'static [Rule],
}

impl Cause {
    /// What to do: its own remedy first, then those of rules that know it better.
    pub(crate) fn remedies(&self) -> impl Iterator<Item = Remedy> + use<> {
        std::iter::once(self.remedy).chain(self.rules.iter().filter_map(|rule| rule.remedy))
    }
}

/// An error with a confirmed signal: what an entry says only where it differs.
pub(crate) const CAUSE: Cause = Cause {
    id: "",
    title: "",
    meaning: "",
    signal: "",
    near_miss: "",
    severity: Severity::Error,
    repair: Repair::Nothing,
    unconfirmed: false,
    sources: &[],
    page: "",
    remedy: Remedy::NONE,
    rules: &[],
};

/// A section of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The word for `--only` and `--skip`.
    pub name: &'static str,
    /// What its causes are about, in a few words.
    pub about: &'static str,
    /// Its entries, a small file each.
    pub(crate) parts: &'static [&'static [Cause]],
}

impl Family {
    /// Its causes in the order of the catalogue.
    pub fn causes(&self) -> impl Iterator<Item = &'static Cause> + use<> {
        self.parts.iter().copied().flatten()
    }
}

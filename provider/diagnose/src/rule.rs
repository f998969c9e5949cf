//! A rule: observations that must be there, and the cause that they prove together. A rule has no
//! way to ask for something that is *not* there, so a lost observation can take a cause away or
//! weaken it and never make another one certain (`tests::honesty`, a property over all rules).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observed::{Observed, Status, Vantage};

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// One of several.
    Medium,
    /// Very likely; something that could rule out the rest was not seen.
    High,
    /// Proven.
    Certain,
}

impl Confidence {
    /// The word used in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Medium => "possible",
            Self::High => "likely",
            Self::Certain => "certain",
        }
    }
}

/// How bad a finding is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A check failed because of it.
    Error,
    /// Works, and should not stay so.
    Warning,
    /// Worth knowing.
    Note,
}

/// What must lie together with the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Near {
    /// The same target.
    Target,
    /// The same pool, or a place without one.
    Pool,
    /// Both.
    PoolAndTarget,
    /// The same pool and credential.
    Credential,
}

/// One observation that a rule needs; an empty list means "any".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    check: &'static [&'static str],
    vantage: Option<Vantage>,
    status: Status,
    credential: &'static [&'static str],
    http: &'static [u16],
    code: &'static [&'static str],
    near: Near,
}

impl Need {
    const fn of(check: &'static [&'static str], status: Status) -> Self {
        Self { check, vantage: None, status, credential: &[], http: &[], code: &[], near: Near::Pool }
    }

    /// One of these checks, failed.
    pub(crate) const fn failed(check: &'static [&'static str]) -> Self {
        Self::of(check, Status::Fail)
    }

    /// One of these checks, passed.
    pub(crate) const fn passed(check: &'static [&'static str]) -> Self {
        Self::of(check, Status::Pass)
    }

    /// One of these checks, not made.
    pub(crate) const fn skipped(check: &'static [&'static str]) -> Self {
        Self::of(check, Status::Skip)
    }

    /// Made from here.
    pub(crate) const fn from(mut self, vantage: Vantage) -> Self {
        self.vantage = Some(vantage);
        self
    }

    /// Made with one of these credentials.
    pub(crate) const fn with(mut self, credential: &'static [&'static str]) -> Self {
        self.credential = credential;
        self
    }

    /// With one of these HTTP statuses.
    pub(crate) const fn http(mut self, http: &'static [u16]) -> Self {
        self.http = http;
        self
    }

    /// With one of these codes.
    pub(crate) const fn code(mut self, code: &'static [&'static str]) -> Self {
        self.code = code;
        self
    }

    /// How it must lie to the trigger.
    pub(crate) const fn near(mut self, near: Near) -> Self {
        self.near = near;
        self
    }

    fn is(&self, o: &Observed) -> bool {
        self.check.contains(&o.check.as_str())
            && o.status == self.status
            && self.vantage.is_none_or(|v| v == o.vantage)
            && (self.credential.is_empty() || self.credential.contains(&o.credential.as_str()))
            && (self.http.is_empty() || o.http_status.is_some_and(|s| self.http.contains(&s)))
            && (self.code.is_empty() || self.code.contains(&o.code()))
    }

    fn lies_near(&self, trigger: &Observed, o: &Observed) -> bool {
        let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        let pool = same(&o.pool, &trigger.pool) && same(&o.worker, &trigger.worker);
        match self.near {
            Near::Target => o.target == trigger.target,
            Near::Pool => pool,
            Near::PoolAndTarget => pool && o.target == trigger.target,
            Near::Credential => pool && o.credential == trigger.credential,
        }
    }
}

/// What to do: words, and the command with a stack file or without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedy {
    /// One sentence.
    pub(crate) text: &'static str,
    /// The command when the stack file is known; empty for none.
    pub(crate) stack: &'static str,
    /// The command when it is not; empty for none.
    pub(crate) plain: &'static str,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The stable id.
    pub(crate) id: &'static str,
    /// The section of the catalogue.
    pub(crate) family: &'static str,
    /// How bad.
    pub(crate) severity: Severity,
    /// How sure, when all needs are there.
    pub(crate) confidence: Confidence,
    /// The first is the trigger.
    pub(crate) when: &'static [Need],
    /// Causes that this one explains: dropped beside it unless they are certain themselves.
    pub(crate) over: &'static [&'static str],
    /// One sentence; names in braces are filled in.
    pub(crate) message: &'static str,
    /// What to do.
    pub(crate) remedy: Remedy,
}

/// A trigger with the observations that complete it.
pub(crate) struct Match<'a> {
    /// The observation that the cause is about.
    pub(crate) trigger: &'a Observed,
    /// All of them, the trigger first.
    pub(crate) evidence: Vec<&'a Observed>,
}

impl Rule {
    /// Every place where the rule holds.
    pub(crate) fn matches<'a>(&self, seen: &'a [Observed]) -> Vec<Match<'a>> {
        let Some((first, rest)) = self.when.split_first() else { return Vec::new() };
        seen.iter().filter(|o| first.is(o)).filter_map(|trigger| complete(trigger, rest, seen)).collect()
    }
}

fn complete<'a>(trigger: &'a Observed, rest: &[Need], seen: &'a [Observed]) -> Option<Match<'a>> {
    let mut evidence = vec![trigger];
    for need in rest {
        evidence.push(seen.iter().find(|o| need.is(o) && need.lies_near(trigger, o))?);
    }
    Some(Match { trigger, evidence })
}

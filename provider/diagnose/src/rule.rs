//! A rule: observations that must be there, and the cause that they prove together. A rule has no
//! way to ask for something that is *not* there, so a lost observation can take a cause away or
//! weaken it and never make another one certain (`catalogue::tests::honesty`, a property over all rules).

use std::collections::HashMap;

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
    /// The same registry, by itself or in an image.
    Host,
    /// The same host, with the same credential in the same place.
    HostAndCredential,
}

/// One observation that a rule needs; an empty list means "any".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    check: &'static [&'static str],
    vantage: Option<Vantage>,
    status: Status,
    credential: &'static [&'static str],
    target: &'static [&'static str],
    http: &'static [u16],
    code: &'static [&'static str],
    near: Near,
}

impl Need {
    const fn of(check: &'static [&'static str], status: Status) -> Self {
        Self { check, vantage: None, status, credential: &[], target: &[], http: &[], code: &[], near: Near::Pool }
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

    /// About one of these.
    pub(crate) const fn on(mut self, target: &'static [&'static str]) -> Self {
        self.target = target;
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
            && (self.target.is_empty() || self.target.contains(&o.target.as_str()))
            && (self.http.is_empty() || o.http_status.is_some_and(|s| self.http.contains(&s)))
            && (self.code.is_empty() || self.code.contains(&o.code()))
    }

    /// The part of a place that must be the same word for word.
    fn place<'a>(&self, o: &'a Observed) -> &'a str {
        match self.near {
            Near::Target | Near::PoolAndTarget => &o.target,
            Near::Credential => &o.credential,
            Near::Host | Near::HostAndCredential => host(&o.target),
            Near::Pool => "",
        }
    }

    fn lies_near(&self, trigger: &Observed, o: &Observed) -> bool {
        let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        let pool = same(&o.pool, &trigger.pool) && same(&o.worker, &trigger.worker);
        match self.near {
            Near::Target => o.target == trigger.target,
            Near::Pool => pool,
            Near::PoolAndTarget => pool && o.target == trigger.target,
            Near::Credential => pool && o.credential == trigger.credential,
            Near::Host => host(&o.target) == host(&trigger.target),
            Near::HostAndCredential => {
                pool && o.credential == trigger.credential && host(&o.target) == host(&trigger.target)
            }
        }
    }
}

/// The host of an image, or of a target that is one.
fn host(target: &str) -> &str {
    target.split('/').next().unwrap_or(target)
}

/// What to do: words, and the command with a stack file or without one.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// One sentence.
    pub text: &'static str,
    /// The command when the stack file is known; empty for none.
    pub stack: &'static str,
    /// The command when it is not; empty for none.
    pub plain: &'static str,
}

impl Remedy {
    /// No words and no command.
    pub(crate) const NONE: Self = Self { text: "", stack: "", plain: "" };
}

/// Observations that prove a cause together.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// How sure, when all needs are there.
    pub confidence: Confidence,
    /// The first is the trigger.
    pub(crate) when: &'static [Need],
    /// Causes that this one explains: dropped beside it unless they are certain themselves.
    pub(crate) over: &'static [&'static str],
    /// One sentence; names in braces are filled in.
    pub(crate) message: &'static str,
    /// What to do, where this differs from the cause's own remedy.
    pub(crate) remedy: Option<Remedy>,
    /// How bad, where this differs from the cause.
    pub(crate) severity: Option<Severity>,
    /// Its signal is known from public reports, other than the rest of the cause; never certain.
    pub(crate) unconfirmed: bool,
}

/// These observations prove the cause.
pub(crate) const fn certain(when: &'static [Need], message: &'static str) -> Rule {
    Rule { confidence: Confidence::Certain, when, over: &[], message, remedy: None, severity: None, unconfirmed: false }
}

/// These observations make the cause very likely.
pub(crate) const fn high(when: &'static [Need], message: &'static str) -> Rule {
    Rule { confidence: Confidence::High, ..certain(when, message) }
}

/// These observations make the cause one of several.
pub(crate) const fn medium(when: &'static [Need], message: &'static str) -> Rule {
    Rule { confidence: Confidence::Medium, ..certain(when, message) }
}

impl Rule {
    /// Explains these causes too.
    pub(crate) const fn over(self, over: &'static [&'static str]) -> Self {
        Self { over, ..self }
    }

    /// Knows better what to do.
    pub(crate) const fn remedy(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// Is as bad as this.
    pub(crate) const fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    /// Was not checked against the live service.
    pub(crate) const fn unconfirmed(self) -> Self {
        Self { unconfirmed: true, ..self }
    }
}

/// One of these checks, failed.
pub(crate) const fn failed(check: &'static [&'static str]) -> Need {
    Need::of(check, Status::Fail)
}

/// One of these checks, passed.
pub(crate) const fn passed(check: &'static [&'static str]) -> Need {
    Need::of(check, Status::Pass)
}

/// One of these checks, not made.
pub(crate) const fn skipped(check: &'static [&'static str]) -> Need {
    Need::of(check, Status::Skip)
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
    pub(crate) fn matches<'a>(&self, seen: &Seen<'a>) -> Vec<Match<'a>> {
        let Some((first, rest)) = self.when.split_first() else { return Vec::new() };
        let triggers: Vec<&Observed> = seen.fitting(first).collect();
        if triggers.is_empty() {
            return Vec::new();
        }
        let rest: Vec<Nearby<'a, '_>> = rest.iter().map(|need| Nearby::new(need, seen)).collect();
        if rest.iter().any(Nearby::is_empty) {
            return Vec::new();
        }
        triggers.into_iter().filter_map(|trigger| complete(trigger, &rest)).collect()
    }
}

fn complete<'a>(trigger: &'a Observed, rest: &[Nearby<'a, '_>]) -> Option<Match<'a>> {
    let mut evidence = vec![trigger];
    for need in rest {
        evidence.push(need.first(trigger)?);
    }
    Some(Match { trigger, evidence })
}

/// A run's observations by check, so that a rule looks only at what it asks for.
pub(crate) struct Seen<'a> {
    by_check: HashMap<&'a str, Vec<&'a Observed>>,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(all: &'a [Observed]) -> Self {
        let mut by_check: HashMap<&str, Vec<&Observed>> = HashMap::new();
        for observed in all {
            by_check.entry(&observed.check).or_default().push(observed);
        }
        Self { by_check }
    }

    fn fitting(&self, need: &Need) -> impl Iterator<Item = &'a Observed> {
        let lists = need.check.iter().filter_map(|check| self.by_check.get(check));
        lists.flatten().copied().filter(|o| need.is(o))
    }
}

/// What fits one need, by the part of its place that must be the same as the trigger's.
struct Nearby<'a, 'n> {
    need: &'n Need,
    by_place: HashMap<&'a str, Vec<&'a Observed>>,
}

impl<'a, 'n> Nearby<'a, 'n> {
    fn new(need: &'n Need, seen: &Seen<'a>) -> Self {
        let mut by_place: HashMap<&str, Vec<&Observed>> = HashMap::new();
        for observed in seen.fitting(need) {
            by_place.entry(need.place(observed)).or_default().push(observed);
        }
        Self { need, by_place }
    }

    fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    fn first(&self, trigger: &Observed) -> Option<&'a Observed> {
        let found = self.by_place.get(self.need.place(trigger))?;
        found.iter().copied().find(|o| self.need.lies_near(trigger, o))
    }
}

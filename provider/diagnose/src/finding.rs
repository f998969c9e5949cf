//! Findings from rules: merged by cause and object, weaker ones ruled out by name, and everything
//! that failed without a rule shown as it is.

use std::collections::{BTreeMap, BTreeSet};

use mops_probe::observation::check as probe;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Cause, Family, Repair, UNCLASSIFIED};
use crate::observed::{Object, Observed, Status, Vantage, check};
use crate::rule::{Confidence, Match, Rule, Seen, Severity};
use crate::words::Words;

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// One sentence.
    pub text: String,
    /// A command with every name filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether the command mends it; else it only shows more.
    pub repairs: bool,
    /// Who may do it, and whether pods restart.
    pub class: Repair,
    /// The page on which a person does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Fix {
    /// The word before the command.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        if self.repairs { "run" } else { "look" }
    }
}

/// A cause that was considered and dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// Its id.
    pub cause_id: String,
    /// The observation that made the stronger cause.
    pub probe: String,
}

/// A cause with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable id of the catalogue.
    pub cause_id: String,
    /// A few words, as a headline.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// How sure; absent for `UNCLASSIFIED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The section of the catalogue.
    pub family: String,
    /// One sentence.
    pub message: String,
    /// Host, image, container, variable or object.
    pub target: String,
    /// The credential it is about; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub credential: String,
    /// The pools where it was seen; empty where pools do not matter.
    pub pools: Vec<String>,
    /// Where it was seen.
    pub vantage: Vec<Vantage>,
    /// Ids of the observations that prove it, the trigger first.
    pub evidence: Vec<String>,
    /// Causes that it explains.
    pub ruled_out: Vec<RuledOut>,
    /// The objects it is about.
    pub objects: Vec<Object>,
    /// Where the stack file asks for what it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_line: Option<u32>,
    /// What to do, the best first.
    pub fixes: Vec<Fix>,
    /// Its signal is known from public reports and was not checked against the live service.
    pub unconfirmed: bool,
}

/// A rule with the cause that it finds.
type Row = (&'static Family, &'static Cause, &'static Rule);

impl Finding {
    fn of((family, cause, rule): Row, found: &Match<'_>, words: &Words) -> Self {
        let trigger = found.trigger;
        Self {
            cause_id: cause.id.to_owned(),
            title: cause.title.to_owned(),
            severity: rule.severity.unwrap_or(cause.severity),
            confidence: Some(rule.confidence),
            family: family.name.to_owned(),
            message: words.message(rule.message, &found.evidence),
            target: trigger.target.clone(),
            credential: trigger.credential.clone(),
            pools: pool(trigger),
            vantage: sorted(found.evidence.iter().map(|o| o.vantage)),
            evidence: found.evidence.iter().map(|o| o.id.clone()).collect(),
            ruled_out: Vec::new(),
            objects: sorted(found.evidence.iter().filter_map(|o| o.object.clone())),
            stack_line: None,
            fixes: vec![words.fix(cause, rule, trigger)],
            unconfirmed: cause.unconfirmed || rule.unconfirmed,
        }
    }

    fn unclassified(observed: &Observed) -> Self {
        let place = if observed.pool.is_empty() { String::new() } else { format!("pool {}: ", observed.pool) };
        Self {
            cause_id: UNCLASSIFIED.to_owned(),
            title: catalogue::find(UNCLASSIFIED).map(|(_, c)| c.title).unwrap_or_default().to_owned(),
            severity: Severity::Error,
            confidence: None,
            family: "access".to_owned(),
            message: format!(
                "{place}{} of `{}` failed in a way that no rule knows: {} {}",
                observed.check,
                observed.target,
                observed.result(),
                observed.reason
            )
            .trim_end()
            .to_owned(),
            target: observed.target.clone(),
            credential: observed.credential.clone(),
            pools: pool(observed),
            vantage: vec![observed.vantage],
            evidence: vec![observed.id.clone()],
            ruled_out: Vec::new(),
            objects: observed.object.iter().cloned().collect(),
            stack_line: None,
            fixes: vec![Fix {
                text: "read the reply above; keep this report with --json".to_owned(),
                command: None,
                repairs: false,
                class: Repair::Nothing,
                page: None,
            }],
            unconfirmed: false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let pools =
            self.pools.is_empty() || other.pools.is_empty() || self.pools.iter().any(|p| other.pools.contains(p));
        let credential =
            self.credential.is_empty() || other.credential.is_empty() || self.credential == other.credential;
        let place = pools && credential && related(&self.target, &other.target);
        place || self.uses_trigger_of(other)
    }

    /// Whether the observation that made the other one is part of this one's proof.
    fn uses_trigger_of(&self, other: &Self) -> bool {
        other.evidence.first().is_some_and(|trigger| self.evidence.contains(trigger))
    }

    fn rule_out(&mut self, cause_id: String, probe: String) {
        let ruled = RuledOut { cause_id, probe };
        // The same cause, told of another target with less, is not another one.
        if ruled.cause_id != self.cause_id && !self.ruled_out.contains(&ruled) {
            self.ruled_out.push(ruled);
        }
    }

    /// Whether it tells all that the other one tells, of the same cause: it is about the same place, or has the other
    /// one's observation among its proof. What holds without a credential holds for each.
    fn says(&self, other: &Self) -> bool {
        let credential = self.credential.is_empty() || self.credential == other.credential;
        let certain = other.confidence == Some(Confidence::Certain);
        let place = (credential && self.pools == other.pools) || (!certain && self.uses_trigger_of(other));
        self.cause_id == other.cause_id && self.target == other.target && place
    }

    fn key(&self) -> (String, String, String) {
        (self.cause_id.clone(), self.target.clone(), self.credential.clone())
    }
}

/// Whether a cause of one target can explain something about another: not where their hosts differ, nor where both are
/// things on the same host.
fn related(a: &str, b: &str) -> bool {
    let things = a.contains('/') && b.contains('/');
    host(a).zip(host(b)).is_none_or(|(one, other)| one == other && (a == b || !things))
}

/// The host of a target that is one, or an image on one; `None` for variables, secrets and containers.
fn host(target: &str) -> Option<&str> {
    let host = target.split('/').next()?;
    (host.contains('.') && !host.contains(' ')).then_some(host)
}

fn pool(observed: &Observed) -> Vec<String> {
    Some(observed.pool.clone()).filter(|p| !p.is_empty()).into_iter().collect()
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<_>>().into_iter().collect()
}

fn rows() -> impl Iterator<Item = Row> {
    catalogue::causes().flat_map(|(family, cause)| cause.rules.iter().map(move |rule| (family, cause, rule)))
}

/// All findings of a run, the worst and surest first.
#[must_use]
pub fn classify(seen: &[Observed], words: &Words) -> Vec<Finding> {
    let mut used = BTreeSet::new();
    let mut found: Vec<(&Rule, Finding)> = Vec::new();
    let index = Seen::new(seen);
    for row in rows() {
        for matched in row.2.matches(&index) {
            used.extend(matched.evidence.iter().map(|o| o.id.as_str()));
            found.push((row.2, Finding::of(row, &matched, words)));
        }
    }
    let mut findings = merge(rule_out(found));
    let is_layer = |o: &&Observed| LAYERS.contains(&o.check.as_str());
    let told: BTreeSet<_> = seen.iter().filter(|o| o.status == Status::Fail && !is_layer(o)).map(failure).collect();
    let is_open = |o: &&Observed| {
        must_be_explained(o) && !used.contains(o.id.as_str()) && !(is_layer(o) && told.contains(&failure(o)))
    };
    findings.extend(seen.iter().filter(is_open).map(Finding::unclassified));
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    findings
}

/// Order of the report: severity, confidence, family, id, object. A worker that does not run is
/// what the other causes lead to, so it comes after them.
fn order(f: &Finding) -> impl Ord {
    let symptom = f.cause_id == "WORKER_NOT_RUNNING";
    (f.severity, symptom, std::cmp::Reverse(f.confidence), &f.family, &f.cause_id, &f.target, &f.pools)
}

fn must_be_explained(o: &Observed) -> bool {
    // A crash loop has its own logs to read; the waiting worker is reported by WORKER_NOT_RUNNING.
    o.status == Status::Fail
        && !(o.vantage == Vantage::K && o.code() == crate::kubelet::reason::CRASHING)
        && !COMPARISONS.contains(&o.check.as_str())
}

/// The steps on the way to a registry: the sign-in check behind them fails with the same code, and to speak of one of
/// the two is enough.
const LAYERS: [&str; 7] = [
    probe::NET_DNS,
    probe::NET_TCP,
    probe::NET_TLS,
    probe::NET_PROXY,
    probe::REGISTRY_CHALLENGE,
    probe::REGISTRY_TOKEN,
    probe::IDENTITY_EXCHANGE,
];

/// What makes two failures the same one: place, host and code.
fn failure(o: &Observed) -> (Vantage, &str, &str, &str, &str) {
    (o.vantage, &o.pool, &o.worker, host(&o.target).unwrap_or(&o.target), o.code())
}

/// Checks that only say more about the failure of another one.
const COMPARISONS: &[&str] = &[
    check::PASSWORD,
    check::ENV_FROM,
    check::LINK,
    check::ARM_CREDENTIALS,
    check::ARM_TOKEN,
    check::SCOPE_MAP,
    check::TRUST,
    probe::LOG,
    check::ARM_ROLES,
    check::ARM_AUDIENCE,
    check::ARM_TENANT,
    check::ARM_NETWORK_RULES,
    check::LOGIN,
    check::KEY_COMPARE,
];

/// A finding that stays, with the rows of the same cause that say the same with less: what each of them explains is
/// explained.
struct Kept<'a> {
    finding: Finding,
    rows: Vec<(&'a Rule, Finding)>,
}

impl Kept<'_> {
    /// The observation by which another finding is explained.
    fn explains(&self, other: &Finding) -> Option<String> {
        let explains = |(by, row): &&(&Rule, Finding)| by.over.contains(&other.cause_id.as_str()) && row.covers(other);
        self.rows.iter().find(explains).map(|(_, row)| row.evidence.last().cloned().unwrap_or_default())
    }
}

/// Drops what a surer or better founded cause explains. What is certain is never dropped: else a
/// lost observation could bring it to light as another certain cause.
fn rule_out(mut found: Vec<(&Rule, Finding)>) -> Vec<Finding> {
    found.sort_by_key(|(rule, f)| std::cmp::Reverse((f.confidence, rule.when.len())));
    let mut kept: Vec<Kept<'_>> = Vec::new();
    // Of one id in one place only the surest stays.
    for (rule, finding) in found {
        match kept.iter_mut().find(|k| k.finding.says(&finding)) {
            Some(surer) => surer.rows.push((rule, finding)),
            None => kept.push(Kept { finding: finding.clone(), rows: vec![(rule, finding)] }),
        }
    }
    let mut rest: Vec<Kept<'_>> = Vec::new();
    for next in kept {
        let certain = next.finding.confidence == Some(Confidence::Certain);
        let by = rest.iter_mut().filter(|_| !certain).find_map(|k| Some((k.explains(&next.finding)?, k)));
        match by {
            Some((probe, winner)) => winner.finding.rule_out(next.finding.cause_id, probe),
            None => rest.push(next),
        }
    }
    rest.into_iter().map(|k| k.finding).collect()
}

/// The same cause of the same object in several pools is one finding.
fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: BTreeMap<(String, String, String), Finding> = BTreeMap::new();
    for finding in findings {
        match merged.entry(finding.key()) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(finding);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => join(slot.get_mut(), finding),
        }
    }
    merged.into_values().collect()
}

fn join(into: &mut Finding, other: Finding) {
    if into.confidence < other.confidence {
        other.message.clone_into(&mut into.message);
        into.confidence = other.confidence;
    }
    into.severity = into.severity.min(other.severity);
    let before = if into.message.contains(&phrase(&other.pools)) { phrase(&other.pools) } else { phrase(&into.pools) };
    into.pools = sorted(into.pools.drain(..).chain(other.pools));
    if !before.is_empty() {
        into.message = into.message.replacen(&before, &phrase(&into.pools), 1);
    }
    into.vantage = sorted(into.vantage.drain(..).chain(other.vantage));
    into.objects = sorted(into.objects.drain(..).chain(other.objects));
    into.ruled_out = sorted(into.ruled_out.drain(..).chain(other.ruled_out));
    for id in other.evidence {
        if !into.evidence.contains(&id) {
            into.evidence.push(id);
        }
    }
}

/// `pool a`, `pools a, b`, `5 pools (a, b, c, …)`: as messages name them.
fn phrase(pools: &[String]) -> String {
    match pools {
        [] => String::new(),
        [one] => format!("pool {one}"),
        few @ [_, _] | few @ [_, _, _] => format!("pools {}", few.join(", ")),
        many => format!("{} pools ({}, …)", many.len(), many[..3].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use mops_probe::Observation;

    use super::*;
    use crate::catalogue::CAUSE;
    use crate::rule::{certain, high, medium};

    const FAMILY: Family = Family { name: "f", about: "", parts: &[] };
    const SURE: Cause = Cause { id: "SURE", ..CAUSE };
    const ONE: Cause = Cause { id: "ONE", ..CAUSE };
    const TWO: Cause = Cause { id: "TWO", ..CAUSE };

    /// Two rows of one cause explain each another one; the weaker row is not shown, and what it explains is.
    #[test]
    fn what_a_weaker_row_of_the_same_cause_explains_is_not_lost() {
        let rows: [(&Cause, Rule); 4] = [
            (&SURE, certain(&[], "s").over(&["ONE"])),
            (&SURE, high(&[], "s").over(&["TWO"])),
            (&ONE, medium(&[], "a")),
            (&TWO, medium(&[], "b")),
        ];
        let seen = ["1", "2", "3", "4"].map(|code| Observed::at(Vantage::W, Observation::failed("c", "", "t", code)));
        let words = Words::default();
        let found = rows.iter().zip(&seen).map(|((cause, rule), trigger)| {
            let mut finding =
                Finding::of((&FAMILY, &CAUSE, &CAUSE_ROW), &Match { trigger, evidence: vec![trigger] }, &words);
            finding.cause_id = cause.id.to_owned();
            finding.confidence = Some(rule.confidence);
            finding.evidence = vec![trigger.code().to_owned()];
            (rule, finding)
        });
        let left = rule_out(found.collect());
        let out = |id: &str, probe: &str| RuledOut { cause_id: id.to_owned(), probe: probe.to_owned() };
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!((left[0].cause_id.as_str(), left[0].confidence), ("SURE", Some(Confidence::Certain)));
        assert_eq!(left[0].ruled_out, [out("ONE", "1"), out("TWO", "2")]);
    }

    const CAUSE_ROW: Rule = medium(&[], "");
}

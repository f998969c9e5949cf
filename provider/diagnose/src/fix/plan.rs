//! Which findings are mended, in which order, and by which changes. Nothing is asked or written here (`tests`).

use serde_json::Value as Json;

use super::change::{Change, Fixing, State, Unfixed};
use super::edit::Edit;
use super::ground::Ground;
use super::keeper;
use super::mends::{self, Layer, Mend};
use crate::catalogue::Repair;
use crate::finding::Finding;
use crate::rule::Confidence;

/// What the user allows.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Pods may be made again.
    pub restart: bool,
    /// Only these causes; empty for all.
    pub only: Vec<String>,
}

/// The changes that mend one finding.
pub(crate) struct Step {
    pub(crate) finding: Finding,
    pub(crate) edits: Vec<Edit>,
    pub(crate) changes: Vec<Change>,
}

/// What is to be done, outermost first.
#[derive(Default)]
pub struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) left: Vec<Unfixed>,
}

impl Plan {
    /// What it changes, for people.
    #[must_use]
    pub fn told(&self) -> Fixing {
        Fixing { changes: self.steps.iter().flat_map(|s| s.changes.clone()).collect(), left: self.left.clone() }
    }

    /// How many changes wait for consent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.told().count(State::Planned)
    }
}

impl Step {
    /// Whether both do the same for the same cause.
    fn is_same(&self, other: &Self) -> bool {
        self.finding.cause_id == other.finding.cause_id && self.edits == other.edits
    }

    /// Whether all of it may be done.
    pub(crate) fn waits(&self) -> bool {
        self.changes.iter().all(|change| change.state == State::Planned)
    }
}

/// The changes of all findings that may be mended.
pub(crate) fn plan(findings: &[Finding], ground: &Ground<'_>, allowed: &Allowed) -> Plan {
    let wanted = |f: &&Finding| allowed.only.is_empty() || allowed.only.contains(&f.cause_id);
    let mut planned: Vec<(Layer, Step)> = Vec::new();
    let mut left = Vec::new();
    for finding in findings.iter().filter(wanted) {
        match step(finding, findings, ground, allowed) {
            // What was seen in several places is one change.
            Ok(Some((_, step))) if planned.iter().any(|(_, other)| other.is_same(&step)) => {}
            Ok(Some(found)) => planned.push(found),
            Ok(None) => {}
            Err(why) => left.push(unfixed(finding, why, ground)),
        }
    }
    // With what a node pulls mended first, pods that are made again can come up.
    planned.sort_by_key(|(layer, step)| (*layer, step.edits.iter().any(Edit::restarts)));
    Plan { steps: planned.into_iter().map(|(_, step)| step).collect(), left }
}

fn unfixed(finding: &Finding, why: String, ground: &Ground<'_>) -> Unfixed {
    let fix = finding.fixes.first();
    let command = ground.by_hand(&why).or_else(|| fix.and_then(|fix| fix.command.clone()));
    Unfixed {
        cause_id: finding.cause_id.clone(),
        target: finding.target.clone(),
        why,
        text: fix.map(|fix| fix.text.clone()).unwrap_or_default(),
        command,
        page: fix.and_then(|fix| fix.page.clone()),
    }
}

/// `None`: there is nothing to mend. An error says why it is left alone.
fn step(
    finding: &Finding,
    all: &[Finding],
    ground: &Ground<'_>,
    allowed: &Allowed,
) -> Result<Option<(Layer, Step)>, String> {
    let class = finding.fixes.first().map_or(Repair::Nothing, |fix| fix.class);
    match class {
        Repair::Nothing => return Ok(None),
        Repair::Human => return Err("only a person can do it".to_owned()),
        Repair::Stack => return Err("it belongs in the stack file or the cloud".to_owned()),
        Repair::Apply | Repair::Restart => {}
    }
    sure(finding, all)?;
    let mend = mends::of(&finding.cause_id).ok_or("this version does not apply it")?;
    let mut step = build(finding, mend, ground)?;
    if step.edits.is_empty() {
        return Err("the objects are as they should be by now".to_owned());
    }
    let why = obstacle(&step.edits, ground).or_else(|| {
        let asks = class == Repair::Restart && !allowed.restart;
        asks.then(|| "pods restart: give `--allow-restart`".to_owned())
    });
    if let Some(why) = why {
        for change in &mut step.changes {
            (change.state, change.why) = (State::NotApplied, why.clone());
        }
    }
    Ok(Some((mend.layer, step)))
}

/// The changes of one finding on what is there now.
pub(crate) fn build(finding: &Finding, mend: &Mend, ground: &Ground<'_>) -> Result<Step, String> {
    let edits = (mend.edits)(finding, ground)?;
    let names = (finding.cause_id.as_str(), finding.target.as_str());
    let changes = edits.iter().flat_map(|edit| edit.changes(names, &ground.request.nonce)).collect();
    Ok(Step { finding: finding.clone(), edits, changes })
}

/// A cause that is possible only, or known from hearsay alone, is told and never mended.
fn sure(finding: &Finding, all: &[Finding]) -> Result<(), String> {
    let certain = |other: &&Finding| other.confidence == Some(Confidence::Certain) && !other.unconfirmed;
    let same = |other: &Finding| other.objects.iter().any(|object| finding.objects.contains(object));
    match finding.confidence {
        None | Some(Confidence::Medium) => Err("it is possible only, and not likely".to_owned()),
        _ if finding.unconfirmed && !all.iter().filter(certain).any(same) => {
            Err("its signal was never checked against the live service".to_owned())
        }
        _ => Ok(()),
    }
}

/// Why pods of a StatefulSet would not be made again from a changed template.
fn waits_for_people(maker: &Json) -> Option<String> {
    let strategy = &maker["spec"]["updateStrategy"];
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    let count = |name: &str| maker["status"][name].as_i64().unwrap_or(0);
    let ordered = maker["spec"]["podManagementPolicy"] != "Parallel";
    let words = match strategy["type"].as_str() {
        _ if maker["kind"] != "StatefulSet" => return None,
        Some("OnDelete") => "its strategy is OnDelete",
        _ if partition > 0 => "it has a partition",
        // One that does not get ready holds up the rollout of what would mend it.
        _ if ordered && count("readyReplicas") < count("replicas") => "one that is not ready holds up the others",
        _ => return None,
    };
    Some(format!("pods of a StatefulSet are not made again here ({words}): change it, and delete them one by one"))
}

fn obstacle(edits: &[Edit], ground: &Ground<'_>) -> Option<String> {
    edits.iter().find_map(|edit| {
        let kept = match edit {
            Edit::Create(_) => None,
            _ => keeper::of(edit.object()).map(|who| format!("kept by {who}: make the change there")),
        };
        let sealed = matches!(edit, Edit::Set { live, .. } if live["immutable"] == true);
        let sealed = || sealed.then(|| "the secret is immutable: make another one".to_owned());
        let by_hand = || edit.restarts().then(|| waits_for_people(edit.object())).flatten();
        let denied = || ground.lacks(&edit.rights()).map(|right| format!("not permitted: {right}"));
        kept.or_else(sealed).or_else(by_hand).or_else(denied)
    })
}

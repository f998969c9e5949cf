//! Carries a plan out: one cause after another, each looked at again before the next. The first that is not gone is
//! taken back and ends it (`tests/diagnose/fix.rs`).

use mops_host::random;

use super::change::{Change, State};
use super::ground::{Ground, unreadable};
use super::plan::{Plan, Step, build};
use super::{mends, write};
use crate::capture::Capture;
use crate::cluster::Cluster;
use crate::finding::Finding;
use crate::observed::{Observed, Status, check, code};
use crate::report::Command;
use crate::request::{Request, Services};
use crate::run;

/// How a step ended.
struct End {
    state: State,
    why: String,
    /// What is seen since, where that is another thing than before.
    seen: Option<Capture>,
    /// Whether the next one may be begun.
    go_on: bool,
}

impl End {
    fn stop(state: State, why: impl Into<String>) -> Self {
        Self { state, why: why.into(), seen: None, go_on: false }
    }
}

/// Makes the planned changes; gives back what is seen in the end, with what became of each of them.
pub(crate) async fn carry_out(
    plan: Plan,
    first: Capture,
    request: &Request,
    services: &Services,
    moment: &str,
) -> Capture {
    let cluster = Cluster::new(services.kube.clone(), &request.namespace);
    let mut fixing = plan.told();
    fixing.changes.clear();
    let (mut seen, mut go_on) = (first, true);
    for step in plan.steps {
        let mut changes = step.changes.clone();
        if step.waits() {
            let end = match go_on && !services.cancel.is_canceled() {
                true => mend(&cluster, &step, (&seen, request), services, moment).await,
                false if services.cancel.is_canceled() => End::stop(State::NotApplied, "interrupted"),
                false => End::stop(State::NotApplied, "an earlier change did not help"),
            };
            go_on = end.go_on;
            tell(&mut changes, end.state, &end.why);
            seen = end.seen.unwrap_or(seen);
        }
        fixing.changes.extend(changes);
    }
    seen.interrupted |= services.cancel.is_canceled();
    seen.fixing = Some(fixing);
    seen
}

fn tell(changes: &mut [Change], state: State, why: &str) {
    for change in changes {
        change.state = state;
        why.clone_into(&mut change.why);
    }
}

fn still(finding: &Finding, seen: &Capture) -> bool {
    let found = seen.clone().report().findings;
    let key = |f: &Finding| (f.cause_id.clone(), f.target.clone(), f.credential.clone());
    found.iter().any(|f| key(f) == key(finding))
}

/// One step: read again, write, wait, look again, and take it back where it did not help.
async fn mend(
    cluster: &Cluster,
    step: &Step,
    (seen, request): (&Capture, &Request),
    services: &Services,
    moment: &str,
) -> End {
    let finding = &step.finding;
    if !still(finding, seen) {
        return End { go_on: true, ..End::stop(State::NotNeeded, "an earlier change has mended it") };
    }
    let fresh = match again(cluster, step, (seen, request), moment).await {
        Ok(fresh) => fresh,
        Err(why) => return End::stop(State::NotApplied, why),
    };
    (services.progress)(&format!("mending {} of {}", finding.cause_id, finding.target));
    let written = match write::all(cluster, &fresh.edits).await {
        Ok(written) => written,
        Err((written, trouble)) => {
            let why = if trouble.code == code::CONFLICT { changed(&trouble.detail) } else { trouble.detail };
            let state = if written.is_empty() { State::NotApplied } else { State::Failed };
            return End::stop(state, after(why, write::back(cluster, &written).await));
        }
    };
    let rolled = write::rolled_out(cluster, services, &written).await;
    if services.cancel.is_canceled() {
        write::settle(cluster, &written).await;
        return End::stop(State::Unchecked, "interrupted");
    }
    let now = look_again(request, services).await;
    let why = match (rolled, &now) {
        (Err(why), _) => why,
        (Ok(()), now) if now.interrupted => {
            write::settle(cluster, &written).await;
            return End { seen: Some(now.clone()), ..End::stop(State::Unchecked, "interrupted") };
        }
        (Ok(()), now) if !looked(now) => "what it did could not be looked at".to_owned(),
        (Ok(()), now) if still(finding, now) => "the cause is still there".to_owned(),
        (Ok(()), _) => {
            write::settle(cluster, &written).await;
            return End { state: State::Applied, why: String::new(), seen: Some(now), go_on: true };
        }
    };
    let stuck = write::back(cluster, &written).await;
    let state = if stuck.is_empty() { State::RolledBack } else { State::Failed };
    End::stop(state, after(why, stuck))
}

fn changed(detail: &str) -> String {
    format!("it has changed since it was read; run this again ({detail})")
}

fn after(why: String, stuck: Vec<String>) -> String {
    if stuck.is_empty() { why } else { format!("{why}; not taken back: {}", stuck.join("; ")) }
}

/// The same step on the objects of now; an error when another change comes out.
async fn again(
    cluster: &Cluster,
    step: &Step,
    (seen, request): (&Capture, &Request),
    moment: &str,
) -> Result<Step, String> {
    let findings = std::slice::from_ref(&step.finding);
    let ground = Ground::read(cluster, request, (findings, &seen.observations), moment).await;
    let ground = ground.map_err(|trouble| unreadable(&trouble))?;
    let mend = mends::of(&step.finding.cause_id).ok_or("this version does not apply it")?;
    let fresh = build(&step.finding, mend, &ground).map_err(|why| changed(&why))?;
    if fresh.changes == step.changes { Ok(fresh) } else { Err(changed("another change would be needed now")) }
}

/// Steps 2 to 9 once more. The invented login has had its one request.
async fn look_again(request: &Request, services: &Services) -> Capture {
    (services.progress)("looking again");
    let request = Request { run: random::hex::<4>(), negative_probe: false, ..request.clone() };
    run::run(Command::DiagnoseAuth, &request, services).await
}

/// Whether the cluster has answered, and in time.
fn looked(seen: &Capture) -> bool {
    let passed =
        |check: &str| seen.observations.iter().any(|o: &Observed| o.check == check && o.status == Status::Pass);
    passed(check::API) && passed(check::PODS) && !seen.skipped.iter().any(|s| s.required && s.why == "time")
}

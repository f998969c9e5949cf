//! What the rotations of a stack's credentials have in common: runs of the engine, and the proof.

use std::collections::BTreeSet;
use std::time::Duration;

use mops_clients::kubernetes::Kubernetes;
use mops_core::{Secret, StackId, Urn};
use mops_diagnose::Command;
use mops_engine::plan::Plan;
use mops_engine::program::Component;
use mops_engine::run::{Approve, UpOptions};
use mops_engine::state::{ResourceState, Sealer, Snapshot, Store};

use super::journal::Entry;
use super::pods::{self, Carriers};
use crate::app::App;
use crate::args::{AskingArgs, ReadingArgs, RotateStackArgs, SubjectArgs, Wanted, WorkloadArgs};
use crate::commands::{check, up};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::printer::RunView;
use crate::selection::Target;
use crate::session::Session;

/// Everything that a step needs.
pub(super) struct Course<'a> {
    pub(super) app: &'a App,
    pub(super) args: &'a RotateStackArgs,
    pub(super) session: &'a Session,
    pub(super) pointed: &'a Pointed,
}

/// Of what a run of the engine is to make anew, and what it is to leave.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    pub(super) renew: BTreeSet<Urn>,
    pub(super) leave: BTreeSet<Urn>,
}

impl Chosen {
    fn options(&self, approve: Option<Approve>) -> UpOptions {
        UpOptions { approve, renew: self.renew.clone(), leave: self.leave.clone(), ..UpOptions::default() }
    }
}

impl Course<'_> {
    /// The stack's program, each workload with the time that the user gives it.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        let mut target = self.app.program(&self.args.file)?;
        up::wait_as_long_as(self.args.ready_timeout, &mut target);
        Ok(target)
    }

    /// Shows what a run would do.
    pub(super) async fn show(&self, target: &Target, snapshot: &Snapshot, chosen: &Chosen) -> Outcome {
        let view = RunView::of_preview(&self.app.printer);
        let engine = self.app.engine(self.session, self.args.pace, view.sink());
        let options = UpOptions { sealer: Some(self.app.sealer(snapshot)?), ..chosen.options(None) };
        let plan = engine.preview(&target.program, snapshot, &options).await?;
        view.plan(&plan);
        Ok(Exit::Ok)
    }

    /// Makes reality what the target says; `None` when the user declined.
    pub(super) async fn bring(
        &self,
        store: &mut Store,
        target: &Target,
        chosen: &Chosen,
        approve: Option<Approve>,
    ) -> Result<Option<Exit>, Failure> {
        let view = RunView::of_run(&self.app.printer);
        let engine = self.app.engine(self.session, self.args.pace, view.sink());
        let report = engine.up(&target.program, store, &chosen.options(approve)).await?;
        Ok((!report.declined).then(|| Exit::from(report.exit())))
    }

    /// Every pod of the workspace has the new one, nobody's secret the old one, and a worker pod in every pool signs in
    /// with it. `Ok(Exit::Ok)` is the only proof.
    pub(super) async fn prove(&self, store: &Store, entry: &Entry) -> Outcome {
        let snapshot = store.snapshot();
        let (named, workload, asking) = (&SubjectArgs::default(), &WorkloadArgs::default(), &AskingArgs::default());
        let subject = check::Subject {
            session: self.session,
            snapshot,
            pointed: self.pointed,
            named,
            workload,
            asking,
            probe: &self.args.probe,
            smoke: None,
        };
        let (kubernetes, namespace) = check::workspace(self.app, &subject).await?;
        if !self.pods_have_it(&kubernetes, &namespace, snapshot).await?
            || !self.nobody_keeps_the_old_one(&kubernetes, &namespace, entry).await?
        {
            return Ok(Exit::Failed);
        }
        let capture = check::look(self.app, Command::SmokeTest, &subject).await?;
        check::conclude(self.app, capture, &ReadingArgs::default(), &[Wanted::printed(self.app.global.json)])
    }

    async fn pods_have_it(
        &self,
        kubernetes: &Kubernetes,
        namespace: &str,
        snapshot: &Snapshot,
    ) -> Result<bool, Failure> {
        let (carriers, clock) = (carriers(snapshot), &self.session.clock);
        let end = clock.monotonic() + self.args.ready_timeout;
        loop {
            let held = pods::look(kubernetes, namespace, &carriers).await?;
            if !held.staying.is_empty() {
                let pods = listed(&held.staying);
                self.app.printer.say(&format!("not proven: {pods} in `{namespace}` took the old one at the start"));
                self.app.printer.hint("the stack did not make them: restart what did, then run this again");
                return Ok(false);
            }
            if held.going.is_empty() {
                let (count, has) = (held.new, if held.new == 1 { "pod has" } else { "pods have" });
                self.app.printer.note(&format!("{count} {has} the new one"));
                return Ok(true);
            }
            if clock.monotonic() >= end || self.app.cancel.is_canceled() {
                let pods = listed(&held.going);
                self.app.printer.say(&format!("not proven: {pods} in `{namespace}` still have the old one"));
                return Ok(false);
            }
            clock
                .sleep(pods::LOOK_AGAIN.min(end.saturating_sub(clock.monotonic()).max(Duration::from_millis(1))))
                .await;
        }
    }

    async fn nobody_keeps_the_old_one(
        &self,
        kubernetes: &Kubernetes,
        namespace: &str,
        entry: &Entry,
    ) -> Result<bool, Failure> {
        // Whoever may not read all secrets of the cluster sees those of the workspace.
        let found = match pods::copies_anywhere(kubernetes, entry).await {
            Ok(copies) => Ok(copies),
            Err(_) => {
                self.app.printer.note(&format!("secrets of other namespaces than `{namespace}` may not be read"));
                let here = pods::copies(kubernetes, namespace, entry).await;
                here.map(|names| names.iter().map(|name| format!("{namespace}/{name}")).collect())
            }
        };
        let copies = match found {
            Ok(copies) => copies,
            Err(error) => {
                let note = format!("whether another secret has the old one is not known: {error}");
                self.app.printer.note(&note);
                return Ok(true);
            }
        };
        if copies.is_empty() {
            return Ok(true);
        }
        let (text, hint) = (
            format!("not proven: the secrets {} hold the old one", listed(&copies)),
            "the stack did not make them: write the new one there (`mops infra outputs registry --show-secrets`), or \
             delete them, then run this again",
        );
        self.app.printer.say(&text);
        self.app.printer.hint(hint);
        Ok(false)
    }
}

/// Asked once, before the first write.
pub(super) fn changes_credential(plan: &Plan) -> Option<String> {
    (!plan.is_empty()).then(|| "this changes a credential of stack".to_owned())
}

/// The one resource of a type that a stack has for its own pods; what Novita has is another one.
pub(super) fn only<'a>(snapshot: &'a Snapshot, token: &str) -> Option<&'a ResourceState> {
    let own = |r: &&ResourceState| r.component != Component::Novita && !r.pending_delete;
    snapshot.resources.iter().filter(own).find(|r| r.urn.token() == token)
}

/// A text among the outputs of a resource, opened.
pub(super) fn opened(sealer: &Sealer, resource: &ResourceState, name: &str) -> Result<Option<Secret<String>>, Failure> {
    let Some(mut value) = resource.outputs.get(name).cloned() else { return Ok(None) };
    sealer.open_in(&mut value).map_err(mops_engine::state::StateError::from)?;
    Ok(value.exposed_json().as_str().map(Secret::from))
}

/// Which credential it is: another state, or one that was made anew, has another.
pub(super) fn subject(snapshot: &Snapshot, resource: &ResourceState) -> String {
    let made = resource.created.map(|at| at.unix_timestamp()).unwrap_or_default();
    format!("{} {made} {}", snapshot.lineage, resource.id)
}

/// The secrets of the stack, for a sentence.
pub(super) fn holders(snapshot: &Snapshot) -> String {
    let types = ["modelops:kubernetes:Secret", "modelops:kubernetes:ImagePullSecret"];
    let own = |r: &&ResourceState| r.component != Component::Tokens && !r.pending_delete;
    let secrets = snapshot.resources.iter().filter(own).filter(|r| types.contains(&r.urn.token()));
    listed(&secrets.filter_map(|r| Some(r.inputs.get("name")?.as_str()?.to_owned())).collect::<Vec<_>>())
}

/// The secrets of a stack that pods take into their environments.
fn carriers(snapshot: &Snapshot) -> Carriers {
    let secrets = snapshot.resources.iter().filter(|r| r.urn.token() == "modelops:kubernetes:Secret");
    let text = |value: Option<&mops_core::Value>| value.and_then(|v| v.as_str()).map(str::to_owned);
    let pair = |r: &ResourceState| Some((text(r.inputs.get("name"))?, text(r.outputs.get("checksum"))?));
    secrets.filter(|r| !r.pending_delete).filter_map(pair).collect()
}

/// A few names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// The stack that a rotation is about.
pub(super) fn stack(target: &Target) -> &StackId {
    &target.program.stack
}

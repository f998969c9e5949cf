//! One stack in Pulumi's hands: its state as ours, and a run with our display.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mops_core::{Class, Error, Secret, Urn};
use mops_engine::event::{Body, Event, Outcome, Totals};
use mops_engine::state::{Deployment, Sealer, Snapshot};
use mops_host::{Clock as _, SystemClock};
use mops_resources::Declarations;
use serde_json::Value as Json;

use super::command::Pulumi;
use super::events::Seen;
use super::project;
use crate::app::App;
use crate::args::FileArgs;
use crate::exit::{Exit, Failure};
use crate::printer::RunView;
use crate::selection::Target;

/// The stack of a stack file, at Pulumi's.
pub(super) struct Stack<'a> {
    pub(super) target: Target,
    pub(super) pulumi: Pulumi<'a>,
}

impl<'a> Stack<'a> {
    /// Finds the command and the stack of the file; with `create` the stack is made in the backend when it is not there.
    ///
    /// # Errors
    /// See [`Pulumi::find`]; a stack that is not there.
    pub(super) async fn open(app: &'a App, file: &FileArgs, target: Target, create: bool) -> Result<Self, Failure> {
        let stack = target.program.stack.clone();
        let folder = project::folder(app, &stack, file.path())?;
        let pulumi = Pulumi::find(app, folder, &stack.stack).await?;
        let mut words = vec!["stack", "select", &stack.stack];
        words.extend(create.then_some("--create"));
        pulumi.ask(&words).await?;
        Ok(Self { target, pulumi })
    }

    /// What Pulumi knows of the stack, and what opens its secrets here. Pulumi opens them, whatever they are sealed with,
    /// and here they are sealed again at once, with a passphrase that this process alone has.
    ///
    /// # Errors
    /// What Pulumi said; a state that breaks a rule.
    pub(super) async fn snapshot(&self) -> Result<(Snapshot, Arc<Sealer>), Failure> {
        let stack = &self.target.program.stack;
        let bytes = self.pulumi.ask(&["stack", "export", "--show-secrets", "--stack", &stack.stack]).await?;
        let deployment = Deployment::parse("pulumi stack export", &bytes)?;
        let sealer = Sealer::with_phrase(Secret::new(mops_host::random::hex::<32>()));
        if deployment.stack().is_none() {
            return Ok((Snapshot::none(stack), Arc::new(sealer)));
        }
        let kinds = Declarations::default();
        let found = deployment.accept(stack, &|token| kinds.of(token), &sealer, &self.target.program.scope)?;
        Ok((found.snapshot, Arc::new(sealer)))
    }

    /// Takes protection, and the word that it stays at the service, off everything that is to go all the same: the
    /// resource group with `--delete-rg`. Pulumi has no command for the second, so the state is taken out, changed and
    /// put back; Pulumi checks it as a whole.
    ///
    /// # Errors
    /// What Pulumi said.
    pub(super) async fn release(&self, snapshot: &Snapshot, kept: &[Urn]) -> Result<(), Failure> {
        let held = snapshot.resources.iter().filter(|r| (r.protect || r.retain_on_delete) && !kept.contains(&r.urn));
        let held: Vec<&str> = held.map(|r| r.urn.as_str()).collect();
        if held.is_empty() {
            return Ok(());
        }
        let stack = &self.target.program.stack.stack;
        let bytes = self.pulumi.ask(&["stack", "export", "--stack", stack]).await?;
        let state = released(&bytes, &held).ok_or_else(|| {
            let error = Error::new(Class::Bug, "what `pulumi stack export` printed is not a deployment");
            Failure::could_not_run(error)
        })?;
        self.pulumi.tell(&["stack", "import", "--stack", stack], state).await
    }

    /// Carries a run out, with the display of ours.
    ///
    /// # Errors
    /// What Pulumi said; [`Failure::Told`] when steps failed, which are on the screen.
    pub(super) async fn run(&self, view: &Arc<RunView>, what: &str, words: Vec<String>) -> Result<Totals, Failure> {
        let stack = self.target.program.stack.to_string();
        view.event(&Event::new(Body::RunStarted { stack, operation: what.to_owned() }));
        let clock = SystemClock::new();
        let mut run =
            Run { view, since: HashMap::new(), clock: &clock, totals: Totals::default(), told: HashMap::new() };
        let begin = clock.monotonic();
        let ended = self.pulumi.run(words, |seen| run.show(seen)).await;
        let totals = run.totals;
        let exit = match &ended {
            Ok(()) => Exit::Ok,
            Err(failure) => failure.exit(),
        };
        // A run that did not begin has no end to tell.
        if ended.is_ok() || totals != Totals::default() {
            let millis = millis(clock.monotonic().saturating_sub(begin));
            view.event(&Event::new(Body::RunFinished { totals, exit: exit.code().into(), millis }));
        }
        match ended {
            Err(Failure::Error(Exit::Failed, _)) if totals.failed > 0 => Err(Failure::Told(Exit::Failed)),
            ended => ended.map(|()| totals),
        }
    }
}

/// The text of a deployment in which these are neither protected nor kept at the service.
fn released(deployment: &[u8], urns: &[&str]) -> Option<Secret<String>> {
    let mut state: Json = serde_json::from_slice(deployment).ok()?;
    for entry in state.pointer_mut("/deployment/resources")?.as_array_mut()? {
        if entry["urn"].as_str().is_some_and(|urn| urns.contains(&urn)) {
            let entry = entry.as_object_mut()?;
            entry.shift_remove("protect");
            entry.shift_remove("retainOnDelete");
        }
    }
    Some(Secret::new(state.to_string()))
}

/// A run on its way to the screen.
struct Run<'a> {
    view: &'a Arc<RunView>,
    clock: &'a SystemClock,
    totals: Totals,
    since: HashMap<Urn, Duration>,
    /// The last error of each resource.
    told: HashMap<Urn, String>,
}

impl Run<'_> {
    fn show(&mut self, seen: Seen) {
        match seen {
            Seen::Begun { urn, op } if op != "same" && op != "read" => self.begun(&urn, op),
            Seen::Begun { .. } => {}
            Seen::Ended { urn, op } => self.ended(&urn, op),
            Seen::Failed { urn, op } => self.failed(&urn, op),
            Seen::Told { urn: Some(urn), error: true, text } => drop(self.told.insert(urn, text)),
            Seen::Told { urn: Some(urn), text, .. } => {
                self.tell(Body::StepProgress { urn: urn.as_str().into(), name: urn.name().into(), text });
            }
            Seen::Told { urn: None, error: false, text } => self.tell(Body::Note { text }),
            // The end of the run says it.
            Seen::Told { urn: None, error: true, .. } => {}
        }
    }

    fn begun(&mut self, urn: &Urn, op: String) {
        self.since.insert(urn.clone(), self.clock.monotonic());
        self.tell(Body::StepStarted { urn: urn.as_str().into(), name: urn.name().into(), op });
    }

    fn ended(&mut self, urn: &Urn, op: String) {
        let totals = &mut self.totals;
        let count = match op.as_str() {
            "create" => &mut totals.created,
            "update" => &mut totals.updated,
            "replace" => &mut totals.replaced,
            "delete" => &mut totals.deleted,
            "adopt" => &mut totals.adopted,
            "forget" => &mut totals.forgotten,
            _ => &mut totals.unchanged,
        };
        *count += 1;
        if let Some(millis) = self.took(urn) {
            let (urn, name) = (urn.as_str().into(), urn.name().into());
            self.tell(Body::StepFinished { urn, name, op, outcome: Outcome::Done, millis });
        }
    }

    fn failed(&mut self, urn: &Urn, op: String) {
        self.totals.failed += 1;
        let summary = self.told.remove(urn).unwrap_or_else(|| format!("`{}` failed", urn.name()));
        let millis = self.took(urn).unwrap_or(0);
        let class = crate::printer::class_name(Class::Conflict).to_owned();
        let (urn, name) = (urn.as_str().into(), urn.name().into());
        self.tell(Body::StepFailed { urn, name, op, class, summary, notes: Vec::new(), hint: None, millis });
    }

    fn took(&mut self, urn: &Urn) -> Option<u64> {
        self.since.remove(urn).map(|since| millis(self.clock.monotonic().saturating_sub(since)))
    }

    fn tell(&self, body: Body) {
        self.view.event(&Event::new(body));
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_to_go_loses_its_protection() {
        let text = br#"{"version":3,"deployment":{"resources":[{"urn":"a","protect":true,"retainOnDelete":true,"x":1},{"urn":"b","protect":true}]}}"#;
        let released = released(text, &["a"]).expect("a deployment");
        let wanted = r#"{"version":3,"deployment":{"resources":[{"urn":"a","x":1},{"urn":"b","protect":true}]}}"#;
        assert_eq!(released.expose(), wanted);
    }
}

//! The events of a run as a person sees them, or as JSON lines (`tests`).

use std::sync::Arc;
use std::time::Duration;

use mops_core::Class;
use mops_engine::event::{Body, Event, EventSink, Outcome, Totals};
use mops_engine::plan::Plan;

use super::drift::drift_text;
use super::message::class_name;
use super::plan::plan_text;
use super::progress::NAME_WIDTH;
use super::{End, Printer, Progress, elapsed};

/// Shows one run; the live lines end when it is dropped.
pub(crate) struct RunView {
    printer: Printer,
    progress: Progress,
    /// A preview's plan is its data; elsewhere the plan is news.
    plan_is_data: bool,
    /// Only state may change: what drifted says everything.
    is_refresh: bool,
}

impl RunView {
    fn new(printer: &Printer, plan_is_data: bool, is_refresh: bool) -> Arc<Self> {
        Arc::new(Self { printer: printer.clone(), progress: Progress::start(printer), plan_is_data, is_refresh })
    }

    /// For `up` and `down`.
    pub(crate) fn of_run(printer: &Printer) -> Arc<Self> {
        Self::new(printer, false, false)
    }

    /// For `preview`.
    pub(crate) fn of_preview(printer: &Printer) -> Arc<Self> {
        Self::new(printer, true, false)
    }

    /// For `refresh`; with `plan` what drifted is its data.
    pub(crate) fn of_refresh(printer: &Printer, plan: bool) -> Arc<Self> {
        Self::new(printer, plan, true)
    }

    /// Where the engine sends its events.
    pub(crate) fn sink(self: &Arc<Self>) -> EventSink {
        let view = Arc::clone(self);
        Arc::new(move |event| view.event(&event))
    }

    /// Shows a plan that is not carried out.
    pub(crate) fn plan(&self, plan: &Plan) {
        plan.notes.iter().for_each(|text| self.event(&Event::new(Body::Note { text: text.clone() })));
        if let Some(resources) = plan.drift_views() {
            self.event(&Event::new(Body::Drifted { resources }));
        }
        self.event(&Event::new(Body::Planned { steps: plan.views(), unchanged: plan.unchanged }));
    }

    /// Shows one event.
    pub(crate) fn event(&self, event: &Event) {
        self.printer.event(event);
        match &event.body {
            Body::RunStarted { stack, operation } => self.printer.tell(&format!("{operation} {stack}")),
            Body::Note { text } => self.printer.note(text),
            Body::Reading { count } => tracing::debug!(target: "mops", count, "reading"),
            Body::Drifted { resources } => self.drifted(resources),
            Body::Planned { steps, unchanged } => self.planned(steps, *unchanged),
            Body::StepStarted { urn, name, op } => self.progress.begin(urn, name, doing(op)),
            Body::StepProgress { urn, text, .. } => self.progress.waiting(urn, text),
            Body::StepFinished { urn, op, outcome, .. } => self.progress.end(urn, End::Done, done(op, *outcome)),
            Body::StepFailed { urn, class, .. } if class == class_name(Class::Canceled) => {
                self.progress.end(urn, End::Interrupted, "interrupted");
            }
            Body::StepFailed { urn, summary, notes, hint, .. } => {
                self.progress.end(urn, End::Failed, "failed");
                self.failed(summary, notes, hint.as_deref());
            }
            Body::StepNotStarted { name, because, .. } => {
                self.printer.tell(&format!("  {name:<NAME_WIDTH$}  not started  {because}"));
            }
            Body::RunFinished { totals, millis, .. } => self.finished(*totals, *millis),
        }
    }

    fn drifted(&self, resources: &[mops_engine::event::DriftView]) {
        let look = self.printer.look();
        if look.json {
            return;
        }
        let style = if self.plan_is_data { look.out } else { look.err };
        let text = drift_text(resources, style, look.width);
        if self.plan_is_data { self.printer.data(&text) } else { self.printer.say(&text) }
    }

    fn planned(&self, steps: &[mops_engine::event::StepView], unchanged: usize) {
        let look = self.printer.look();
        if look.json || (self.is_refresh && steps.is_empty()) {
            return;
        }
        let style = if self.plan_is_data { look.out } else { look.err };
        let text = plan_text(steps, unchanged, style, look.width);
        if self.plan_is_data { self.printer.data(&text) } else { self.printer.say(&text) }
    }

    fn failed(&self, summary: &str, notes: &[String], hint: Option<&str>) {
        let style = self.printer.look().err;
        let mut text = format!("{} {summary}\n", style.red("error:"));
        for note in notes {
            text += &format!("{} {note}\n", style.cyan("note:"));
        }
        if let Some(hint) = hint {
            text += &format!("\n{} {hint}\n\n", style.cyan("hint:"));
        }
        self.printer.tell(&text);
    }

    fn finished(&self, totals: Totals, millis: u64) {
        let style = self.printer.look().err;
        let time = elapsed(Duration::from_millis(millis));
        let read = self.is_refresh && totals.forgotten == 0;
        let text = if read { format!("{} read", totals.unchanged) } else { sum(totals) };
        let bad = totals.failed + totals.not_started > 0;
        let text = if bad { style.red(&text) } else { style.green(&text) };
        let after = if bad { "; run the same command to go on" } else { "" };
        self.printer.tell(&format!("{text} in {time}{after}"));
    }
}

fn doing(op: &str) -> &'static str {
    match op {
        "create" => "creating",
        "adopt" => "adopting",
        "update" => "updating",
        "replace" => "replacing",
        "delete" => "deleting",
        "read" => "reading",
        _ => "working",
    }
}

fn done(op: &str, outcome: Outcome) -> &'static str {
    match (outcome, op) {
        (Outcome::Unchanged, _) => "unchanged",
        (Outcome::Adopted, _) | (_, "adopt") => "adopted",
        (_, "create") => "created",
        (_, "update") => "updated",
        (_, "replace") => "replaced",
        (_, "delete") => "deleted",
        (_, "forget") => "forgotten",
        _ => "done",
    }
}

/// `2 created, 1 failed, 4 not started`.
fn sum(t: Totals) -> String {
    let parts = [
        (t.created, "created"),
        (t.adopted, "adopted"),
        (t.updated, "updated"),
        (t.replaced, "replaced"),
        (t.deleted, "deleted"),
        (t.forgotten, "forgotten"),
        (t.unchanged, "unchanged"),
        (t.failed, "failed"),
        (t.not_started, "not started"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "nothing was changed".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::printer;
    use super::*;

    fn send(json: bool, bodies: Vec<Body>) -> (String, String) {
        let (printer, out, err) = printer(json, false);
        let view = RunView::of_run(&printer);
        let sink = view.sink();
        bodies.into_iter().for_each(|body| sink(Event::new(body)));
        (out.text(), err.text())
    }

    fn story() -> Vec<Body> {
        let (urn, name) = ("urn:pulumi:dev::modelops::modelops:azure:NodePool::pool-gpu", "pool-gpu");
        let totals = Totals { failed: 1, created: 2, not_started: 4, ..Totals::default() };
        vec![
            Body::RunStarted { stack: "modelops.dev".into(), operation: "up".into() },
            Body::StepStarted { urn: urn.into(), name: name.into(), op: "create".into() },
            Body::StepProgress { urn: urn.into(), name: name.into(), text: "0/1 nodes".into() },
            Body::StepFailed {
                urn: urn.into(),
                name: name.into(),
                op: "create".into(),
                class: "conflict".into(),
                summary: "`gpu` is over the quota".into(),
                notes: vec!["ARM answered 409".into()],
                hint: Some("ask for more".into()),
                millis: 5,
            },
            Body::RunFinished { totals, exit: 1, millis: 1500 },
        ]
    }

    #[test]
    fn a_failed_run_says_what_was_done_and_what_was_not() {
        let (out, err) = send(false, story());
        assert_eq!(out, "");
        for part in [
            "up modelops.dev\n",
            "  pool-gpu                    creating",
            "error: `gpu` is over the quota\nnote: ARM answered 409\n\nhint: ask for more\n",
            "2 created, 1 failed, 4 not started in 1.5s; run the same command to go on\n",
        ] {
            assert!(err.contains(part), "{part}\nis not in\n{err}");
        }
    }

    #[test]
    fn with_json_each_event_is_one_object_and_nothing_else_is_said() {
        let (out, err) = send(true, story());
        assert_eq!(err, "");
        for line in out.lines() {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(json["type"].is_string() && json["version"] == 1, "{line}");
        }
        assert_eq!(out.lines().count(), 5);
    }
}

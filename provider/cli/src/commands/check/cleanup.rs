//! `--cleanup`: what earlier runs have left in the cluster goes, and nothing else is looked at.

use mops_core::{Class, Error};
use mops_diagnose::Command;
use mops_diagnose::observed::Object;
use mops_diagnose::report::Left;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Ready, Subject, ready};
use crate::app::App;
use crate::args::WorkloadArgs;
use crate::exit::{Exit, Failure, Outcome};

/// What was removed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CleanedLine {
    /// Jobs and pods of earlier runs that are gone, and copies of secrets that a fix has kept.
    removed: Vec<Object>,
    /// Those that are still there.
    left: Vec<Left>,
}

/// Removes them, and says which.
pub(super) async fn run(app: &App, command: Command, subject: &Subject<'_>) -> Outcome {
    // Nobody but the cluster is asked.
    let workload = WorkloadArgs { no_arm: true, ..subject.workload.clone() };
    let subject = &Subject { workload: &workload, smoke: None, ..*subject };
    let both = match ready(app, command, subject).await? {
        Ready::Ask(both) => both,
        Ready::Not(_) => {
            let error = Error::new(Class::Transient, "the cluster cannot be asked");
            return Err(Failure::could_not_run(error.hint("the same command without `--cleanup` says why")));
        }
    };
    let done = mops_diagnose::clean_up(&both.0, &both.1).await;
    if let Some(why) = done.cleanup.unknown {
        let error = Error::new(Class::Transient, format!("what is there could not be listed: {why}"));
        return Err(Failure::could_not_run(error.hint("the same command without `--cleanup` says why")));
    }
    let line = CleanedLine { removed: done.objects, left: done.cleanup.left };
    let exit = if line.left.is_empty() { Exit::Ok } else { Exit::Failed };
    if app.printer.look().json {
        app.printer.object(&line);
        return Ok(exit);
    }
    let name = |o: &Object| format!("{} {}/{}", o.kind, o.namespace, o.name);
    let mut text: String = line.removed.iter().map(|object| format!("removed {}\n", name(object))).collect();
    text.extend(line.left.iter().map(|left| format!("left {}: {}\n", name(&left.object), left.why)));
    app.printer.data(if text.is_empty() { "nothing of earlier runs is there" } else { &text });
    Ok(exit)
}

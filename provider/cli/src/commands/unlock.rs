//! `mops infra unlock`: who works on a stack. A lock is freed by the kernel when its process dies, so that only a lease,
//! which is kept on network file systems, can be left behind by a dead run (`tests/lease.rs`).

use mops_core::StackId;
use mops_engine::state::{LockStatus, StateError, lock_status, remove_lease};
use mops_host::{Clock as _, SystemClock};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::UnlockArgs;
use crate::exit::{Exit, Outcome};

/// Nobody works on the stack.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UnlockedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Whether a lease had to be removed.
    removed: bool,
}

pub(crate) fn run(app: &App, args: &UnlockArgs) -> Outcome {
    let (stack, _) = app.stack(&args.stack)?;
    let home = app.home()?;
    let status = lock_status(&home, &stack, &app.env, SystemClock::new().now())?;
    if let Some(holder) = status.holder {
        return Err(StateError::Locked { stack: stack.to_string(), holder }.into());
    }
    let Some(what) = left_behind(&status) else { return Ok(nothing(app, &stack, &status)) };
    let agreed = app.asker(&stack.stack, args.yes).confirm(&format!("this removes {what} of stack"));
    agreed.inspect_err(|_| app.printer.tell("nothing was changed"))?;
    remove_lease(&home, &stack, &status)?;
    say(app, &stack, true);
    app.printer.tell(&format!("the lease of stack {stack} is removed"));
    app.printer.hint("should that run still live, it stops before its next write");
    Ok(Exit::Ok)
}

/// What stands in the way of the next run.
fn left_behind(status: &LockStatus) -> Option<String> {
    match &status.lease {
        Some(lease) if !status.expired => Some(format!("the lease of {lease}")),
        None if status.damaged => Some("a lease file that cannot be read".into()),
        _ => None,
    }
}

fn nothing(app: &App, stack: &StackId, status: &LockStatus) -> Exit {
    say(app, stack, false);
    match &status.lease {
        Some(lease) => app.printer.tell(&format!(
            "nothing needs unlocking: the lease of {lease} has ended, and the next run on stack {stack} takes it"
        )),
        None => app.printer.tell(&format!("nothing needs unlocking: nobody works on stack {stack}")),
    }
    if !status.shared {
        app.printer.note("on this file system the lock of a run goes with its process, whatever ends it");
    }
    Exit::Ok
}

fn say(app: &App, stack: &StackId, removed: bool) {
    app.printer.event(&UnlockedLine { stack: stack.to_string(), removed });
}

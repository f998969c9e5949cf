//! `mops infra remove`: the state of a stack that holds nothing. The lock file stays: it is what keeps two runs apart.

use std::time::Duration;

use mops_engine::state::StateError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{PaceArgs, RemoveArgs};
use crate::exit::{Exit, Outcome};

/// The state of a stack is gone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RemovedLine {
    /// `PROJECT.STACK`.
    stack: String,
}

pub(crate) fn run(app: &App, args: &RemoveArgs) -> Outcome {
    let (stack, _) = app.stack(&args.stack)?;
    app.wait_for(async {
        let pace = PaceArgs { parallelism: 1, lock_timeout: Duration::ZERO };
        let store = app.open(&stack, None, pace).await?;
        let held = store.snapshot().resources.len() + store.snapshot().open.len();
        if held > 0 {
            return Err(StateError::NotEmpty { stack: stack.to_string(), held }.into());
        }
        let agreed = app.asker(&stack.stack, args.yes).confirm("this removes the state of stack");
        agreed.inspect_err(|_| app.printer.tell("nothing was changed"))?;
        store.remove().await?;
        app.printer.event(&RemovedLine { stack: stack.to_string() });
        app.printer.tell(&format!("stack {stack} is removed"));
        Ok(Exit::Ok)
    })
}

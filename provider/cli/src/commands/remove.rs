//! `mops infra remove`: the state of a stack that holds nothing. The lock file stays: it is what keeps two runs apart.

use std::time::Duration;

use mops_core::{Class, Error};
use mops_engine::state;
use mops_host::fsx;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::{App, reason};
use crate::args::{PaceArgs, RemoveArgs};
use crate::exit::{Exit, Failure, Outcome};

/// The state of a stack is gone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RemovedLine {
    /// `PROJECT.STACK`.
    stack: String,
}

pub(crate) fn run(app: &App, args: &RemoveArgs) -> Outcome {
    let (stack, _) = app.stack(&args.stack)?;
    let home = app.home()?;
    app.wait_for(async {
        let pace = PaceArgs { parallelism: 1, lock_timeout: Duration::ZERO };
        let mut store = app.open(&stack, None, pace).await?;
        let held = store.snapshot().resources.len() + store.snapshot().open.len();
        if held > 0 {
            let hint = "take it down first: `mops infra down --destroy-all --delete-rg`";
            return Err(Failure::usage(format!("stack `{stack}` still holds {held} resources"), hint));
        }
        let agreed = app.asker(&stack.stack, args.yes).confirm("this removes the state of stack");
        agreed.inspect_err(|_| app.printer.tell("nothing was changed"))?;
        store.finish().await?;
        let folder = state::folder(&home, &stack);
        // `meta.json` first: without it an empty snapshot is a stack that never was.
        for name in ["meta.json", "snapshot.json", "snapshot.json.1", "journal", "cloud.json"] {
            fsx::remove(&folder.join(name)).map_err(|error| {
                let text = format!("`{}` cannot be removed: {}", folder.join(name).display(), reason(&error));
                Failure::could_not_run(Error::new(Class::Conflict, text))
            })?;
        }
        drop(store);
        app.printer.event(&RemovedLine { stack: stack.to_string() });
        app.printer.tell(&format!("stack {stack} is removed"));
        Ok(Exit::Ok)
    })
}

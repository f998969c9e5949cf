//! `mops infra refresh`: shows what changed behind our back and brings state up to what exists. Works from state.

use std::sync::Arc;

use mops_engine::plan::Plan;
use mops_engine::run::RefreshOptions;
use mops_engine::state::Sealer;

use crate::app::App;
use crate::args::RefreshArgs;
use crate::exit::{Exit, Outcome};
use crate::printer::RunView;
use crate::pulumi;

pub(crate) fn run(app: &App, args: &RefreshArgs) -> Outcome {
    if args.engine.is_pulumi() {
        return pulumi::refresh(app, args);
    }
    let (stack, file) = app.stack(&args.stack)?;
    let snapshot = app.snapshot(&stack)?;
    let pointed = app.pointed(&stack, file)?;
    let session = app.session(&pointed)?;
    app.wait_for(async {
        if args.plan {
            let view = RunView::of_refresh(&app.printer, true);
            let engine = app.engine(&session, args.pace, view.sink());
            let options = options(args, Some(app.sealer(&snapshot)?));
            let plan = engine.preview_refresh(&snapshot, &options).await?;
            view.plan(&plan);
            return Ok(exit(args, plan.drift.is_some_and(|drift| !drift.is_empty())));
        }
        let mut store = app.open(&stack, None, args.pace).await?;
        let asker = app.asker(&stack.stack, args.yes);
        let options = RefreshOptions { approve: Some(asker.approve_when(drops)), ..options(args, None) };
        let report = {
            let view = RunView::of_refresh(&app.printer, false);
            let engine = app.engine(&session, args.pace, view.sink());
            engine.refresh(&mut store, &options).await?
        };
        if report.declined {
            return Err(asker.refusal());
        }
        match Exit::from(report.exit()) {
            Exit::Ok => Ok(exit(args, report.drifted)),
            other => Ok(other),
        }
    })
}

/// What `refresh` asks of an engine.
pub(crate) fn options(args: &RefreshArgs, sealer: Option<Arc<Sealer>>) -> RefreshOptions {
    RefreshOptions {
        sealer,
        only: super::selected(&args.component),
        skip_unreachable: args.reach.skip_unreachable,
        ..RefreshOptions::default()
    }
}

const fn exit(args: &RefreshArgs, drifted: bool) -> Exit {
    if args.exit_code && drifted { Exit::Changes } else { Exit::Ok }
}

/// `this drops 2 resources from the state of stack`; `None` when nothing leaves it.
pub(crate) fn drops(plan: &Plan) -> Option<String> {
    match plan.steps.iter().filter(|s| s.changes_something()).count() {
        0 => None,
        1 => Some("this drops 1 resource from the state of stack".to_owned()),
        n => Some(format!("this drops {n} resources from the state of stack")),
    }
}

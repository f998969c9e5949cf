//! `mops infra down`: deletes the cluster, what is inside it, what is at Novita, and what else is asked for, after showing it. Works from state.

use mops_engine::run::DownOptions;

use crate::app::App;
use crate::args::DownArgs;
use crate::exit::{Exit, Outcome};
use crate::printer::RunView;
use crate::pulumi;

pub(crate) fn run(app: &App, args: &DownArgs) -> Outcome {
    if args.engine.is_pulumi() {
        return pulumi::down(app, args);
    }
    let (stack, file) = app.stack(&args.stack)?;
    let snapshot = app.snapshot(&stack)?;
    let pointed = app.pointed(&stack, file)?;
    let session = app.session(&pointed)?;
    app.wait_for(async {
        if args.plan {
            let view = RunView::of_preview(&app.printer);
            let engine = app.engine(&session, args.pace, view.sink());
            view.plan(&engine.preview_down(&snapshot, &options(args)).await?);
            return Ok(Exit::Ok);
        }
        let mut store = app.open(&stack, None, args.pace).await?;
        let asker = app.asker(&stack.stack, args.yes);
        let options = DownOptions { approve: Some(asker.approve()), ..options(args) };
        let report = {
            let view = RunView::of_run(&app.printer);
            let engine = app.engine(&session, args.pace, view.sink());
            engine.down(&mut store, &options).await?
        };
        if report.declined {
            return Err(asker.refusal());
        }
        let left = |component| store.snapshot().resources.iter().any(|r| r.component == component);
        if !left(mops_engine::program::Component::Registry) || !left(mops_engine::program::Component::Storage) {
            super::remove_bundle_env(app, &stack, &pointed)?;
        }
        Ok(Exit::from(report.exit()))
    })
}

/// What `down` asks of an engine.
pub(crate) fn options(args: &DownArgs) -> DownOptions {
    DownOptions {
        only: super::selected(&args.component),
        destroy_storage: args.destroy_storage || args.destroy_all,
        destroy_registry: args.destroy_registry || args.destroy_all,
        delete_rg: args.delete_rg,
        with_deps: args.with_deps,
        skip_unreachable: args.reach.skip_unreachable,
        ..DownOptions::default()
    }
}

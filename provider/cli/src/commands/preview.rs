//! `mops infra preview FILE`: what `up` would do. Takes no lock and writes nothing but the plan, when asked to.

use mops_engine::run::UpOptions;
use mops_engine::state::{self, Snapshot};

use crate::app::App;
use crate::approval;
use crate::args::PreviewArgs;
use crate::exit::{Exit, Outcome};
use crate::printer::RunView;
use crate::pulumi;

pub(crate) fn run(app: &App, args: &PreviewArgs) -> Outcome {
    if args.engine.is_pulumi() {
        return pulumi::preview(app, args);
    }
    let target = app.program(&args.file)?;
    let stack = &target.program.stack;
    let pointed = app.pointed(stack, Some(target.pointed.clone()))?;
    let home = app.home()?;
    let snapshot = state::read(&home, stack)?.unwrap_or_else(|| Snapshot::none(stack));
    state::check_scope(&home, stack, &snapshot, &target.program.scope)?;
    let session = app.session(&pointed)?;
    // A passphrase that is here helps to compare secrets in clear; none is needed.
    let leave = super::auth_rotate::held(app, &target.program, &snapshot)?;
    let options = UpOptions { sealer: Some(app.sealer(&snapshot)?), leave, ..up_options(args) };
    app.wait_for(async {
        let view = RunView::of_preview(&app.printer);
        let engine = app.engine(&session, args.pace, view.sink());
        let plan = engine.preview(&target.program, &snapshot, &options).await?;
        view.plan(&plan);
        if let Some(path) = &args.save_plan {
            let basis = app.basis(&args.file, &pointed)?;
            approval::save(app, path, (&target, &snapshot), &plan, &options, &basis)?;
        }
        Ok(if args.exit_code && !plan.is_empty() { Exit::Changes } else { Exit::Ok })
    })
}

/// What `preview` and `up` ask of the engine alike.
pub(super) fn up_options(args: &PreviewArgs) -> UpOptions {
    UpOptions {
        refresh: args.refresh,
        only: super::selected(&args.component),
        with_dependants: args.with_dependants,
        skip_unreachable: args.reach.skip_unreachable,
        ..UpOptions::default()
    }
}

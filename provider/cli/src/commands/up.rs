//! `mops infra up FILE`: makes reality what the stack file says, shows the outputs and writes the bundle-env file.

use std::sync::Arc;

use mops_core::{StackId, Value};
use mops_engine::plan::saved::{Approved, SavedPlan};
use mops_engine::run::UpOptions;
use mops_engine::state::{Sealer, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

use super::preview;
use crate::app::App;
use crate::args::{FileArgs, UpArgs};
use crate::bundle_env::BundleEnv;
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::printer::RunView;
use crate::pulumi;
use crate::selection::Target;

/// The bundle-env file was written anew.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BundleEnvLine {
    /// Mode 0600; it holds the SAS.
    file: String,
}

pub(crate) fn run(app: &App, args: &UpArgs) -> Outcome {
    if args.plan {
        return preview::run(app, &args.preview);
    }
    if args.preview.engine.is_pulumi() {
        return pulumi::up(app, args);
    }
    if args.preview.save_plan.is_some() {
        return Err(Failure::usage(
            "`--save-plan` saves what a preview shows",
            "add `--plan`, or use `mops infra preview`",
        ));
    }
    let saved = args.from_plan.as_deref().map(|path| app.saved_plan(path)).transpose()?;
    let file = planned_file(args, saved.as_ref());
    let mut target = app.program(&file)?;
    wait_as_long_as(args.ready_timeout, &mut target);
    let stack = target.program.stack.clone();
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    let wanted = match saved {
        None => preview::up_options(&args.preview),
        Some(plan) => {
            let basis = app.basis(&file, &pointed)?;
            let options = plan.options();
            UpOptions { approved: Some(Arc::new(Approved { plan, basis })), ..options }
        }
    };
    app.wait_for(async {
        let scope = Some(target.program.scope.clone());
        let mut store = app.open(&stack, scope, args.preview.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        let asker = app.asker(&stack.stack, args.yes);
        let options = UpOptions {
            leave: super::auth_rotate::held(app, &target.program, store.snapshot())?,
            // Only a file that says so: what does not depend on a failure goes on.
            halts: target.file.continue_on_error.as_ref().is_some_and(|c| !c.value),
            // What was approved is not asked for again.
            approve: wanted.approved.is_none().then(|| asker.approve()),
            ..wanted.clone()
        };
        let report = {
            let view = RunView::of_run(&app.printer);
            let engine = app.engine(&session, args.preview.pace, view.sink());
            engine.up(&target.program, &mut store, &options).await?
        };
        if report.declined {
            return Err(asker.refusal());
        }
        let exit = Exit::from(report.exit());
        if exit == Exit::Ok {
            write_bundle_env(app, &stack, &pointed, store.snapshot(), store.sealer())?;
            // Said only when there is something new to say; a machine gets them always.
            let new = report.totals.created + report.totals.adopted + report.totals.replaced > 0;
            if new || app.printer.look().json {
                super::outputs::show(app, store.snapshot())?;
            }
        }
        Ok(exit)
    })
}

/// The stack file of this run: the one that is named, else that of the saved plan.
fn planned_file(args: &UpArgs, saved: Option<&SavedPlan>) -> FileArgs {
    let given = &args.preview.file;
    match saved {
        None => given.clone(),
        Some(plan) => FileArgs {
            file: given.file.clone().or_else(|| Some(plan.origin.file.clone().into())),
            env: plan.origin.environment.clone(),
        },
    }
}

/// Every workload gets the time that the user gives it.
pub(super) fn wait_as_long_as(time: std::time::Duration, target: &mut Target) {
    for declared in &mut target.program.resources {
        if declared.urn.token() == "modelops:kubernetes:Manifest" {
            declared.timeout = Some(time);
        }
    }
}

/// Renews the file while the stack has registry and storage, and removes it when it has not.
pub(crate) fn write_bundle_env(
    app: &App,
    stack: &StackId,
    pointed: &Pointed,
    snapshot: &Snapshot,
    sealer: &Sealer,
) -> Result<(), Failure> {
    let path = super::bundle_env_path(app, stack, pointed)?;
    let found = |component: &str, name: &str| snapshot.outputs.get(component).and_then(|values| values.get(name));
    let open = |component: &str, name: &str| -> Result<Option<Value>, Failure> {
        found(component, name).map(|value| super::outputs::opened(value, sealer)).transpose()
    };
    let Some(env) = BundleEnv::of(open)? else {
        return super::remove_bundle_env(app, stack, pointed);
    };
    if env.write(&path, stack)? {
        app.printer.event(&BundleEnvLine { file: path.display().to_string() });
        app.printer.note(&format!("wrote `{}` (it holds the SAS, mode 0600)", path.display()));
    }
    Ok(())
}

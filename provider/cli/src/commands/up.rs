//! `mops infra up FILE`: makes reality what the stack file says, shows the outputs and writes the bundle-env file.

use mops_core::StackId;
use mops_engine::run::UpOptions;
use mops_engine::state::Store;
use schemars::JsonSchema;
use serde::Serialize;

use super::preview;
use crate::app::App;
use crate::args::UpArgs;
use crate::bundle_env::BundleEnv;
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::printer::RunView;
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
    let mut target = app.program(&args.preview.file)?;
    wait_as_long_as(args.ready_timeout, &mut target);
    let stack = target.program.stack.clone();
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    app.wait_for(async {
        let scope = Some(target.program.scope.clone());
        let mut store = app.open(&stack, scope, args.preview.pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        let asker = app.asker(&stack.stack, args.yes);
        let options = UpOptions {
            // Only a file that says so: what does not depend on a failure goes on.
            halts: target.file.continue_on_error.as_ref().is_some_and(|c| !c.value),
            approve: Some(asker.approve()),
            ..preview::up_options(&args.preview)
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
            write_bundle_env(app, &stack, &pointed, &store)?;
            // Said only when there is something new to say; a machine gets them always.
            let new = report.totals.created + report.totals.adopted + report.totals.replaced > 0;
            if new || app.printer.look().json {
                super::outputs::show(app, store.snapshot())?;
            }
        }
        Ok(exit)
    })
}

/// Every workload gets the time that the user gives it.
fn wait_as_long_as(time: std::time::Duration, target: &mut Target) {
    for declared in &mut target.program.resources {
        if declared.urn.token() == "modelops:kubernetes:Manifest" {
            declared.timeout = Some(time);
        }
    }
}

/// Renews the file while the stack has registry and storage, and removes it when it has not.
fn write_bundle_env(app: &App, stack: &StackId, pointed: &Pointed, store: &Store) -> Result<(), Failure> {
    let path = super::bundle_env_path(app, stack, pointed)?;
    let outputs = &store.snapshot().outputs;
    let found = |component: &str, name: &str| outputs.get(component).and_then(|values| values.get(name));
    let open = |component: &str, name: &str| found(component, name).map(|value| store.opened(value)).transpose();
    let Some(env) = BundleEnv::of(open)? else {
        return super::remove_bundle_env(app, stack, pointed);
    };
    if env.write(&path, stack)? {
        app.printer.event(&BundleEnvLine { file: path.display().to_string() });
        app.printer.note(&format!("wrote `{}` (it holds the SAS, mode 0600)", path.display()));
    }
    Ok(())
}

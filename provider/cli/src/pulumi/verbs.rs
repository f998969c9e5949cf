//! The verbs of `mops infra` that Pulumi's engine has too.

use std::collections::HashSet;
use std::sync::Arc;

use mops_core::Urn;
use mops_engine::plan::{Op, Plan};
use mops_engine::run::{Approve, DownOptions, UpOptions};
use mops_engine::state::Snapshot;

use super::stack::Stack;
use crate::app::App;
use crate::args::{
    DownArgs, FileArgs, OutputsArgs, PaceArgs, PreviewArgs, ReachArgs, RefreshArgs, StackArgs, StatusArgs, UpArgs,
};
use crate::commands;
use crate::confirm::Asker;
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::RunView;

/// What a plan comes to, before anything is done.
type Agreed = Result<(), Failure>;

pub(crate) fn preview(app: &App, args: &PreviewArgs) -> Outcome {
    let target = wanted(app, args)?;
    app.wait_for(async {
        let stack = Stack::open(app, &args.file, target, true).await?;
        let plan = planned(app, &stack, args, &RunView::of_preview(&app.printer)).await?;
        stack.pulumi.ask(&words(&["preview", "--stack", &stack.target.program.stack.stack], args.refresh)).await?;
        Ok(if args.exit_code && !plan.is_empty() { Exit::Changes } else { Exit::Ok })
    })
}

pub(crate) fn up(app: &App, args: &UpArgs) -> Outcome {
    let asked = &args.preview;
    if args.from_plan.is_some() || args.ready_timeout != std::time::Duration::from_secs(600) {
        return Err(refused("`--from-plan` and `--ready-timeout`", "leave them out"));
    }
    let target = wanted(app, asked)?;
    app.wait_for(async {
        let stack = Stack::open(app, &asked.file, target, true).await?;
        let plan = planned(app, &stack, asked, &RunView::of_run(&app.printer)).await?;
        let asker = app.asker(&stack.target.program.stack.stack, args.yes);
        agreed(&asker, &asker.approve(), &plan)?;
        let run = words(&["up", "--yes", "--skip-preview"], asked.refresh);
        let totals = stack.run(&RunView::of_run(&app.printer), "up", paced(&run, asked.pace)).await?;
        let (snapshot, sealer) = stack.snapshot().await?;
        let pointed = &stack.target.pointed;
        commands::write_bundle_env(app, &stack.target.program.stack, pointed, &snapshot, &sealer)?;
        if totals.created + totals.adopted + totals.replaced > 0 || app.printer.look().json {
            commands::show_outputs(app, &snapshot)?;
        }
        Ok(Exit::Ok)
    })
}

pub(crate) fn refresh(app: &App, args: &RefreshArgs) -> Outcome {
    every_part(&args.component)?;
    reachable(args.reach, args.pace)?;
    let (file, target) = named(app, &args.stack)?;
    app.wait_for(async {
        let stack = Stack::open(app, &file, target, false).await?;
        let (snapshot, sealer) = stack.snapshot().await?;
        let session = app.session(&app.pointed(&snapshot.stack, Some(stack.target.pointed.clone()))?)?;
        let drifted = {
            let view = RunView::of_refresh(&app.printer, args.plan);
            let engine = app.engine(&session, args.pace, view.sink());
            let options = commands::refresh_options(args, Some(sealer));
            let plan = engine.preview_refresh(&snapshot, &options).await?;
            view.plan(&plan);
            if !args.plan {
                let asker = app.asker(&snapshot.stack.stack, args.yes);
                agreed(&asker, &asker.approve_when(commands::drops), &plan)?;
            }
            plan.drift.is_some_and(|drift| !drift.is_empty())
        };
        if !args.plan {
            let view = RunView::of_refresh(&app.printer, false);
            stack.run(&view, "refresh", paced(&["refresh", "--yes", "--skip-preview"], args.pace)).await?;
        }
        Ok(if args.exit_code && drifted { Exit::Changes } else { Exit::Ok })
    })
}

pub(crate) fn down(app: &App, args: &DownArgs) -> Outcome {
    reachable(args.reach, args.pace)?;
    let (file, target) = named(app, &args.stack)?;
    app.wait_for(async {
        let stack = Stack::open(app, &file, target, false).await?;
        let (snapshot, _) = stack.snapshot().await?;
        let pointed = app.pointed(&snapshot.stack, Some(stack.target.pointed.clone()))?;
        let plan = deleted(app, &snapshot, &pointed, args).await?;
        if args.plan {
            return Ok(Exit::Ok);
        }
        let asker = app.asker(&stack.target.program.stack.stack, args.yes);
        agreed(&asker, &asker.approve(), &plan)?;
        let kept = kept(&snapshot, &plan);
        if !plan.is_empty() {
            stack.release(&snapshot, &kept).await?;
            let exclude = kept.iter().flat_map(|urn| ["--exclude", urn.as_str()]);
            let run: Vec<&str> = ["destroy", "--yes", "--skip-preview"].into_iter().chain(exclude).collect();
            stack.run(&RunView::of_run(&app.printer), "down", paced(&run, args.pace)).await?;
        }
        let (left, sealer) = stack.snapshot().await?;
        commands::write_bundle_env(app, &snapshot.stack, &pointed, &left, &sealer)?;
        Ok(Exit::Ok)
    })
}

pub(crate) fn status(app: &App, args: &StatusArgs) -> Outcome {
    let (file, target) = named(app, &args.stack)?;
    app.wait_for(async {
        let (snapshot, _) = Stack::open(app, &file, target, false).await?.snapshot().await?;
        commands::show_status(app, args, &snapshot);
        Ok(Exit::Ok)
    })
}

pub(crate) fn outputs(app: &App, args: &OutputsArgs) -> Outcome {
    let file = FileArgs { file: None, env: args.env.clone() };
    let target = app.program(&file)?;
    app.wait_for(async {
        let (snapshot, sealer) = Stack::open(app, &file, target, false).await?.snapshot().await?;
        commands::print_outputs(app, &snapshot, args, &sealer)?;
        Ok(Exit::Ok)
    })
}

/// The program of a run that makes something, when every flag can be kept.
fn wanted(app: &App, args: &PreviewArgs) -> Result<crate::selection::Target, Failure> {
    every_part(&args.component)?;
    reachable(args.reach, args.pace)?;
    if args.save_plan.is_some() || args.with_dependants {
        return Err(refused("`--save-plan` and `--with-dependants`", "leave them out"));
    }
    app.program(&args.file)
}

/// The stack of the file that is named, else of the usual one: Pulumi's state is found by it.
fn named(app: &App, args: &StackArgs) -> Result<(FileArgs, crate::selection::Target), Failure> {
    let file = FileArgs { file: args.file.clone(), env: args.env.clone() };
    let target = app.program(&file)?;
    Ok((file, target))
}

fn every_part(parts: &[crate::args::Part]) -> Agreed {
    if parts.is_empty() {
        Ok(())
    } else {
        Err(refused("`-c`", "leave it out, or select with `pulumi up --target URN`"))
    }
}

fn reachable(reach: ReachArgs, pace: PaceArgs) -> Agreed {
    if reach.skip_unreachable {
        return Err(refused("`--skip-unreachable`", "leave it out; Pulumi stops at what it cannot reach"));
    }
    if pace.lock_timeout.is_zero() {
        Ok(())
    } else {
        Err(refused("`--lock-timeout`", "leave it out; Pulumi does not wait"))
    }
}

fn refused(what: &str, hint: &str) -> Failure {
    Failure::usage(format!("{what} cannot be kept with `--engine pulumi`"), hint)
}

fn words<'w>(first: &[&'w str], refresh: bool) -> Vec<&'w str> {
    first.iter().copied().chain(refresh.then_some("--refresh")).collect()
}

fn paced(words: &[&str], pace: PaceArgs) -> Vec<String> {
    let parallel = ["--parallel".to_owned(), pace.parallelism.to_string()];
    words.iter().map(ToString::to_string).chain(parallel).collect()
}

/// What `up` will do, shown and looked over.
async fn planned(app: &App, stack: &Stack<'_>, args: &PreviewArgs, view: &Arc<RunView>) -> Result<Plan, Failure> {
    let (snapshot, sealer) = stack.snapshot().await?;
    let program = &stack.target.program;
    let session = app.session(&app.pointed(&program.stack, Some(stack.target.pointed.clone()))?)?;
    let options = UpOptions { sealer: Some(sealer), refresh: args.refresh, ..UpOptions::default() };
    let plan = app.engine(&session, args.pace, view.sink()).preview(program, &snapshot, &options).await?;
    view.plan(&plan);
    Ok(plan)
}

/// What `down` will take away, shown.
async fn deleted(
    app: &App,
    snapshot: &Snapshot,
    pointed: &crate::pointed::Pointed,
    args: &DownArgs,
) -> Result<Plan, Failure> {
    let view = if args.plan { RunView::of_preview(&app.printer) } else { RunView::of_run(&app.printer) };
    let session = app.session(pointed)?;
    let options: DownOptions = commands::down_options(args);
    let plan = app.engine(&session, args.pace, view.sink()).preview_down(snapshot, &options).await?;
    view.plan(&plan);
    Ok(plan)
}

/// Everything that a plan does not delete.
fn kept(snapshot: &Snapshot, plan: &Plan) -> Vec<Urn> {
    let gone: HashSet<&Urn> =
        plan.steps.iter().filter(|s| matches!(s.op, Op::Delete | Op::Forget)).map(|s| &s.urn).collect();
    snapshot.resources.iter().map(|r| &r.urn).filter(|urn| !gone.contains(urn)).cloned().collect()
}

/// Asks with what the asker has to say of a plan; a refusal says why.
fn agreed(asker: &Asker, approve: &Approve, plan: &Plan) -> Agreed {
    if approve(plan) { Ok(()) } else { Err(asker.refusal()) }
}

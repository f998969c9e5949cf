//! `mops infra import ADDRESS=ID…` and `--from-modelops`: takes over what exists, resource by resource. Creates nothing.

use mops_engine::program::Declared;
use mops_engine::run::{ImportReport, ImportTarget};
use schemars::JsonSchema;
use serde::Serialize;

use super::original::Recorded;
use crate::app::App;
use crate::args::{FileArgs, ImportArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::RunView;
use crate::selection::Target;

/// Resources that exist were taken over.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AdoptedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// What is in state now.
    resources: Vec<Adopted>,
    /// What was recorded and is not there any more.
    absent: Vec<Adopted>,
}

#[derive(Serialize, JsonSchema)]
struct Adopted {
    /// Its logical name.
    name: String,
    /// Its type.
    resource: String,
    /// The id given by the service.
    id: String,
}

/// What is to be taken over.
enum Source {
    /// By logical name.
    Named(Vec<(String, String)>),
    /// Whatever the original recorded.
    Original(Recorded),
}

impl Source {
    fn pick(&self, declared: &Declared, named: Option<&str>) -> Option<ImportTarget> {
        match self {
            Self::Named(all) => {
                let (_, id) = all.iter().find(|(name, _)| name == declared.urn.name())?;
                Some(ImportTarget { id: id.clone(), must_exist: true })
            }
            Self::Original(recorded) => {
                let id = named.filter(|id| recorded.holds(id))?;
                Some(ImportTarget { id: id.to_owned(), must_exist: false })
            }
        }
    }
}

pub(super) fn run(app: &App, args: &ImportArgs) -> Outcome {
    let target = app.program(&FileArgs { file: args.file.clone(), env: args.env.clone() })?;
    let stack = target.program.stack.clone();
    let source = source(app, args, &target)?;
    let pointed = app.pointed(&stack, Some(target.pointed.clone()))?;
    let session = app.session(&pointed)?;
    app.wait_for(async {
        let scope = Some(target.program.scope.clone());
        let pace = args.lock.pace();
        let mut store = app.open(&stack, scope, pace).await?;
        app.keep_pointed(&stack, &pointed)?;
        let view = RunView::of_refresh(&app.printer, false);
        let engine = app.engine(&session, pace, view.sink());
        let pick = |declared: &Declared, named: Option<&str>| source.pick(declared, named);
        let report = engine.import(&target.program, &mut store, &pick).await?;
        tell(app, &stack.to_string(), &report);
        Ok(Exit::Ok)
    })
}

fn source(app: &App, args: &ImportArgs, target: &Target) -> Result<Source, Failure> {
    if args.from_modelops {
        return Ok(Source::Original(Recorded::read(&app.home()?, &target.program.stack.stack)?));
    }
    let mut all = Vec::new();
    for text in &args.targets {
        let pair = text.split_once('=').filter(|(name, id)| !name.is_empty() && !id.is_empty());
        let Some((name, id)) = pair else {
            let hint = "write for example `registry=/subscriptions/…/registries/NAME`";
            return Err(Failure::usage(format!("`{text}` is not of the form ADDRESS=ID"), hint));
        };
        if !target.program.resources.iter().any(|r| r.urn.name() == name) {
            let known: Vec<String> = target.program.resources.iter().map(|r| format!("`{}`", r.urn.name())).collect();
            let hint = format!("resources are {}", known.join(", "));
            return Err(Failure::usage(format!("`{name}` is not a resource of this stack"), hint));
        }
        all.push((name.to_owned(), id.to_owned()));
    }
    Ok(Source::Named(all))
}

fn tell(app: &App, stack: &str, report: &ImportReport) {
    let line = |(urn, id): &(mops_core::Urn, String)| Adopted {
        name: urn.name().to_owned(),
        resource: urn.token().to_owned(),
        id: id.clone(),
    };
    let (resources, absent) = (report.imported.iter().map(line).collect(), report.absent.iter().map(line).collect());
    app.printer.event(&AdoptedLine { stack: stack.to_owned(), resources, absent });
    for (urn, id) in &report.imported {
        app.printer.tell(&format!("  = {:<24}  {id}", urn.name()));
    }
    for (urn, id) in &report.absent {
        app.printer.note(&format!("`{}` was recorded as `{id}` and does not exist", urn.name()));
    }
    app.printer.hint("`mops infra preview FILE` shows what the stack file wants otherwise");
}

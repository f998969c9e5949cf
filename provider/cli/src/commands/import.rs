//! `mops infra import`: takes a state over from elsewhere. `--state` takes a whole deployment; what breaks a rule changes
//! nothing (`tests/state_moves.rs`, `tests/scenarios/state_moves.txt`). The other forms take over what exists
//! (`tests/drift/imports.rs`, `tests/scenarios/imports.txt`).

mod original;
mod resources;

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use mops_core::StackId;
use mops_engine::program::Scope;
use mops_engine::state::{Deployment, Imported, Sealer, StateError};
use mops_host::fsx;
use mops_host::fsx::reason;
use mops_resources::Declarations;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{FileArgs, ImportArgs};
use crate::exit::{Exit, Failure, Outcome};

/// A state was taken over.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ImportedLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// How many resources it holds now.
    resources: usize,
    /// Names in state of operations that were under way and are not taken over.
    dropped: Vec<String>,
}

/// A deployment of ten thousand resources has a tenth of it.
const LIMIT: u64 = 256 << 20;

pub(crate) use resources::AdoptedLine;

pub(crate) fn run(app: &App, args: &ImportArgs) -> Outcome {
    match &args.state {
        Some(file) => deployment(app, args, file),
        None => resources::run(app, args),
    }
}

fn deployment(app: &App, args: &ImportArgs, file: &Path) -> Outcome {
    let name = file.display().to_string();
    let mut deployment = Deployment::parse(&name, &read(file)?)?;
    let (stack, scope) = target(app, args, &deployment)?;
    if let Some(held) = app.held(&stack)? {
        return Err(StateError::NotEmpty { stack: stack.to_string(), held }.into());
    }
    let sealer = Sealer::new(&app.home()?, &stack, &app.env, deployment.salt());
    let kinds = Declarations::default();
    let Imported { snapshot, dropped, scope } = deployment.accept(&stack, &|token| kinds.of(token), &sealer, &scope)?;
    let count = snapshot.resources.len();
    let sealed = snapshot.salt.is_some();
    app.wait_for(async {
        let mut store = app.open(&stack, Some(scope), args.lock.pace()).await?;
        store.import(snapshot).await?;
        app.printer.event(&ImportedLine { stack: stack.to_string(), resources: count, dropped: dropped.clone() });
        app.printer.tell(&format!("stack {stack} holds {count} resources now"));
        if !dropped.is_empty() {
            let text = format!("operations that were under way are not taken over: {}", dropped.join(", "));
            app.printer.note(&text);
        }
        if sealed && app.env.iter().any(|(name, _)| name.starts_with("PULUMI_CONFIG_PASSPHRASE")) {
            let rotate = "`mops infra passphrase rotate --generate` makes one of its own";
            app.printer.note(&format!("every later run needs the passphrase that is set now; {rotate}"));
        }
        app.printer.hint("`mops infra preview FILE --refresh` compares it with the stack file and with what exists");
        Ok(Exit::Ok)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() != "-" {
        return fsx::read(path).map_err(|error| {
            let text = format!("`{}` cannot be read: {}", path.display(), reason(&error));
            Failure::usage(text, "give what `pulumi stack export` or `mops infra export` prints")
        });
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let text = "`--state -` reads standard input, and that is a terminal";
        return Err(Failure::usage(text, "pipe `pulumi stack export` into it, or name a file"));
    }
    let mut bytes = Vec::new();
    let read = stdin.lock().take(LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read: {}", reason(&error)), "name a file"))?;
    Ok(bytes)
}

/// The stack that is to hold it: that of the stack file, else the named one, else the one that the state names itself.
fn target(app: &App, args: &ImportArgs, deployment: &Deployment) -> Result<(StackId, Scope), Failure> {
    if let Some(path) = &args.file {
        let target = app.program(&FileArgs { file: Some(path.clone()), env: args.env.clone() })?;
        return Ok((target.program.stack, target.program.scope));
    }
    let named = deployment.stack();
    let stack = match (args.env.as_deref().map(|e| e.split_once('/').unwrap_or(("", e))), named) {
        (None, Some(named)) => named,
        (Some(("", stack)), Some(named)) => StackId { project: named.project, stack: stack.to_owned() },
        (Some((project, stack)), _) if !project.is_empty() => {
            StackId { project: project.to_owned(), stack: stack.to_owned() }
        }
        _ => {
            let text = "the deployment holds no resource, so that it names no stack";
            return Err(Failure::usage(text, "name one with `--env PROJECT/ENVIRONMENT`"));
        }
    };
    Ok((stack, Scope::default()))
}

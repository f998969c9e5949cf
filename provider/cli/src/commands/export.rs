//! `mops infra export`: the state as a deployment for `pulumi stack import`. Calls nothing and takes no lock; secrets stay
//! sealed unless they are asked for (`tests/scenarios/state_moves.txt`).

use mops_core::{Class, Error};
use mops_engine::state::{self, Snapshot};
use mops_host::fsx::reason;
use mops_host::{Clock as _, SystemClock, fsx};
use schemars::JsonSchema;
use serde::Serialize;

use super::outputs::{may_show, opener};
use crate::app::App;
use crate::args::ExportArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;

/// A state as a deployment.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct ExportLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// How many resources are in it.
    resources: usize,
    /// How many operations without an end are in it; `pulumi stack import` drops them.
    pending: usize,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The deployment itself, when it goes to standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<serde_json::Value>,
}

impl ExportLine {
    fn of(snapshot: &Snapshot) -> Self {
        let (resources, pending) = (snapshot.resources.len(), snapshot.open.len());
        Self { stack: snapshot.stack.to_string(), resources, pending, ..Self::default() }
    }
}

pub(crate) fn run(app: &App, args: &ExportArgs) -> Outcome {
    may_show(app, args.secrets)?;
    let (stack, file) = app.stack(&args.stack)?;
    let snapshot = signed_in(app, app.snapshot(&stack)?, file)?;
    let sealer = opener(app, args.secrets, &snapshot)?;
    let bytes = state::export(&snapshot, SystemClock::new().now(), sealer.as_deref())?;
    match args.output.as_ref().filter(|path| path.as_os_str() != "-") {
        Some(path) => write(app, path, &bytes, &snapshot)?,
        None if app.printer.look().json => {
            app.printer.object(&ExportLine { deployment: Some(json(&bytes)?), ..ExportLine::of(&snapshot) });
        }
        None => app.printer.data(&String::from_utf8_lossy(&bytes)),
    }
    say_pending(app, &snapshot);
    Ok(Exit::Ok)
}

/// The state with the provider that a program of Pulumi's registers for this stack, if the stack says who signs in.
fn signed_in(app: &App, snapshot: Snapshot, file: Option<Pointed>) -> Result<Snapshot, Failure> {
    let Some(pointed) = file.map_or_else(|| app.kept(&snapshot.stack), |file| Ok(Some(file)))? else {
        return Ok(snapshot);
    };
    let named = ["government", "china"].into_iter().find(|name| *name == pointed.cloud.name);
    let Some(mut configuration) = pointed.auth.configuration(named) else { return Ok(snapshot) };
    // As the provider itself does.
    if let Some(tenant) = app.env.get("AZURE_TENANT_ID") {
        configuration.entry("tenantId".to_owned()).or_insert_with(|| tenant.to_owned());
    }
    Ok(snapshot.signing_in(configuration))
}

fn write(app: &App, path: &std::path::Path, bytes: &[u8], snapshot: &Snapshot) -> Result<(), Failure> {
    let name = path.display().to_string();
    fsx::replace(path, bytes).map_err(|error| {
        let text = format!("`{name}` cannot be written: {}", reason(&error));
        Failure::usage(text, "check the folder and its permissions")
    })?;
    app.printer.event(&ExportLine { file: Some(name.clone()), ..ExportLine::of(snapshot) });
    app.printer.tell(&format!("wrote `{name}` ({} resources)", snapshot.resources.len()));
    Ok(())
}

fn json(bytes: &[u8]) -> Result<serde_json::Value, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|e| Failure::could_not_run(Error::new(Class::Bug, "the deployment is not JSON").caused_by(e)))
}

/// Pulumi drops on import what was under way, and so do we.
fn say_pending(app: &App, snapshot: &Snapshot) {
    if snapshot.open.is_empty() {
        return;
    }
    let names: Vec<String> = snapshot.open.iter().map(|o| format!("`{}`", o.resource.urn.name())).collect();
    app.printer.note(&format!(
        "operations without an end are in it: {}; `pulumi stack import` drops them, and what they made is not in state",
        names.join(", ")
    ));
    app.printer.hint("`mops infra up` ends them; export again after it");
}

//! `--explain-permissions`: the rights that a run needs, for whoever has to give them. Asks nobody.

use mops_core::{Class, Error};
use mops_diagnose::Command;
use mops_diagnose::observed::Vantage;
use mops_diagnose::permissions::{self, Purpose};
use mops_engine::state::Snapshot;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::{input, of_type};
use crate::app::App;
use crate::args::CheckArgs;
use crate::exit::{Exit, Failure, Outcome};

/// The rights that a run needs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PermissionsLine {
    /// A Role for each namespace and a ClusterRole.
    kubernetes: Vec<Json>,
    /// The definition of a role of Azure; null for a run that asks nothing there.
    azure: Json,
}

/// Those of a command, and those of `--fix` with it.
pub(super) fn tell(app: &App, (command, fix): (Command, bool), snapshot: &Snapshot, args: &CheckArgs) -> Outcome {
    let namespace =
        args.workload.namespace.clone().or_else(|| {
            of_type(snapshot, "modelops:kubernetes:Namespace").find_map(|namespace| input(namespace, "name"))
        });
    let groups: Vec<String> = of_type(snapshot, "modelops:azure:ResourceGroup").map(|group| group.id.clone()).collect();
    let probes = args.probe.probe_namespace.as_deref();
    // A container comes into workers only where somebody names them.
    let inside = args.asking.vantage.contains(&Vantage::C);
    let namespace = namespace.unwrap_or_default();
    let scale_up = args.asking.scale_up;
    let kubernetes =
        permissions::kubernetes(Purpose { probes, fix, inside, scale_up, ..Purpose::new(command, &namespace) });
    let line = PermissionsLine { kubernetes, azure: permissions::azure(command, &groups) };
    if app.printer.look().json {
        app.printer.object(&line);
        return Ok(Exit::Ok);
    }
    in_kubernetes(app, &line.kubernetes)?;
    app.printer.data(&format!("# Azure: az role definition create --role-definition FILE\n{:#}\n", line.azure));
    if groups.is_empty() {
        app.printer.note("no resource group is known here: put those of the workload into `AssignableScopes`");
    }
    Ok(Exit::Ok)
}

/// The roles of a run in a cluster alone.
pub(crate) fn tell_roles(app: &App, roles: Vec<Json>) -> Outcome {
    match app.printer.look().json {
        true => app.printer.object(&PermissionsLine { kubernetes: roles, azure: Json::Null }),
        false => in_kubernetes(app, &roles)?,
    }
    Ok(Exit::Ok)
}

fn in_kubernetes(app: &App, roles: &[Json]) -> Result<(), Failure> {
    let mut text = String::new();
    for role in roles {
        let yaml = serde_saphyr::to_string(role).map_err(|e| {
            Failure::could_not_run(Error::new(Class::Bug, "a role cannot be written as YAML").caused_by(e))
        })?;
        text += &format!("---\n{}\n", yaml.trim_end());
    }
    app.printer.data(&format!("# Kubernetes: kubectl apply -f FILE\n{text}"));
    Ok(())
}

//! The lines of the stack file by what they ask for. A line is a help: a file that is gone, or says something wrong by
//! now, gives none, and the diagnosis goes on.

use mops_diagnose::StackLines;
use mops_engine::program::{Declared, Expr, Program};
use mops_engine::stackfile;
use mops_host::fsx;

use crate::app::App;

/// Of the stack file that the report names.
pub(super) fn of(app: &App, file: &str, env_name: Option<&str>) -> StackLines {
    let text = fsx::read_text(&app.env.path(file)).unwrap_or_default();
    let read = stackfile::load(file, &text).file;
    let program = read.and_then(|read| app.expand(&read, env_name, None).ok());
    program.map(|program| of_program(&program)).unwrap_or_default()
}

fn of_program(program: &Program) -> StackLines {
    let mut lines = StackLines::default();
    program.resources.iter().for_each(|declared| add(&mut lines, declared));
    lines
}

fn add(lines: &mut StackLines, declared: &Declared) {
    let Expr::Map(inputs) = &declared.inputs else { return };
    let kind = declared.urn.token().rsplit(':').next().unwrap_or_default();
    let place = |path| declared.place_of(path).and_then(|place| u32::try_from(place.line).ok());
    let (Some(name), Some(line)) = (inputs.get("name").and_then(text), place("name")) else { return };
    match kind {
        // In a cluster it is a secret like any other.
        "ImagePullSecret" => lines.add("Secret", name, line),
        _ => lines.add(kind, name, line),
    }
    if let Some(Expr::Map(pool)) = inputs.get("systemPool")
        && let (Some(name), Some(line)) = (pool.get("name").and_then(text), place("systemPool.vmSize"))
    {
        lines.add("NodePool", name, line);
    }
}

fn text(name: &Expr) -> Option<&str> {
    match name {
        Expr::Value(value) => value.as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mops_engine::program::{ExpandOptions, expand};

    use super::*;

    const FILE: &str = "schemaVersion: 1
registry:
  name: linesacr
  provider: azure
cluster:
  provider: azure
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: lines-rg
  location: eastus2
  aks:
    name: aks
    node_pools:
      - {name: system, mode: System, vm_size: Standard_B2s, count: 1}
      - {name: gpu, vm_size: Standard_NC24ads_A100_v4, min: 0, max: 2}
workspace:
  metadata: {name: main, namespace: lines}
  spec:
    scheduler: {image: \"linesacr.azurecr.io/scheduler:1\"}
    workers: {image: \"linesacr.azurecr.io/worker:1\", replicas: 1}
";

    #[test]
    fn a_pool_a_registry_and_a_secret_have_the_lines_that_ask_for_them() {
        let read = stackfile::load("s.yaml", FILE).file.expect("a stack file");
        let lines = of_program(&expand(&read, &ExpandOptions::default()).expect("a program"));
        let json = serde_json::to_value(&lines).expect("lines");
        for (name, text) in [
            ("NodePool/system", "name: system"),
            ("NodePool/gpu", "name: gpu"),
            ("ManagedCluster/aks", "    name: aks"),
            ("ContainerRegistry/linesacr", "linesacr"),
            ("Secret/bundle-credentials", "metadata:"),
        ] {
            let want = FILE.lines().position(|line| line.contains(text)).expect("a line") + 1;
            assert_eq!(json[name], want, "{name} in {json}");
        }
    }
}

//! What the checks of the source tree share: the tracked files and the dependency graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::fsx;
use mops_host::proc::Command;
use serde_json::Value;

/// The top of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

async fn output(program: &str, arguments: &[&str]) -> String {
    let inherited = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let env = mops_host::env::Env::process();
    let command = Command {
        program: program.to_owned(),
        args: arguments.iter().map(|&a| a.to_owned()).collect(),
        env: inherited.iter().filter_map(|&n| Some((n.to_owned(), env.get(n)?.to_owned()))).collect(),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 64 << 20,
    };
    let output = command.run_checked().await.expect("the program runs");
    String::from_utf8(output.stdout.to_vec()).expect("text")
}

/// Every tracked file that is there, relative to the top.
pub(crate) async fn tracked() -> Vec<String> {
    let top = root().display().to_string();
    let listed = output("git", &["-C", &top, "ls-files"]).await;
    listed.lines().filter(|l| root().join(l).is_file()).map(str::to_owned).collect()
}

/// The text of a tracked file; `None` for what is not text.
pub(crate) fn text(path: &str) -> Option<String> {
    String::from_utf8(fsx::read(&root().join(path)).ok()?).ok()
}

/// The dependency graph of the workspace as it is built here.
pub(crate) struct Graph {
    packages: BTreeMap<String, Value>,
    normal: BTreeMap<String, Vec<String>>,
}

impl Graph {
    pub(crate) async fn read() -> Self {
        let manifest = root().join("Cargo.toml").display().to_string();
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let arguments = [
            "metadata",
            "--offline",
            "--format-version",
            "1",
            "--manifest-path",
            &manifest,
            "--filter-platform",
            &target,
        ];
        let all: Value = serde_json::from_str(&output(env!("CARGO"), &arguments).await).expect("json");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let packages = list(&all["packages"]).into_iter().map(|p| (id(&p["id"]), p)).collect();
        let edge = |dep: &Value| {
            let built = list(&dep["dep_kinds"]).iter().any(|k| k["kind"].is_null());
            built.then(|| id(&dep["pkg"]))
        };
        let node = |n: &Value| (id(&n["id"]), list(&n["deps"]).iter().filter_map(edge).collect());
        Self { packages, normal: list(&all["resolve"]["nodes"]).iter().map(node).collect() }
    }

    fn find(&self, name: &str) -> &str {
        let found = self.packages.iter().find(|(_, p)| p["name"] == name && p["source"].is_null());
        found.map_or_else(|| panic!("{name} is no package of the workspace"), |(id, _)| id.as_str())
    }

    /// The packages of the workspace that a package of it names directly.
    pub(crate) fn direct(&self, name: &str) -> BTreeSet<String> {
        let named =
            |id: &String| self.packages.get(id).filter(|p| p["source"].is_null()).map(|p| p["name"].to_string());
        let edges = self.normal.get(self.find(name)).into_iter().flatten();
        edges.filter_map(named).map(|n| n.trim_matches('"').to_owned()).collect()
    }

    /// Everything that is built into these packages: name and version.
    pub(crate) fn tree(&self, names: &[&str]) -> BTreeSet<(String, String)> {
        self.closure(names).iter().filter_map(|id| self.packages.get(*id)).map(named).collect()
    }

    /// Everything that is built into these packages, with its licence.
    pub(crate) fn licences(&self, names: &[&str]) -> BTreeMap<String, String> {
        let foreign = self.closure(names).into_iter().filter_map(|id| self.packages.get(id));
        let foreign = foreign.filter(|p| !p["source"].is_null());
        foreign.map(|p| (named(p).0, p["license"].as_str().unwrap_or_default().to_owned())).collect()
    }

    fn closure(&self, names: &[&str]) -> BTreeSet<&str> {
        let mut waiting: VecDeque<&str> = names.iter().map(|n| self.find(n)).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop_front() {
            if seen.insert(id) {
                waiting.extend(self.normal.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        seen
    }
}

fn named(package: &Value) -> (String, String) {
    let text = |member: &str| package[member].as_str().unwrap_or_default().to_owned();
    (text("name"), text("version"))
}

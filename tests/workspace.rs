//! What the checks of the source tree share: the tracked files and the dependency graph.

use std::collections::{BTreeMap, BTreeSet};
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

/// What the packages of the workspace name directly: package to packages, as it is built and not as it is tested.
pub(crate) async fn direct() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = root().join("Cargo.toml").display().to_string();
    let arguments = ["metadata", "--offline", "--format-version", "1", "--no-deps", "--manifest-path", &manifest];
    let all: Value = serde_json::from_str(&output(env!("CARGO"), &arguments).await).expect("json");
    let packages = all["packages"].as_array().cloned().unwrap_or_default();
    let named = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours = |dep: &&Value| dep["kind"].is_null() && dep["path"].is_string();
    let row = |p: &Value| {
        let deps = p["dependencies"].as_array().into_iter().flatten().filter(ours).map(named).collect();
        (named(p), deps)
    };
    packages.iter().map(row).collect()
}

/// The source folder of a package that the lock file names.
pub(crate) async fn source(name: &str) -> PathBuf {
    let manifest = root().join("Cargo.toml").display().to_string();
    let arguments = ["metadata", "--offline", "--format-version", "1", "--manifest-path", &manifest];
    let all: Value = serde_json::from_str(&output(env!("CARGO"), &arguments).await).expect("json");
    let found = all["packages"].as_array().into_iter().flatten().find(|package| package["name"] == name);
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    Path::new(manifest.unwrap_or_else(|| panic!("no package {name}"))).with_file_name("")
}

/// A foreign or own package in a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    pub(crate) foreign: bool,
}

/// Everything that is built into these packages on this platform, features as these packages ask for them.
pub(crate) async fn tree(names: &[&str]) -> BTreeSet<Package> {
    let manifest = root().join("Cargo.toml").display().to_string();
    let mut arguments = vec!["tree", "--offline", "--manifest-path", &manifest, "-e", "normal", "--prefix", "none"];
    arguments.extend(["--format", "{p}|{l}"]);
    names.iter().for_each(|name| arguments.extend(["-p", name]));
    let listed = output(env!("CARGO"), &arguments).await;
    let found: BTreeSet<Package> = listed.lines().filter_map(package).collect();
    assert!(found.len() > names.len(), "no tree of {names:?}");
    found
}

/// `name v1.2.3 (where)|licence (*)`.
fn package(line: &str) -> Option<Package> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned());
    let foreign = !words.next().is_some_and(|place| place.starts_with("(/"));
    Some(Package { name, version, licence: licence.trim_end_matches(" (*)").trim().to_owned(), foreign })
}

//! What a container sees of the processes of another one: with it as its target, the first process is the other's, and
//! its environment can be read by the same user.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tempfile::TempDir;

use super::KubernetesFake;
use super::store::text;

/// Where a program that knows the place is told to look.
const LIVE: &str = "MOPS_PROBE_LIVE";
const FIRST: &str = "/proc/1/environ";

/// That environment as a file of this machine, for a program that is really run; the variable names it then. The file is
/// there for as long as the folder, and is absent for another user.
pub(super) fn project(
    fake: &KubernetesFake,
    pod: &Json,
    container: &Json,
    env: &mut BTreeMap<String, String>,
) -> Option<TempDir> {
    let target = text(container, "/targetContainerName");
    env.get(LIVE).filter(|path| *path == FIRST && !target.is_empty())?;
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join("environ");
    env.insert(LIVE.to_owned(), file.display().to_string());
    let containers = pod["spec"]["containers"].as_array()?;
    let other = containers.iter().find(|one| text(one, "/name") == target)?;
    if user(pod, other) != user(pod, container) {
        return Some(folder);
    }
    let began = (text(pod, "/metadata/uid").to_owned(), target.to_owned());
    let theirs = fake.store().environments.get(&began).cloned().unwrap_or_default();
    let words: String = theirs.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
    mops_host::fsx::replace(&file, words.as_bytes()).ok()?;
    Some(folder)
}

fn user<'a>(pod: &'a Json, container: &'a Json) -> &'a Json {
    let own = &container["securityContext"]["runAsUser"];
    if own.is_null() { &pod["spec"]["securityContext"]["runAsUser"] } else { own }
}

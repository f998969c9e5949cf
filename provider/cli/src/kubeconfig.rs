//! Merges a cluster's credentials into the user's kubeconfig: other entries, unknown keys and their order stay; the
//! file is replaced in one step with mode 0600, under a lock, and only when something changes (`tests`, `tests/cli.rs`).

use std::path::{Path, PathBuf};

use mops_core::{Class, Error, Secret};
use mops_host::{Env, fsx};
use serde_json::{Map, Value};

/// What the merge did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The file.
    pub(crate) path: PathBuf,
    /// The context that is current now.
    pub(crate) context: String,
    /// False when the file said all that already.
    pub(crate) changed: bool,
}

/// The file that a merge writes: the first of KUBECONFIG, else `~/.kube/config`.
pub(crate) fn target(env: &Env) -> Result<PathBuf, Error> {
    let first = env.get("KUBECONFIG").and_then(|list| list.split(':').find(|p| !p.is_empty()));
    if let Some(path) = first {
        return Ok(env.path(path));
    }
    let home = env.user_home().ok_or_else(|| {
        Error::new(Class::User, "neither `KUBECONFIG` nor `HOME` is set")
            .hint("set `KUBECONFIG` to the file to merge into")
    })?;
    Ok(home.join(".kube/config"))
}

/// Adds the entries of `added` to the file at `path`.
pub(crate) fn merge_into(path: &Path, added: &Secret<String>) -> Result<Merged, Error> {
    let told = |error: std::io::Error| {
        Error::new(Class::User, format!("`{}` cannot be written: {}", path.display(), mops_host::fsx::reason(&error)))
            .hint("check the path in `KUBECONFIG` and its permissions")
    };
    if let Some(folder) = path.parent() {
        fsx::create_dir_all(folder).map_err(told)?;
    }
    let mut lock_name = path.as_os_str().to_owned();
    lock_name.push(".lock");
    let _lock = fsx::lock(Path::new(&lock_name)).map_err(|error| {
        let text = format!("`{}` is being changed by another program", path.display());
        Error::new(Class::Conflict, text).note(error.to_string()).hint("run the same command again")
    })?;
    let before = match fsx::read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(told(error)),
    };
    let (after, context) = merge(&before, added)?;
    let changed = after.is_some();
    if let Some(text) = after {
        fsx::replace(path, text.expose().as_bytes()).map_err(told)?;
    }
    Ok(Merged { path: path.to_owned(), context, changed })
}

/// The merged text, or `None` when nothing changes; and the context that is current.
fn merge(before: &str, added: &Secret<String>) -> Result<(Option<Secret<String>>, String), Error> {
    let mut file = if before.trim().is_empty() { empty() } else { parse(before, "the kubeconfig file")? };
    let old = file.clone();
    let new = parse(added.expose(), "the kubeconfig of the cluster")?;
    for list in ["clusters", "users", "contexts"] {
        let entries = new.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        let slot = file.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        entries.into_iter().for_each(|entry| put(slot, entry));
    }
    let context = new.get("current-context").and_then(Value::as_str).unwrap_or_default().to_owned();
    file.insert("current-context".into(), Value::String(context.clone()));
    if file == old {
        return Ok((None, context));
    }
    let text = serde_saphyr::to_string(&file).map_err(|error| {
        Error::new(Class::Bug, "the merged kubeconfig cannot be written as YAML").note(error.to_string())
    })?;
    Ok((Some(Secret::new(text)), context))
}

/// Replaces the entry of the same name, or adds it at the end.
fn put(list: &mut Value, entry: Value) {
    let Some(list) = list.as_array_mut() else { return };
    match list.iter_mut().find(|old| old.get("name") == entry.get("name")) {
        Some(old) => *old = entry,
        None => list.push(entry),
    }
}

fn empty() -> Map<String, Value> {
    let head = serde_json::json!({"apiVersion": "v1", "kind": "Config", "preferences": {}});
    head.as_object().cloned().unwrap_or_default()
}

/// The parser's own words may quote the text, so they are not passed on.
fn parse(text: &str, what: &str) -> Result<Map<String, Value>, Error> {
    serde_saphyr::from_str::<Map<String, Value>>(text).map_err(|_| {
        Error::new(Class::User, format!("{what} is not valid YAML"))
            .hint("mend it, or set `KUBECONFIG` to another file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: aks\n  cluster: {server: 'https://a'}\nusers:\n- name: u\n  user: {token: t2}\ncontexts:\n- name: aks\n  context: {cluster: aks, user: u}\ncurrent-context: aks\n";

    #[test]
    fn other_entries_and_unknown_keys_stay() {
        let before = "apiVersion: v1\nextensions: [{name: x}]\nclusters:\n- name: mine\n  cluster: {server: 'https://m'}\nusers:\n- name: u\n  user: {token: old}\ncontexts: []\ncurrent-context: mine\n";
        let (after, context) = merge(before, &NEW.into()).unwrap();
        let after = parse(after.unwrap().expose(), "x").unwrap();
        assert_eq!(context, "aks");
        assert_eq!(after["clusters"].as_array().unwrap().len(), 2);
        assert_eq!(after["users"][0]["user"]["token"], "t2");
        assert_eq!(after["extensions"][0]["name"], "x");
        assert_eq!(after.keys().nth(1).map(String::as_str), Some("extensions"), "order is kept");
        assert_eq!(after["current-context"], "aks");
    }

    #[test]
    fn merging_twice_changes_nothing() {
        let (first, _) = merge("", &NEW.into()).unwrap();
        let first = first.unwrap();
        assert_eq!(merge(first.expose(), &NEW.into()).unwrap().0, None);
    }

    #[test]
    fn what_is_not_yaml_is_refused_without_quoting_it() {
        let error = merge("a: [canary", &NEW.into()).unwrap_err();
        assert!(!format!("{error:?}").contains("canary"));
    }
}

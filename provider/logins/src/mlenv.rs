//! `~/.mlenv/config` and its profiles as mlenv writes them: a section `[CURRENT]` whose lines are split at their first
//! `=`. mlenv takes every line `apikey` of the file for its own, in whatever section, so there is one (`tests`).

use std::path::PathBuf;

use mops_core::Secret;
use mops_host::Env;

use crate::file::FileError;

/// The section that is read.
const SECTION: &str = "[CURRENT]";

/// What is written there.
#[derive(Debug)]
pub(crate) struct Current<'a> {
    /// The key; none when a credential program has it.
    pub(crate) key: Option<&'a Secret<String>>,
    /// The host that it is for.
    pub(crate) registry: &'a str,
    /// The organisation that the user named.
    pub(crate) org: Option<&'a str>,
}

/// The folder of mlenv's files.
pub(crate) fn folder(env: &Env) -> Option<PathBuf> {
    let named = env.get("MLENV_NGC_CONFIG_DIR").map(|folder| env.path(folder));
    named.or_else(|| Some(env.user_home()?.join(".mlenv")))
}

/// The file of a profile, or of what is in use.
pub(crate) fn path(env: &Env, profile: Option<&str>) -> Result<PathBuf, FileError> {
    let folder = folder(env).ok_or(FileError::NoHome)?;
    Ok(profile.map_or_else(|| folder.join("config"), |name| folder.join("profiles").join(name)))
}

/// The text with these values in its section; every line that is not ours stays.
pub(crate) fn put(text: &str, current: &Current<'_>) -> String {
    let key = current.key.map_or("", |key| key.expose().as_str());
    let mut ours = vec![("apikey", key), ("registry", current.registry), ("format_type", "ascii")];
    ours.extend(current.key.is_none().then_some(("apikey_ref", "docker")));
    ours.extend(current.org.map(|org| ("org", org)));
    let lines: String = ours.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
    let mut kept: Vec<&str> = without(text, |name| name == "apikey_ref" || ours.iter().any(|(own, _)| *own == name));
    match kept.iter().position(|line| line.trim() == SECTION) {
        Some(at) => kept.insert(at + 1, lines.trim_end()),
        None => kept.extend([SECTION, lines.trim_end()]),
    }
    kept.join("\n") + "\n"
}

/// The text without its key; none when nothing of anybody else is left.
pub(crate) fn remove(text: &str) -> Option<String> {
    let own = |name: &str| ["apikey", "apikey_ref", "registry", "format_type", "org"].contains(&name);
    let rest = without(text, own);
    let empty = rest.iter().all(|line| line.trim().is_empty() || line.trim() == SECTION);
    (!empty).then(|| without(text, |name| name == "apikey" || name == "apikey_ref").join("\n") + "\n")
}

/// The lines but those that are dropped: `apikey` everywhere, the others in our section alone.
fn without(text: &str, drops: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut section, mut kept) = ("", Vec::new());
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            section = line.trim();
        }
        let name = line.split_once('=').map(|(name, _)| name.trim());
        if !name.is_some_and(|name| drops(name) && (section == SECTION || name == "apikey")) {
            kept.push(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(key: Option<&Secret<String>>) -> Current<'_> {
        Current { key, registry: "nvcr.io", org: Some("acme") }
    }

    #[test]
    fn a_new_file_has_the_lines_of_mlenv() {
        let key = Secret::from("nvapi-a=b==");
        let text = put("", &current(Some(&key)));
        assert_eq!(text, "[CURRENT]\napikey = nvapi-a=b==\nregistry = nvcr.io\nformat_type = ascii\norg = acme\n");
        let text = put("", &current(None));
        assert_eq!(
            text,
            "[CURRENT]\napikey = \nregistry = nvcr.io\nformat_type = ascii\napikey_ref = docker\norg = acme\n"
        );
    }

    #[test]
    fn lines_of_others_stay_and_there_is_one_key() {
        let key = Secret::from("new");
        let old = "; mine\n[OTHER]\napikey = older\norg = x\n[CURRENT]\nteam = t\napikey = old\napikey_ref = docker\n";
        let text = put(old, &current(Some(&key)));
        let own = "apikey = new\nregistry = nvcr.io\nformat_type = ascii\norg = acme\n";
        assert_eq!(text, format!("; mine\n[OTHER]\norg = x\n[CURRENT]\n{own}team = t\n"));
        assert_eq!(put(&text, &current(Some(&key))), text);
    }

    #[test]
    fn a_file_of_nobody_else_goes_with_its_key() {
        let key = Secret::from("k");
        assert_eq!(remove(&put("", &current(Some(&key)))), None);
        assert_eq!(remove("[CURRENT]\napikey = k\nteam = t\n").as_deref(), Some("[CURRENT]\nteam = t\n"));
    }
}

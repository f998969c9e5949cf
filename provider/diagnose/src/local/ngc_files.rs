//! The key in the files of NGC's tools: `~/.mlenv/config` and `~/.ngc/config`, which are only read (`tests`).

use std::path::PathBuf;

use mops_core::Secret;
use mops_host::{Env, fsx};
use mops_probe::keys::NGC_HOST;

/// The host that the files' keys are for.
pub(super) fn host(env: &Env) -> String {
    env.get("MLENV_NGC_REGISTRY").unwrap_or(NGC_HOST).to_ascii_lowercase()
}

/// The key of each file that has one, with the file.
pub(super) fn keys(env: &Env) -> Vec<(String, Secret<String>)> {
    let home = env.user_home();
    let mlenv = env.get("MLENV_NGC_CONFIG_DIR").map(PathBuf::from).or_else(|| Some(home.clone()?.join(".mlenv")));
    let files = mlenv.into_iter().chain(home.map(|home| home.join(".ngc"))).map(|folder| folder.join("config"));
    let key = |file: PathBuf| Some((file.display().to_string(), key(&fsx::read_text(&file).ok()?)?));
    files.filter_map(key).collect()
}

/// The key of the section `[CURRENT]`; a key may hold `=`.
fn key(text: &str) -> Option<Secret<String>> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((name, value)) = line.split_once('=')
            && section == "CURRENT"
            && name.trim() == "apikey"
            && !value.trim().is_empty()
        {
            return Some(Secret::from(value.trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_current_section_is_read_whole() {
        let of = |text: &str| key(text).map(Secret::into_exposed);
        let text = "[OLD]\napikey = no\n[CURRENT]\n; apikey\napikey = nvapi-a=b==\nregistry = nvcr.io\n";
        assert_eq!(of(text).as_deref(), Some("nvapi-a=b=="));
        assert_eq!(of("[CURRENT]\napikey =\napikey_ref = docker\n"), None, "docker's program has it");
        assert_eq!(of("apikey = outside\n"), None);
    }
}

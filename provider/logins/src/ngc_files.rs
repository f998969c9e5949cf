//! The keys in the files of NGC's tools: `~/.mlenv/config` with its `profiles`, and `~/.ngc/config`, which are only read
//! (`tests`).

use std::path::{Path, PathBuf};

use mops_core::Secret;
use mops_host::{Env, fsx};
use mops_probe::keys::NGC_HOST;

use crate::mlenv;

/// The host of NGC's registry: that of `MLENV_NGC_REGISTRY`, else the real one.
#[must_use]
pub fn host(env: &Env) -> String {
    env.get("MLENV_NGC_REGISTRY").unwrap_or(NGC_HOST).to_ascii_lowercase()
}

/// The key of each file that has one, with the file; the profile that is in use comes before the others.
pub(super) fn keys(env: &Env) -> Vec<(String, Secret<String>)> {
    let mlenv = mlenv::folder(env);
    let ngc = env.user_home().map(|home| home.join(".ngc").join("config"));
    let own = mlenv.iter().map(|folder| folder.join("config")).chain(ngc);
    let files = own.chain(mlenv.iter().flat_map(|folder| profiles(&folder.join("profiles"))));
    let key = |file: PathBuf| Some((file.display().to_string(), key(&fsx::read_text(&file).ok()?)?));
    files.filter_map(key).collect()
}

/// The files of a folder by name; none where there is no such folder.
pub(super) fn profiles(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
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
    fn the_profile_in_use_comes_before_the_others() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, key: &str| {
            let path = home.path().join(name);
            fsx::create_dir_all(path.parent().unwrap()).unwrap();
            fsx::replace(&path, format!("[CURRENT]\napikey = {key}\n").as_bytes()).unwrap();
        };
        for (name, key) in
            [(".mlenv/profiles/b", "kb"), (".mlenv/profiles/a", "ka"), (".ngc/config", "kn"), (".mlenv/config", "kc")]
        {
            write(name, key);
        }
        let env = Env::of([("HOME", home.path().to_str().unwrap())]);
        let found: Vec<String> = keys(&env).into_iter().map(|(_, key)| key.into_exposed()).collect();
        assert_eq!(found, ["kc", "kn", "ka", "kb"]);
        assert_eq!(keys(&Env::of([("HOME", "/nowhere")])), []);
    }

    #[test]
    fn the_key_of_the_current_section_is_read_whole() {
        let of = |text: &str| key(text).map(Secret::into_exposed);
        let text = "[OLD]\napikey = no\n[CURRENT]\n; apikey\napikey = nvapi-a=b==\nregistry = nvcr.io\n";
        assert_eq!(of(text).as_deref(), Some("nvapi-a=b=="));
        assert_eq!(of("[CURRENT]\napikey =\napikey_ref = docker\n"), None, "docker's program has it");
        assert_eq!(of("apikey = outside\n"), None);
    }
}

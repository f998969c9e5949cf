//! The places of this machine that hold one key of NGC, and which of them can be given another (`tests`).

use std::path::Path;

use mops_core::Secret;
use mops_host::Env;
use mops_probe::settings::names;

use crate::{Kept, NGC_KEYS, logins, mlenv, ngc_files};

/// What has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// What docker and mlenv have in use: one login for both.
    Current,
    /// A profile of mlenv's.
    Profile(String),
    /// A place that only its owner changes; how.
    Owner(&'static str),
}

/// Every place that holds a key, in the words of the user's machine.
pub async fn holders(env: &Env, key: &Secret<String>) -> Vec<(String, Holder)> {
    let found = logins(env, &ngc_files::host(env)).await;
    let is = |kept: &Kept| matches!(kept, Kept::Login(login) if login.password == *key);
    let first: Vec<&str> = found.logins.iter().filter(|(_, kept)| is(kept)).map(|(place, _)| place.as_str()).collect();
    let again = found.repeats.iter().filter(|(_, of)| first.contains(&of.as_str())).map(|(place, _)| place.as_str());
    first.iter().copied().chain(again).map(|place| (place.to_owned(), holder(env, place))).collect()
}

fn holder(env: &Env, place: &str) -> Holder {
    if NGC_KEYS.contains(&place) || place == names::PASSWORD {
        return Holder::Owner("set the variable anew where it is set");
    }
    let (path, home) = (Path::new(place), env.user_home());
    if home.is_some_and(|home| path == home.join(".ngc").join("config")) {
        return Holder::Owner("`ngc config set` changes it");
    }
    let folder = mlenv::folder(env).map(|folder| folder.join("profiles"));
    let profile = path.parent().filter(|parent| folder.as_deref() == Some(*parent)).and(path.file_name());
    profile.map_or(Holder::Current, |name| Holder::Profile(name.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_host::fsx;

    #[tokio::test]
    async fn every_place_of_one_key_is_found_and_none_of_another() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            fsx::create_dir_all(path.parent().unwrap()).unwrap();
            fsx::replace(&path, text.as_bytes()).unwrap();
        };
        let key = |key: &str| format!("[CURRENT]\napikey = {key}\n");
        let login = r#"{"auths": {"nvcr.io": {"username": "$oauthtoken", "password": "canary-old"}}}"#;
        write(".docker/config.json", login);
        write(".mlenv/config", &key("canary-old"));
        write(".mlenv/profiles/a", &key("canary-old"));
        write(".mlenv/profiles/b", &key("canary-other"));
        write(".ngc/config", &key("canary-old"));
        let env = Env::of([("HOME", home.path().to_str().unwrap()), ("NGC_API_KEY", "canary-old")]);
        let found = holders(&env, &Secret::from("canary-old")).await;
        let kinds: Vec<&Holder> = found.iter().map(|(_, holder)| holder).collect();
        assert_eq!(kinds.iter().filter(|kind| ***kind == Holder::Current).count(), 2, "{found:?}");
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, Holder::Owner(_))).count(), 2, "{found:?}");
        assert!(kinds.contains(&&Holder::Profile("a".into())) && found.len() == 5, "{found:?}");
        assert_eq!(holders(&env, &Secret::from("canary-none")).await, []);
    }
}

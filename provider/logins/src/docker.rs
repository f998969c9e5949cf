//! The docker config of this machine and that of podman: which one is asked for a host, and what it holds. As docker
//! does, a program that is named for the host decides alone: what it does not give is not taken from the file
//! (`tests`).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use mops_core::Secret;
use mops_host::{Env, fsx};
use mops_probe::Observation;
use mops_probe::dockerconfig::{self, Defect};
use mops_probe::observation::{code, variant};
use serde::Deserialize;

use super::{Found, Kept, program};
use crate::check;

/// The names of Docker Hub, and the key under which docker keeps its login.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A docker config that is given as a text.
pub(super) const GIVEN: &str = "DOCKER_AUTH_CONFIG";

/// What a client reads beside user and password.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
    auths: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    identitytoken: Option<Secret<String>>,
}

impl Config {
    /// The program that keeps the logins of a host.
    pub(super) fn program(&self, key: &str) -> Option<&str> {
        let helper = self.cred_helpers.iter().find(|(host, _)| same(host, key)).map(|(_, name)| name);
        helper.or(self.creds_store.as_ref()).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn identity(&self, key: &str) -> Option<&Secret<String>> {
        let entry = self.auths.iter().find(|(host, _)| same(host, key))?.1;
        entry.identitytoken.as_ref().filter(|token| !token.expose().is_empty())
    }
}

/// Under which name docker keeps the login of a host.
pub(super) fn key(host: &str) -> &str {
    if HUB.contains(&host) { HUB_KEY } else { host }
}

fn same(one: &str, other: &str) -> bool {
    dockerconfig::host_of(one) == dockerconfig::host_of(other)
}

/// Adds the login of each config that has one for the host.
pub(super) async fn look(env: &Env, host: &str, found: &mut Found) {
    for (place, text) in configs(env) {
        match text {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => one(env, host, &place, &text, found).await,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let skipped = Observation::skipped(check::DOCKER_CONFIG, variant::LOCAL, host, code::NOT_GIVEN);
                found.seen.push(skipped.detail(&format!("`{place}`: {}", fsx::reason(&error))));
            }
        }
    }
}

/// The configs in the order in which their tools are asked, docker's own first.
fn configs(env: &Env) -> Vec<(String, std::io::Result<String>)> {
    let [docker, podman] = files(env);
    let read = |path: PathBuf| (path.display().to_string(), fsx::read_text(&path));
    let given = env.get(GIVEN).map(|text| (GIVEN.to_owned(), Ok(text.to_owned())));
    docker.map(read).into_iter().chain(given).chain(podman.map(read)).collect()
}

/// Docker's file and podman's, where each is known.
pub(super) fn files(env: &Env) -> [Option<PathBuf>; 2] {
    let docker =
        env.get("DOCKER_CONFIG").map(|folder| env.path(folder)).or_else(|| Some(env.user_home()?.join(".docker")));
    let podman = env
        .get("REGISTRY_AUTH_FILE")
        .map(|file| env.path(file))
        .or_else(|| Some(PathBuf::from(env.get("XDG_RUNTIME_DIR")?).join("containers/auth.json")));
    [docker.map(|folder| folder.join("config.json")), podman]
}

async fn one(env: &Env, host: &str, place: &str, text: &str, found: &mut Found) {
    let malformed = |defect: Defect| {
        let failed = Observation::failed(check::DOCKER_CONFIG, variant::LOCAL, host, code::MALFORMED);
        failed.detail(&format!("`{place}`: {defect}"))
    };
    let Ok(config) = serde_json::from_str::<Config>(text) else {
        found.seen.push(malformed(Defect::Malformed));
        return;
    };
    let key = key(host);
    if let Some(name) = config.program(key) {
        let (seen, kept) = program::get(env, name, key, program::TIMEOUT).await;
        found.seen.push(seen);
        found.add(&format!("docker-credential-{name}"), kept);
        return;
    }
    let kept = match config.identity(key) {
        Some(token) => Ok(Some(Kept::Identity(token.clone()))),
        None if config.auths.is_empty() => Ok(None),
        None => match dockerconfig::logins(text, &dockerconfig::host_of(key)) {
            Ok(logins) => Ok(logins.into_iter().next().map(Kept::Login)),
            // An entry without a login is what docker leaves behind for its programs.
            Err(Defect::NoEntry | Defect::NoCredential) => Ok(None),
            Err(defect) => Err(defect),
        },
    };
    match kept {
        Ok(Some(kept)) => {
            let form = if matches!(kept, Kept::Identity(_)) { code::IDENTITY_TOKEN } else { "" };
            let seen = Observation::ok(check::DOCKER_CONFIG, variant::LOCAL, host).code(form);
            found.seen.push(seen.detail(&format!("`{place}`")));
            found.add(place, Some(kept));
        }
        Ok(None) => {}
        Err(defect) => found.seen.push(malformed(defect)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Place and user of each login, and the codes of what was seen.
    async fn of(env: &[(&str, &str)], host: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        look(&Env::of(env.iter().copied()), host, &mut found).await;
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        let user = |kept: &Kept| match kept {
            Kept::Login(login) => login.username.clone(),
            Kept::Identity(_) => "token".to_owned(),
        };
        let logins = found.logins.iter().map(|(_, kept)| user(kept)).collect();
        (logins, found.seen.into_iter().map(|o| o.code.unwrap_or_default()).collect())
    }

    #[tokio::test]
    async fn each_form_of_a_config_gives_what_it_holds() {
        let login = r#"{"username": "u", "password": "canary"}"#;
        let none: [&str; 0] = [];
        let rows: [(&str, String, &[&str], &[&str]); 9] = [
            ("reg.io", format!(r#"{{"auths": {{"https://reg.io/v1/": {login}}}}}"#), &["u"], &[""]),
            ("docker.io", format!(r#"{{"auths": {{"https://index.docker.io/v1/": {login}}}}}"#), &["u"], &[""]),
            ("reg.io", format!(r#"{{"auths": {{"other.io": {login}}}}}"#), &none, &none),
            (
                "reg.io",
                r#"{"auths": {"reg.io": {"identitytoken": "canary", "auth": "eDo="}}}"#.into(),
                &["token"],
                &[code::IDENTITY_TOKEN],
            ),
            ("reg.io", r#"{"auths": {"reg.io": {}}}"#.into(), &none, &none),
            ("reg.io", r#"{"HttpHeaders": {}}"#.into(), &none, &none),
            ("reg.io", " ".into(), &none, &none),
            ("reg.io", "canary".into(), &none, &[code::MALFORMED]),
            ("reg.io", r#"{"auths": {"reg.io": {"auth": "%"}}}"#.into(), &none, &[code::MALFORMED]),
        ];
        for (host, text, logins, codes) in rows {
            let (found, seen) = of(&[("DOCKER_AUTH_CONFIG", &text)], host).await;
            assert_eq!(
                (found.as_slice(), seen.as_slice()),
                (strings(logins).as_slice(), strings(codes).as_slice()),
                "{text}"
            );
        }
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// A program that does not work must not bring an old password of the file back.
    #[tokio::test]
    async fn a_program_decides_alone() {
        let auths = r#""auths": {"reg.io": {"username": "u", "password": "canary"}}"#;
        for named in [r#""credsStore": "absent""#, r#""credHelpers": {"reg.io": "absent"}"#] {
            let text = format!("{{{named}, {auths}}}");
            let (found, seen) = of(&[("DOCKER_AUTH_CONFIG", &text), ("PATH", "/nowhere")], "reg.io").await;
            assert_eq!((found, seen), (strings(&[]), strings(&["NOT_INSTALLED"])), "{text}");
        }
        let other = format!(r#"{{"credHelpers": {{"other.io": "absent"}}, {auths}}}"#);
        assert_eq!(of(&[("DOCKER_AUTH_CONFIG", &other)], "reg.io").await.0, ["u"]);
    }

    #[tokio::test]
    async fn dockers_own_file_comes_before_podmans() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, user: &str| {
            let path = home.path().join(name);
            fsx::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!(r#"{{"auths": {{"reg.io": {{"username": "{user}", "password": "canary"}}}}}}"#);
            fsx::replace(&path, text.as_bytes()).unwrap();
        };
        write(".docker/config.json", "docker");
        write("run/containers/auth.json", "podman");
        write("moved/config.json", "moved");
        let (at, run) = (home.path().to_str().unwrap(), home.path().join("run"));
        let env = [("HOME", at), ("XDG_RUNTIME_DIR", run.to_str().unwrap())];
        assert_eq!(of(&env, "reg.io").await.0, ["docker", "podman"]);
        assert_eq!(of(&[env[0], ("DOCKER_CONFIG", "~/moved")], "reg.io").await.0, ["moved"]);
    }
}

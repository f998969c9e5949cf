//! Where the engine listens: `DOCKER_HOST`, the context of docker's own tool, the usual socket of Docker, then those of
//! Podman. A way that we do not go, or that would show a login to the network, is an error and never passed over (`tests`).

use std::path::{Path, PathBuf};

use mops_core::{Class, Error};
use mops_host::{Env, fsx};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The socket of Docker.
const DOCKER: &str = "/var/run/docker.sock";
/// The socket of Podman when it serves everybody.
const PODMAN: &str = "/run/podman/podman.sock";

/// A place at which an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A port of this machine, `ADDRESS:PORT`.
    Loopback(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Loopback(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Docker,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Docker {
    host: Option<String>,
}

impl Endpoint {
    /// The engine that docker's own tool would take; without one, a socket of Podman that is there.
    ///
    /// # Errors
    /// A place that is named and cannot be used.
    pub fn find(env: &Env) -> Result<Self, Error> {
        if let Some(host) = env.get("DOCKER_HOST") {
            return Self::parse(host, "DOCKER_HOST");
        }
        if let Some(name) = context(env) {
            return from_context(env, &name);
        }
        Ok(Self::Unix(usual(env).into_iter().find(|path| path.exists()).unwrap_or_else(|| PathBuf::from(DOCKER))))
    }

    fn parse(text: &str, source: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        if let Some(address) = text.strip_prefix("tcp://").map(|rest| rest.trim_end_matches('/')) {
            return match is_loopback(address) {
                true => Ok(Self::Loopback(address.to_owned())),
                false => Err(refused(text, source, "logins would cross the network in clear")),
            };
        }
        Err(refused(text, source, "that way to an engine is not gone"))
    }
}

fn refused(text: &str, source: &str, why: &str) -> Error {
    Error::new(Class::User, format!("the engine `{text}` of {source} is not used: {why}")).hint(
        "bring its socket here, for example `ssh -fNL /tmp/engine.sock:/var/run/docker.sock HOST`, then set \
         DOCKER_HOST=unix:///tmp/engine.sock",
    )
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The folder of docker's configuration.
fn folder(env: &Env) -> Option<PathBuf> {
    let named = env.get("DOCKER_CONFIG").map(|folder| env.path(folder));
    named.or_else(|| Some(env.user_home()?.join(".docker")))
}

/// The context in use, unless it is the default one.
fn context(env: &Env) -> Option<String> {
    let chosen = || {
        let text = fsx::read_text(&folder(env)?.join("config.json")).ok()?;
        serde_json::from_str::<Config>(&text).ok()?.current_context
    };
    env.get("DOCKER_CONTEXT").map(str::to_owned).or_else(chosen).filter(|name| name != "default" && !name.is_empty())
}

fn from_context(env: &Env, name: &str) -> Result<Endpoint, Error> {
    let id: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = folder(env).unwrap_or_default().join("contexts/meta").join(id).join("meta.json");
    let host = host_of(&file).ok_or_else(|| {
        Error::new(Class::User, format!("the context `{name}` of docker names no engine in `{}`", file.display()))
            .hint("`docker context ls` lists the contexts; DOCKER_HOST goes before them")
    })?;
    Endpoint::parse(&host, &format!("the context `{name}`"))
}

fn host_of(file: &Path) -> Option<String> {
    serde_json::from_str::<Meta>(&fsx::read_text(file).ok()?).ok()?.endpoints.docker.host
}

/// The usual sockets: those of the user before those of everybody, Docker's before Podman's.
fn usual(env: &Env) -> Vec<PathBuf> {
    let own = env.get("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = |name: &str| own.as_ref().map(|folder| folder.join(name));
    [Some(DOCKER.into()), own("docker.sock"), own("podman/podman.sock"), Some(PODMAN.into())]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ways_on_this_machine_are_gone() {
        let of = |host: &str| Endpoint::find(&Env::of([("DOCKER_HOST", host)])).map(|found| found.to_string());
        assert_eq!(of("unix:///run/x.sock").ok().as_deref(), Some("/run/x.sock"));
        for good in ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375"] {
            assert_eq!(of(good).ok().as_deref(), Some(good));
        }
        for bad in ["tcp://10.0.0.5:2375", "tcp://127.0.0.1.example.com:1", "ssh://gpu", "unix://relative", "npipe://x"]
        {
            let error = of(bad).unwrap_err();
            assert!(error.class() == Class::User && error.summary().contains(bad), "{error}");
        }
    }

    #[test]
    fn the_context_of_docker_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(".docker").join(name);
            fsx::create_dir_all(path.parent().unwrap()).unwrap();
            fsx::replace(&path, text.as_bytes()).unwrap();
        };
        let find = |more: &[(&str, &str)]| {
            let home = [("HOME", home.path().to_str().unwrap())];
            Endpoint::find(&Env::of(home.iter().chain(more).copied())).map(|found| found.to_string())
        };
        write("config.json", r#"{"auths": {}, "currentContext": "rootless"}"#);
        assert!(find(&[]).unwrap_err().summary().contains("`rootless`"));
        let id: String = Sha256::digest("rootless").iter().map(|byte| format!("{byte:02x}")).collect();
        write(
            &format!("contexts/meta/{id}/meta.json"),
            r#"{"Name":"rootless","Endpoints":{"docker":{"Host":"unix:///r.sock"}}}"#,
        );
        assert_eq!(find(&[]).ok().as_deref(), Some("/r.sock"));
        assert_eq!(find(&[("DOCKER_HOST", "unix:///h.sock")]).ok().as_deref(), Some("/h.sock"));
        assert_ne!(find(&[("DOCKER_CONTEXT", "default")]).ok().as_deref(), Some("/r.sock"));
    }
}

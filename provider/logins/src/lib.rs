//! The logins of this machine for a host: docker config and its credential programs, the files of NGC's tools, the
//! environment. They are read here, sent to their own host only, and go nowhere else (`tests`, `tests/local_logins.rs`).

mod docker;
mod edit;
mod file;
mod holders;
mod mlenv;
mod ngc_files;
mod program;
mod save;

use mops_core::Secret;
use mops_host::Env;
use mops_probe::Observation;
use mops_probe::keys::{NGC_HOST, NGC_USER};
use mops_probe::settings::names;
use mops_wire::registry::Auth;

pub use edit::Malformed;
pub use file::FileError;
pub use holders::{Holder, holders};
pub use mops_probe::dockerconfig::Login;
pub use ngc_files::host as ngc_host;
pub use save::{Forget, Keep, Profile, SaveError, Saved, forget, save};

/// Names of the checks.
pub mod check {
    /// The docker config of the workstation.
    pub const DOCKER_CONFIG: &str = "local.docker_config";
    /// A credential program that the docker config names; the target is the program.
    pub const CREDENTIAL_PROGRAM: &str = "local.credential_program";
}

/// What is wrong with a place that keeps logins.
pub mod code {
    /// Cut off, or not to be parsed.
    pub const TRUNCATED: &str = "TRUNCATED";
    /// The program is not installed.
    pub const NOT_INSTALLED: &str = "NOT_INSTALLED";
    /// The program ended with an error.
    pub const PROGRAM_FAILED: &str = "PROGRAM_FAILED";
}

/// What the tools of NGC call the key, the usual name first.
const NGC_KEYS: [&str; 4] = [names::NGC_KEY, "NVIDIA_API_KEY", "NIM_NGC_API_KEY", "NGC_CLI_API_KEY"];

/// A login that this machine keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// User and password.
    Login(Login),
    /// An identity token, which the registry trades for an access token.
    Identity(Secret<String>),
}

impl Kept {
    /// How a registry is asked with it.
    #[must_use]
    pub fn auth(&self) -> Auth {
        match self {
            Self::Login(login) => Auth::Basic { username: login.username.clone(), password: login.password.clone() },
            Self::Identity(token) => Auth::Refresh(token.clone()),
        }
    }
}

/// What this machine has for a host.
#[derive(Debug, Default)]
pub struct Found {
    /// Each with its place, in the order in which the tools look; none twice.
    pub logins: Vec<(String, Kept)>,
    /// Further places of a login that is known already, each with the first one.
    pub repeats: Vec<(String, String)>,
    /// What was seen of the places themselves.
    pub seen: Vec<Observation>,
}

impl Found {
    /// What is wrong with the places, a line each.
    pub fn troubles(&self) -> impl Iterator<Item = String> {
        let failed = self.seen.iter().filter(|o| o.outcome == mops_probe::Outcome::Failed);
        failed.map(|o| format!("{}: {}", o.target, o.detail))
    }

    fn add(&mut self, place: &str, kept: Option<Kept>) {
        let Some(kept) = kept else { return };
        match self.logins.iter().find(|(_, known)| *known == kept) {
            Some((first, _)) => self.repeats.push((place.to_owned(), first.clone())),
            None => self.logins.push((place.to_owned(), kept)),
        }
    }
}

/// The logins for a host. A place that cannot be read is an observation, and never a reason to look at a weaker one
/// of the same file.
pub async fn logins(env: &Env, host: &str) -> Found {
    let mut found = Found::default();
    docker::look(env, host, &mut found).await;
    if host == ngc_files::host(env) {
        for (place, key) in ngc_files::keys(env) {
            found.add(&place, Some(ngc(key)));
        }
    }
    environment(env, host, &mut found);
    found
}

/// The variable that usually has the key of a host, when it is set, and the key.
#[must_use]
pub fn usual_key(env: &Env, host: &str) -> Option<(&'static str, Secret<String>)> {
    if host == ngc_files::host(env) {
        return ngc_variable(env);
    }
    bundle_password(env, host).map(|key| (names::PASSWORD, key))
}

/// The first variable with a key of NGC.
fn ngc_variable(env: &Env) -> Option<(&'static str, Secret<String>)> {
    NGC_KEYS.iter().find_map(|name| Some((*name, env.secret(name)?)))
}

/// The password of the environment, if it is for this host: one without the host that it is for is sent to no host.
fn bundle_password(env: &Env, host: &str) -> Option<Secret<String>> {
    let own = env.get(names::BUNDLE_REGISTRY)?.eq_ignore_ascii_case(host);
    env.secret(names::PASSWORD).filter(|_| own)
}

fn ngc(key: Secret<String>) -> Kept {
    Kept::Login(Login { username: NGC_USER.to_owned(), password: key })
}

fn environment(env: &Env, host: &str, found: &mut Found) {
    let login = env.get(names::USERNAME).zip(bundle_password(env, host));
    found
        .add(names::PASSWORD, login.map(|(user, password)| Kept::Login(Login { username: user.to_owned(), password })));
    if host == NGC_HOST
        && let Some((name, key)) = ngc_variable(env)
    {
        found.add(name, Some(ngc(key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn places(env: &[(&str, &str)], host: &str) -> Vec<String> {
        logins(&Env::of(env.iter().copied()), host).await.logins.into_iter().map(|(place, _)| place).collect()
    }

    #[tokio::test]
    async fn a_password_is_for_the_host_that_is_named_beside_it() {
        let env = [("REGISTRY_USERNAME", "u"), ("REGISTRY_PASSWORD", "p"), ("MODELOPS_BUNDLE_REGISTRY", "Reg.io")];
        assert_eq!(places(&env, "reg.io").await, ["REGISTRY_PASSWORD"]);
        assert_eq!(places(&env, "other.io").await, [""; 0]);
        assert_eq!(places(&env[..2], "reg.io").await, [""; 0], "nobody says whose it is");
    }

    #[tokio::test]
    async fn a_key_of_ngc_goes_to_ngc() {
        let env = [("NVIDIA_API_KEY", "canary-b"), ("NGC_API_KEY", "canary-a")];
        assert_eq!(places(&env, NGC_HOST).await, ["NGC_API_KEY"]);
        assert_eq!(places(&env, "reg.io").await, [""; 0]);
        let found = logins(&Env::of(env), NGC_HOST).await;
        assert!(!format!("{found:?}").contains("canary"));
    }
}

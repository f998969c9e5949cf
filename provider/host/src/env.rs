//! The environment as a value, and the one list of variables that we read.
//!
//! Guarantees that nothing but [`Env::process`] looks at the real environment (`clippy.toml`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use mops_core::{Class, Error, Secret};

/// A variable that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, for `mops --help`.
    pub description: &'static str,
}

const fn v(name: &'static str, description: &'static str) -> Variable {
    Variable { name, description }
}

/// Every variable that we read, for `mops --help`.
pub const VARIABLES: &[Variable] = &[
    v("MODELOPS_HOME", "folder of state and secrets; default ~/.modelops"),
    v("MOPS_CLOUD", "file that replaces the `cloud:` section; own file, mode 0600"),
    v("MOPS_BIN_DIR", "folder of the programs under test"),
    v("MOPS_FOLDER", "plugins for Pulumi: the folder that relative names in the stack file start from"),
    v("MOPS_FAILPOINT", "failpoint of a test build, `name:n:abort|error|sleep|panic`"),
    v("MOPS_UNMASKED", "set when a test build is to mask no secret"),
    v("MOPS_PROBE_IMAGE", "image of the probe that `mops infra diagnose-auth` starts in a pod"),
    v("MOPS_PROBE_REGISTRY", "probe: login server of the registry"),
    v("MOPS_PROBE_IMAGES", "probe: image references, separated by commas"),
    v("MOPS_PROBE_PULL_SECRET", "probe: text of a .dockerconfigjson"),
    v("MOPS_PROBE_CONTAINER", "probe: blob containers, separated by commas"),
    v("MOPS_PROBE_VERIFY_READONLY", "probe: set when a write must be refused"),
    v("MOPS_PROBE_RUN", "probe: id of the run"),
    v("MOPS_PROBE_NONCE", "probe: nonce of the run, with which keys are hashed"),
    v("MOPS_PROBE_CONNECT", "probe in the sandbox: `HOST=ADDRESS` pairs, separated by commas"),
    v("LOG_LEVEL", "error, warn, info, debug or trace; default warn"),
    v("NO_COLOR", "plain text"),
    v("CI", "non-interactive run"),
    v("MOPS_STATE_SHARED", "set when machines share the state folder over a file system that hides it"),
    v("PULUMI_CONFIG_PASSPHRASE", "passphrase of the secrets in state"),
    v("PULUMI_CONFIG_PASSPHRASE_FILE", "file with that passphrase, mode 0600"),
    v("MODELOPS_BUNDLE_REGISTRY", "registry of the workers"),
    v("REGISTRY_USERNAME", "user name for the image registry"),
    v("REGISTRY_PASSWORD", "password for the image registry"),
    v("AZURE_STORAGE_CONNECTION_STRING", "storage endpoint with its SAS"),
    v("AZURE_CLIENT_ID", "application or identity that signs in"),
    v("AZURE_TENANT_ID", "directory"),
    v("AZURE_CLIENT_SECRET", "secret of the application"),
    v("AZURE_SUBSCRIPTION_ID", "subscription when the stack file names none"),
    v("AZURE_FEDERATED_TOKEN_FILE", "token of a pod with workload identity"),
    v("AZURE_AUTHORITY_HOST", "sign-in host, set by workload identity"),
    v("ACTIONS_ID_TOKEN_REQUEST_URL", "token address of a GitHub workflow"),
    v("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "token for that address"),
    v("IDENTITY_ENDPOINT", "managed identity of App Service"),
    v("IDENTITY_HEADER", "secret of that endpoint"),
    v("DOCKER_CONFIG", "folder of docker's config.json; default ~/.docker"),
    v("DOCKER_HOST", "socket of the container engine; default that of Docker or Podman"),
    v("DOCKER_CONTEXT", "context of docker whose engine is used"),
    v("DOCKER_AUTH_CONFIG", "text of a docker config with logins"),
    v("REGISTRY_AUTH_FILE", "file with podman's logins"),
    v("XDG_RUNTIME_DIR", "folder in which podman keeps its logins"),
    v("MLENV_NGC_CONFIG_DIR", "folder of mlenv's config; default ~/.mlenv"),
    v("MLENV_NGC_REGISTRY", "host of the key in mlenv's config; default nvcr.io"),
    v("MLENV_IMAGE_PULL_RETRIES", "how often the pull of an image is tried; default 3"),
    v("MLENV_GPU_UTIL_THRESHOLD", "per cent below which a GPU is idle; default 30"),
    v("MLENV_GPU_MIN_FREE_MEM", "free megabytes that an idle GPU has; default 1000"),
    v("NOVITA_API_KEY", "key for Novita"),
    v("NOVITA_API_BASE_URL", "address of Novita's API; default https://api.novita.ai/gpu-instance/openapi"),
    v("NGC_API_KEY", "key for NGC"),
    v("NVIDIA_API_KEY", "key for NGC, under its other name"),
    v("NIM_NGC_API_KEY", "key for NGC, as NIM names it"),
    v("NGC_CLI_API_KEY", "key for NGC, as its own tool names it"),
    v("KUBECONFIG", "kubeconfig files, separated by colons"),
    v("HTTPS_PROXY", "proxy for https, either spelling"),
    v("HTTP_PROXY", "proxy for http, either spelling"),
    v("NO_PROXY", "hosts without proxy, either spelling"),
    v("SSL_CERT_FILE", "PEM file of trusted roots instead of the system's"),
    v("SSL_CERT_DIR", "folder of trusted roots instead of the system's"),
    v("HOME", "home folder"),
    v("USER", "name shown in the lock"),
    v("PATH", "folders of programs"),
    v("EDITOR", "editor that `mops` opens"),
];

/// A copy of an environment. Empty variables count as absent. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Env(Arc<BTreeMap<String, String>>);

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env {
    /// The environment of this process; entries that are not UTF-8 are left out.
    #[must_use]
    pub fn process() -> Self {
        let entries = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self(Arc::new(entries.collect()))
    }

    /// An environment of given pairs.
    pub fn of<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The same for a secret.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<Secret<String>> {
        self.get(name).map(Secret::from)
    }

    /// Whether a variable is set and not empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All pairs; the values may be secret.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The pairs of these names alone: what a child is given that shall see no more.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Vec<(String, String)> {
        let kept = self.iter().filter(|(name, _)| names.contains(name));
        kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The user's home folder.
    #[must_use]
    pub fn user_home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// The folder of state and secrets: `MODELOPS_HOME`, else `~/.modelops`.
    ///
    /// # Errors
    /// When neither it nor `HOME` is set.
    pub fn home(&self) -> Result<PathBuf, Error> {
        if let Some(folder) = self.get("MODELOPS_HOME") {
            return Ok(self.path(folder));
        }
        let home = self.user_home().ok_or_else(|| {
            Error::new(Class::User, "neither `MODELOPS_HOME` nor `HOME` is set")
                .hint("set `MODELOPS_HOME` to the folder that holds the state")
        })?;
        Ok(home.join(".modelops"))
    }

    /// A path as a user writes it: a leading `~/` is the home folder.
    #[must_use]
    pub fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.user_home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn home_is_moved_by_the_variable() {
        let env = Env::of([("HOME", "/home/a")]);
        assert_eq!(env.home().unwrap(), Path::new("/home/a/.modelops"));
        let env = Env::of([("HOME", "/home/a"), ("MODELOPS_HOME", "~/m")]);
        assert_eq!(env.home().unwrap(), Path::new("/home/a/m"));
        assert_eq!(Env::default().home().unwrap_err().class(), Class::User);
    }

    #[test]
    fn empty_is_absent_and_debug_shows_no_value() {
        let env = Env::of([("A", ""), ("REGISTRY_PASSWORD", "canary")]);
        assert_eq!(env.get("A"), None);
        assert!(!format!("{env:?}").contains("canary"));
    }

    #[test]
    fn the_list_names_every_variable_once() {
        let mut names: Vec<_> = VARIABLES.iter().map(|v| v.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
    }
}

//! The secrets and config maps of a run, each read once, for everybody who judges them (`tests/diagnose.rs`).

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use crate::cluster::{Cluster, Trouble};
use crate::observed::code;
use crate::request::Request;

/// Reads at a time.
const AT_ONCE: usize = 4;

/// What the API server said about each of them by its name.
#[derive(Default)]
pub(crate) struct Shelf {
    secrets: BTreeMap<String, Result<Secret, Trouble>>,
    maps: BTreeMap<String, Result<ConfigMap, Trouble>>,
}

/// What is to be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) secrets: BTreeSet<String>,
    /// Config maps, which give variables as secrets do.
    pub(crate) maps: BTreeSet<String>,
}

impl Shelf {
    /// Reads these, each once.
    pub(crate) async fn read(cluster: &Cluster, request: &Request, names: Names) -> Self {
        let secret = |name: String| async move {
            let found = secret(cluster, request, &name).await;
            (name, found)
        };
        let map = |name: String| async move {
            let found = cluster.config_map(&name).await;
            (name, found)
        };
        Self {
            secrets: futures::stream::iter(names.secrets).map(secret).buffer_unordered(AT_ONCE).collect().await,
            maps: futures::stream::iter(names.maps).map(map).buffer_unordered(AT_ONCE).collect().await,
        }
    }

    #[cfg(test)]
    pub(crate) fn of<const N: usize>(all: [(&str, Result<Secret, Trouble>); N]) -> Self {
        let secrets = all.into_iter().map(|(name, found)| (name.to_owned(), found)).collect();
        Self { secrets, maps: BTreeMap::new() }
    }

    #[cfg(test)]
    pub(crate) fn with_map(mut self, name: &str, found: Result<ConfigMap, Trouble>) -> Self {
        self.maps.insert(name.to_owned(), found);
        self
    }

    /// A secret that was asked for.
    pub(crate) fn get(&self, name: &str) -> Option<&Result<Secret, Trouble>> {
        self.secrets.get(name)
    }

    /// A config map that was asked for.
    pub(crate) fn map(&self, name: &str) -> Option<&Result<ConfigMap, Trouble>> {
        self.maps.get(name)
    }

    /// A secret that was found.
    pub(crate) fn found(&self, name: &str) -> Option<&Secret> {
        self.get(name)?.as_ref().ok()
    }
}

/// A secret of the namespace; one that is absent there is looked for where the caller says.
async fn secret(cluster: &Cluster, request: &Request, name: &str) -> Result<Secret, Trouble> {
    let found = cluster.secret(name).await;
    if !matches!(&found, Err(trouble) if trouble.code == code::NOT_FOUND) {
        return found;
    }
    for namespace in &request.search_namespaces {
        if cluster.elsewhere(namespace).secret(name).await.is_ok() {
            return Err(Trouble { code: code::OTHER_NAMESPACE, detail: namespace.clone() });
        }
    }
    found
}

/// A value of a secret, when it is text.
pub(crate) fn value(secret: &Secret, key: &str) -> Option<String> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    String::from_utf8(bytes.clone()).ok()
}

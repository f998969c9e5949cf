//! Tokens as a Secret of a cluster: the same names, written in one step that pods never see half of. Nothing is taken from
//! whoever else made one of that name, and only states are told, never a value (`tests/tokens_cluster.rs`, K-20).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_clients::kubernetes::{Apply, Kubernetes, KubernetesError, ObjectRef, Selection};
use mops_core::Secret;
use mops_core::keyed_hash::Nonce;
use mops_core::mark::names;
use mops_host::random;
use serde_json::{Map, Value as Json, json};

use crate::check::State;
use crate::envfile::Variables;

/// What it is called where nothing else is said.
pub const NAME: &str = "hf-wandb-tokens";
/// Its type; a cluster lets nobody change it.
pub const KIND: &str = "Opaque";
/// Says that whoever uses the product made it, no stack.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const MOPS: &str = "mops";

/// A Secret by its place, and what is there.
pub struct Held {
    kube: Kubernetes,
    place: ObjectRef,
    live: Option<Json>,
}

/// Why one is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A stack writes it.
    Stack(String),
    /// Somebody made it without us.
    Unmarked,
    /// It is of another type.
    Kind(String),
    /// Whoever made it let nobody change it.
    Immutable,
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Names that have another value now, or did not stand there.
    pub changed: Vec<String>,
    /// Names that are gone.
    pub removed: Vec<String>,
}

impl Held {
    /// Looks at it.
    ///
    /// # Errors
    /// Every refusal of the cluster.
    pub async fn read(kube: Kubernetes, namespace: &str, name: &str) -> Result<Self, KubernetesError> {
        let place = ObjectRef::namespaced("v1", "Secret", namespace, name);
        let live = kube.get(&place).await?;
        Ok(Self { kube, place, live })
    }

    /// Those of a name in every namespace.
    ///
    /// # Errors
    /// Every refusal of the cluster.
    pub async fn everywhere(kube: &Kubernetes, name: &str) -> Result<Vec<Self>, KubernetesError> {
        let named = Selection { fields: format!("metadata.name={name}"), ..Selection::default() };
        let all = kube.list(&ObjectRef::cluster_wide("v1", "Secret", ""), &named).await?;
        let held = |live: Json| {
            let place = ObjectRef::namespaced("v1", "Secret", live["metadata"]["namespace"].as_str()?, name);
            Some(Self { kube: kube.clone(), place, live: Some(live) })
        };
        Ok(all.into_iter().filter_map(held).collect())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.place.namespace.as_deref().unwrap_or_default()
    }

    /// What is there now.
    ///
    /// # Errors
    /// Every refusal of the cluster.
    pub async fn again(&self) -> Result<Self, KubernetesError> {
        Ok(Self { kube: self.kube.clone(), place: self.place.clone(), live: self.kube.get(&self.place).await? })
    }

    /// Whether it is there.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.live.is_some()
    }

    /// Its type; that of a new one when it is not there.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.live.as_ref().and_then(|live| live["type"].as_str()).unwrap_or(KIND)
    }

    /// Why it is not ours to write; nothing for one that is ours or that is not there.
    #[must_use]
    pub fn stranger(&self) -> Option<Stranger> {
        let live = self.live.as_ref()?;
        let label = |name: &str| live["metadata"]["labels"][name].as_str();
        if let Some(stack) = label(names::LABEL_STACK) {
            return Some(Stranger::Stack(stack.to_owned()));
        }
        if label(MANAGED_BY) != Some(MOPS) {
            return Some(Stranger::Unmarked);
        }
        if self.kind() != KIND {
            return Some(Stranger::Kind(self.kind().to_owned()));
        }
        (live["immutable"] == true).then_some(Stranger::Immutable)
    }

    /// Its values, by name.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Secret<String>> {
        let data = self.live.as_ref().and_then(|live| live["data"].as_object());
        let text = |coded: &Json| String::from_utf8(STANDARD.decode(coded.as_str()?).ok()?).ok();
        data.into_iter().flatten().filter_map(|(name, coded)| Some((name.clone(), Secret::new(text(coded)?)))).collect()
    }

    /// What each name is there, against the value of this machine, by hashes of this run.
    #[must_use]
    pub fn states(&self, asked: &[String], local: &Variables) -> Vec<(String, State)> {
        let (values, nonce) = (self.values(), Nonce::new(random::bytes::<32>()));
        let state = |name: &String| {
            let here = local.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
            match (values.get(name), here) {
                (None, _) => State::Missing,
                (Some(there), _) if there.expose().trim().is_empty() => State::Empty,
                (Some(_), None) => State::Set,
                (Some(there), Some(here)) if nonce.hash(there) == nonce.hash(here) => State::Same,
                (Some(_), Some(_)) => State::Differs,
            }
        };
        asked.iter().map(|name| (name.clone(), state(name))).collect()
    }

    /// Writes these variables in one step and reads them back; with `merge` what we wrote earlier stays beside them. Keys
    /// of other programs stay in any case.
    ///
    /// # Errors
    /// Every refusal of the cluster; it changed meanwhile.
    pub async fn write(&self, variables: &Variables, merge: bool) -> Result<Written, KubernetesError> {
        let before = self.values();
        let mut wanted: BTreeMap<String, Secret<String>> = BTreeMap::new();
        if merge {
            wanted.extend(before.iter().filter(|(name, _)| self.is_ours(name)).map(|(n, v)| (n.clone(), v.clone())));
        }
        wanted.extend(variables.iter().cloned());
        let data: Map<String, Json> =
            wanted.iter().map(|(name, value)| (name.clone(), json!(STANDARD.encode(value.expose())))).collect();
        let mut metadata = json!({"name": self.place.name, "namespace": self.place.namespace,
            "labels": {MANAGED_BY: MOPS}});
        // What was read decided what is kept: it must not have changed since.
        if let Some(version) = self.live.as_ref().and_then(|live| live["metadata"]["resourceVersion"].as_str()) {
            metadata["resourceVersion"] = json!(version);
        }
        let body = json!({"apiVersion": "v1", "kind": "Secret", "type": KIND, "metadata": metadata, "data": data});
        // One that is ours is ours as a whole: people may have written into it since.
        let mode = if self.is_there() { Apply::Force } else { Apply::Respect };
        let live = Some(self.kube.apply(&body, mode).await?);
        let after = Self { kube: self.kube.clone(), place: self.place.clone(), live }.values();
        let changed = wanted.iter().filter(|(name, value)| before.get(*name) != Some(*value)).map(|(n, _)| n.clone());
        let removed = before.keys().filter(|name| !after.contains_key(*name)).cloned();
        Ok(Written { changed: changed.collect(), removed: removed.collect() })
    }

    /// Whether a key is one that we wrote.
    fn is_ours(&self, key: &str) -> bool {
        let entries = self.live.as_ref().and_then(|live| live["metadata"]["managedFields"].as_array());
        let ours = |entry: &&Json| entry["manager"] == MOPS && entry["operation"] == "Apply";
        let field = format!("f:{key}");
        entries.into_iter().flatten().filter(ours).any(|entry| entry["fieldsV1"]["f:data"].get(&field).is_some())
    }
}

/// What a look, or a look and a write, has to be allowed: a Role, as `kubectl apply` takes it.
#[must_use]
pub fn rights(namespace: Option<&str>, name: &str, write: bool) -> Json {
    let verbs = if write { json!(["get", "patch"]) } else { json!(["get"]) };
    let mut rules = vec![json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": verbs})];
    if write {
        // The name of what is not there yet is not looked at.
        rules.push(json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}));
    }
    let mut metadata = json!({"name": "mops-tokens"});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules})
}

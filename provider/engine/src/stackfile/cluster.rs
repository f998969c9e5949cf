//! `cluster:` — an AKS cluster that the stack makes, or one that exists.

use std::collections::HashMap;

use mops_core::Place;
use serde_json::{Value as Json, json};

use super::pool::{Pool, PoolMode};
use super::reader::{Check, Context, Read, Spanned, section};
use super::registry::RegistrySku;
use super::rule::{ClusterName, Location, RegistryName, ResourceGroupName, SubnetId, UserName, Version};
use super::scalar::words;
use super::subscription::SubscriptionId;
use super::tree::{Kind, Node, clip};

words! {
    /// Whose cluster.
    ClusterProvider {
        /// AKS, made by the stack.
        "azure" Azure,
        /// One that exists, reached by a kubeconfig.
        "existing" Existing,
    }
}

/// A version of Kubernetes that stood in quotes where it had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesVersion(pub String);

impl Read for KubernetesVersion {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        if let Kind::Scalar { text, plain: true } = &node.kind
            && text.parse::<f64>().is_ok()
        {
            let name = cx.name();
            let summary = format!("{name} is the number {}; YAML would read 1.30 as 1.3", clip(text));
            cx.error(&node.place, summary, format!("put it in quotes: `\"{}\"`", clip(text)));
            return None;
        }
        Version::read(node, cx).map(|v| Self(v.as_str().to_owned()))
    }
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$"})
    }
}

section! {
    /// The older place of the registry.
    Strict OldRegistry {
        /// Name of the registry.
        "name" name: Option<Spanned<RegistryName>>,
        /// Tier; default `Basic`.
        "sku" sku: Option<Spanned<RegistrySku>>,
        /// A registry a user: the user name is appended to the name.
        "per_user_registry" per_user_registry: Option<Spanned<bool>>,
    }
}
impl Check for OldRegistry {}

section! {
    /// The AKS cluster.
    Strict Aks {
        /// Name; default `modelops-ENV-aks`.
        "name" name: Option<Spanned<ClusterName>>,
        /// MAJOR.MINOR or MAJOR.MINOR.PATCH, in quotes; default: the service's.
        "kubernetes_version" kubernetes_version: Option<Spanned<KubernetesVersion>>,
        /// ARM id of a subnet that the nodes are to be in; default: a network of the service's own. Changing it replaces
        /// the pools.
        "subnet_id" subnet_id: Option<Spanned<SubnetId>>,
        /// Node pools, at least one with `mode: System`.
        "node_pools" node_pools: Vec<Spanned<Pool>>,
    }
}

impl Check for Aks {
    fn check(&self, place: &Place, cx: &mut Context) {
        if !self.node_pools.iter().any(|p| p.mode() == PoolMode::System) {
            let place = self.node_pools.first().map_or(place, |p| &p.place);
            let summary = "no node pool has `mode: System`";
            cx.error(place, summary, "AKS runs its own pods there: add `mode: System` to a pool");
        }
        super::capacity::check(&self.node_pools, place, cx);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for pool in &self.node_pools {
            if let Some(line) = seen.insert(pool.name.as_str(), pool.name.place.line) {
                let summary = format!("two pools are called `{}`", pool.name.as_str());
                cx.error(&pool.name.place, summary, format!("the other one is in line {line}: rename one"));
            }
        }
    }
}

section! {
    /// The cluster.
    Strict Cluster {
        /// `azure` makes an AKS cluster, `existing` uses one; default `azure`.
        "provider" provider: Option<Spanned<ClusterProvider>>,
        /// The Azure subscription.
        "subscription_id" subscription_id: Option<Spanned<SubscriptionId>>,
        /// The resource group; with `username` it is `NAME-USERNAME`. Default `modelops-ENV-rg-USER`.
        "resource_group" resource_group: Option<Spanned<ResourceGroupName>>,
        /// Region; default `eastus2`.
        "location" location: Option<Spanned<Location>>,
        /// Part of derived names; else the user of the environment.
        "username" username: Option<Spanned<UserName>>,
        /// The AKS cluster.
        "aks" aks: Option<Spanned<Aks>>,
        /// The older place of the registry.
        "acr" acr: Option<Spanned<OldRegistry>>,
        /// Kubeconfig file of an existing cluster.
        "kubeconfig" kubeconfig: Option<Spanned<String>>,
        /// Its context; default: the file's current one.
        "context" context: Option<Spanned<String>>,
    }
}

impl Cluster {
    /// Whose cluster it is.
    #[must_use]
    pub fn provider(&self) -> ClusterProvider {
        self.provider.as_ref().map_or(ClusterProvider::Azure, |p| p.value)
    }
}

impl Check for Cluster {
    fn check(&self, place: &Place, cx: &mut Context) {
        if self.provider() == ClusterProvider::Azure {
            let foreign = [
                self.kubeconfig.as_ref().map(|k| ("kubeconfig", &k.place)),
                self.context.as_ref().map(|k| ("context", &k.place)),
            ];
            for (key, place) in foreign.into_iter().flatten() {
                let summary = format!("`cluster.{key}` belongs to an existing cluster");
                cx.error(place, summary, "delete it, or write `provider: existing`");
            }
            if self.aks.is_none() {
                cx.error(
                    place,
                    "`cluster.aks` is missing",
                    "add `aks:` with `node_pools`, or write `provider: existing`",
                );
            }
            if self.subscription_id.is_none() {
                let hint = "add it; `az account show --query id -o tsv` prints yours";
                cx.error(place, "`cluster.subscription_id` is missing", hint);
            }
            return;
        }
        if self.kubeconfig.is_none() {
            cx.error(place, "`cluster.kubeconfig` is missing", "name the file: `kubeconfig: ~/.kube/config`");
        }
        if let Some(aks) = &self.aks {
            let summary = "`cluster.aks` does not go with `provider: existing`";
            cx.error(&aks.place, summary, "delete it: an existing cluster is used as it is");
        }
    }
}

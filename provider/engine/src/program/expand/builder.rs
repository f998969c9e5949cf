//! Collects the resources and outputs of a program while the sections are walked.

use std::collections::BTreeMap;

use mops_core::{Place, StackId, Urn, Value};

use super::super::{Component, Declared, Expr, Output};
use super::ExpandOptions;
use super::names::Names;
use crate::stackfile::{RegistryAuth, StackFile};

/// The program as far as it is built, and what everything needs to know.
pub(super) struct Builder<'a> {
    pub(super) file: &'a StackFile,
    options: &'a ExpandOptions,
    pub(super) stack: &'a StackId,
    pub(super) names: &'a Names,
    /// The resources that later sections refer to.
    pub(super) made: Made,
    resources: Vec<Declared>,
    outputs: Vec<Output>,
}

/// What earlier sections declared.
#[derive(Default)]
pub(super) struct Made {
    pub(super) registry: Option<Urn>,
    pub(super) registry_token: Option<Urn>,
    /// The right of the service principal to pull.
    pub(super) principal_pull: Option<Urn>,
    pub(super) storage: Option<Urn>,
    /// Variable and SAS resource.
    pub(super) sas: Vec<(String, Urn)>,
    pub(super) cluster: Option<Urn>,
    pub(super) pools: Vec<Urn>,
    /// The namespace of the workspace, with its objects to wait for.
    pub(super) namespace: Option<Urn>,
    pub(super) pull_secret: Option<Urn>,
    /// The right of the nodes to pull without a secret.
    pub(super) nodes_pull: Option<Urn>,
}

/// Members of a map expression.
pub(super) type Members = BTreeMap<String, Expr>;

/// Builds the members of a map from pairs.
pub(super) fn members<const N: usize>(pairs: [(&str, Expr); N]) -> Members {
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// A text if there is one; absent members vanish.
pub(super) fn optional<T: Into<Value>>(value: Option<T>) -> Expr {
    value.map_or(Expr::Value(Value::Null), Expr::from)
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: &'a StackFile, options: &'a ExpandOptions, stack: &'a StackId, names: &'a Names) -> Self {
        Self { file, options, stack, names, made: Made::default(), resources: Vec::new(), outputs: Vec::new() }
    }

    /// A resource with nothing special about it; change it, then [`Builder::push`] it.
    pub(super) fn resource(&self, component: Component, token: &str, name: &str, inputs: Members) -> Declared {
        let inputs = inputs.into_iter().filter(|(_, v)| *v != Expr::Value(Value::Null)).collect();
        Declared::new(Urn::new(self.stack, token, name), component, Expr::Map(inputs))
    }

    pub(super) fn push(&mut self, resource: Declared) -> Urn {
        let urn = resource.urn.clone();
        self.resources.push(resource);
        urn
    }

    /// Everything of a component that is declared so far.
    pub(super) fn in_component(&self, component: Component) -> Vec<Urn> {
        self.resources.iter().filter(|r| r.component == component).map(|r| r.urn.clone()).collect()
    }

    /// The way to sign in to the registry that stays open beside the file's.
    pub(super) const fn beside(&self) -> Option<&'a RegistryAuth> {
        self.options.beside.as_ref()
    }

    pub(super) fn output(&mut self, component: Component, name: &str, value: Expr) {
        self.outputs.push(Output { component, name: name.to_owned(), value });
    }

    /// The resource group of this name, declared at its first use.
    pub(super) fn resource_group(&mut self, name: &str, location: &str, place: Option<&Place>) -> Urn {
        let main = self.names.resource_group.as_deref() == Some(name);
        let logical =
            if main { "resource-group".to_owned() } else { format!("resource-group-{}", name.to_lowercase()) };
        let inputs = members([
            ("subscriptionId", optional(self.names.subscription.clone())),
            ("name", name.into()),
            ("location", location.into()),
        ]);
        let mut group = self.resource(Component::ResourceGroup, "modelops:azure:ResourceGroup", &logical, inputs);
        if let Some(existing) = self.resources.iter().find(|r| r.urn == group.urn) {
            return existing.urn.clone();
        }
        group.protect = true;
        group.retain_on_delete = true;
        group.place = place.cloned();
        self.push(group)
    }

    /// How objects name the cluster that they are in.
    pub(super) fn cluster_ref(&self) -> Expr {
        if let Some(cluster) = &self.made.cluster {
            return Expr::Map(members([("clusterId", Expr::output(cluster, "id"))]));
        }
        let cluster = self.file.cluster.as_ref();
        let path =
            cluster.and_then(|c| c.kubeconfig.as_ref()).map(|k| match (k.strip_prefix("~/"), &self.options.home) {
                (Some(rest), Some(home)) => format!("{}/{rest}", home.trim_end_matches('/')),
                _ => k.value.clone(),
            });
        let mut map = members([("kubeconfig", optional(path))]);
        if let Some(context) = cluster.and_then(|c| c.context.as_ref()) {
            map.insert("context".into(), context.value.clone().into());
        }
        Expr::Map(map)
    }

    /// An object inside the cluster: it leaves the state with the cluster.
    pub(super) fn in_cluster(&self, kind: &str, name: &str, mut inputs: Members) -> Declared {
        inputs.insert("cluster".into(), self.cluster_ref());
        let mut object = self.resource(Component::Workspace, &format!("modelops:kubernetes:{kind}"), name, inputs);
        object.deleted_with.clone_from(&self.made.cluster);
        object
    }

    pub(super) fn finish(self) -> (Vec<Declared>, Vec<Output>) {
        (self.resources, self.outputs)
    }
}

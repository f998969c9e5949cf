//! `registry.auth: workload_identity`: no password is made. The kubelets pull images as the identity that the cluster
//! has for its nodes, and the pods sign in as one of their own, which trusts the tokens of their service account.

use mops_core::Urn;
use serde_json::json;

use super::pull_right::{Holder, give};
use crate::program::expand::builder::{Builder, Members, members, optional};
use crate::program::expand::object::{object, put};
use crate::program::{Component, Expr};
use crate::stackfile::Phase;

/// The service account of scheduler and workers.
pub(in crate::program::expand) const SERVICE_ACCOUNT: &str = "dask-worker";
/// Makes AKS put a token of the service account, and where to trade it, into a pod.
pub(in crate::program::expand) const POD_LABEL: &str = "azure.workload.identity/use";

/// Whether pods and nodes of this stack sign in as who they are.
pub(in crate::program::expand) fn is_used(b: &Builder<'_>) -> bool {
    b.made.registry.is_some() && b.signs_in_by(Phase::WorkloadIdentity)
}

/// Lets the nodes of the stack's cluster pull; `None` when nothing of it asks for that.
pub(in crate::program::expand) fn nodes(b: &mut Builder<'_>) -> Option<Urn> {
    let cluster = b.made.cluster.clone().filter(|_| is_used(b))?;
    let principal = Expr::output(&cluster, "kubeletObjectId");
    give_to(b, "kubelet-pull", principal, "nodes pull images")
}

/// The service account of the workspace's pods, with everything that has to be there before they start.
pub(in crate::program::expand) fn pods(b: &mut Builder<'_>, namespace: &Urn) -> Option<Vec<Urn>> {
    let cluster = b.made.cluster.clone().filter(|_| is_used(b))?;
    let identity = identity(b);
    let trust = trust(b, &identity, &cluster);
    let right = give_to(b, "workload-pull", Expr::output(&identity, "principalId"), "pods read the registry");
    let account = service_account(b, &identity, namespace);
    Some([account, trust].into_iter().chain(right).collect())
}

fn give_to(b: &mut Builder<'_>, name: &'static str, principal: Expr, why: &'static str) -> Option<Urn> {
    let registry = b.made.registry.clone()?;
    Some(give(b, &registry, Holder { component: Component::Cluster, name, principal, why }))
}

fn identity(b: &mut Builder<'_>) -> Urn {
    let (group_name, location) = (b.names.resource_group.clone().unwrap_or_default(), b.names.location.clone());
    let group = b.resource_group(&group_name, &location, None);
    let inputs = members([
        ("subscriptionId", optional(b.names.subscription.clone())),
        ("resourceGroup", group_name.into()),
        ("name", format!("{}-workload", b.names.cluster.as_deref().unwrap_or_default()).into()),
        ("location", location.into()),
    ]);
    let mut identity = b.resource(Component::Cluster, "modelops:azure:UserAssignedIdentity", "identity", inputs);
    identity.depends_on = vec![group];
    identity.place = b.file.registry.as_ref().map(|r| r.place.clone());
    b.push(identity)
}

fn trust(b: &mut Builder<'_>, identity: &Urn, cluster: &Urn) -> Urn {
    let namespace = &b.names.namespace;
    let inputs = members([
        ("identityId", Expr::output(identity, "id")),
        ("name", format!("{namespace}-{SERVICE_ACCOUNT}").into()),
        ("issuer", Expr::output(cluster, "oidcIssuerUrl")),
        ("subject", format!("system:serviceaccount:{namespace}:{SERVICE_ACCOUNT}").into()),
    ]);
    let mut trust = b.resource(Component::Cluster, "modelops:azure:FederatedCredential", "identity-trust", inputs);
    trust.deleted_with = Some(identity.clone());
    trust.place = b.file.registry.as_ref().map(|r| r.place.clone());
    b.push(trust)
}

fn service_account(b: &mut Builder<'_>, identity: &Urn, namespace: &Urn) -> Urn {
    let mut account = object(json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE_ACCOUNT, "annotations": {}},
    }));
    put(&mut account, &["metadata", "namespace"], Expr::output(namespace, "name"));
    for (annotation, output) in
        [("azure.workload.identity/client-id", "clientId"), ("azure.workload.identity/tenant-id", "tenantId")]
    {
        put(&mut account, &["metadata", "annotations", annotation], Expr::output(identity, output));
    }
    let inputs: Members = members([("object", account), ("wait", false.into())]);
    let mut account = b.in_cluster("Manifest", "service-account", inputs);
    account.place = b.file.workspace.as_ref().map(|w| w.place.clone());
    b.push(account)
}

//! What a run has to be allowed: in the cluster as a Role and a ClusterRole, in Azure as the definition of a role. The
//! lists are what a run asks for, no more (`tests/diagnose/cluster.rs`, `tests/permissions.rs`).

use mops_core::rights::EVENTS;
pub use mops_core::rights::{EXEC, IN_CLUSTER, IN_NAMESPACE, PROBES, Right};
use serde_json::{Value as Json, json};

use crate::report::Command;

/// The name of the roles.
const NAME: &str = "mops-diagnose";

/// That of the roles of `mops ngc`.
const NGC: &str = "mops-ngc";

/// In the namespace of the workload, for `--fix` alone.
pub const FIX: &[Right] = &[
    Right { group: "", resource: "secrets", verbs: &["create", "delete", "patch"] },
    Right { group: "", resource: "serviceaccounts", verbs: &["patch"] },
    Right { group: "apps", resource: "deployments", verbs: &["get", "patch"] },
    Right { group: "apps", resource: "statefulsets", verbs: &["get", "patch"] },
];

/// There too, where a container shall come into running workers.
pub const IN_WORKERS: &[Right] = &[Right { group: "", resource: "pods/ephemeralcontainers", verbs: &["patch"] }];

/// There too, for the scheduler in a smoke test. The stream is opened by a GET, for which newer servers want the right to
/// create too.
pub const SCHEDULER: &[Right] = &[
    Right { group: "", resource: "services", verbs: &["get"] },
    Right { group: "", resource: "pods/portforward", verbs: &["create", "get"] },
];

/// The namespace of the cluster's own parts, in which the autoscaler tells what Azure has refused.
pub(crate) const SYSTEM: &str = "kube-system";

/// There, where pools are let scale up.
pub const IN_SYSTEM: &[Right] = &[EVENTS];

/// For `mops ngc fix`, in the namespace of its servers. A secret is made anew only where its type is wrong, a set of pods
/// is emptied only where it holds the GPU that the next one needs.
const NGC_FIX: &[Right] = &[
    Right { group: "", resource: "secrets", verbs: &["create", "delete", "get", "patch"] },
    Right { group: "", resource: "serviceaccounts", verbs: &["get"] },
    Right { group: "apps", resource: "deployments", verbs: &["get", "list", "patch"] },
    Right { group: "apps", resource: "replicasets", verbs: &["patch"] },
    Right { group: "", resource: "pods", verbs: &["delete", "list"] },
    Right { group: "", resource: "pods/log", verbs: &["get"] },
    Right { group: "", resource: "pods/portforward", verbs: &["create", "get"] },
    EVENTS,
];

/// For `mops ngc mock on` and `off`, there too.
const NGC_MOCK: &[Right] = &[
    Right { group: "", resource: "services", verbs: &["list", "patch"] },
    Right { group: "apps", resource: "deployments", verbs: &["create", "delete", "get", "patch"] },
];

/// In Azure, by the way in which pods sign in to the registry.
pub const ACTIONS: &[&str] = &[
    "Microsoft.ContainerRegistry/registries/listCredentials/action",
    "Microsoft.ContainerRegistry/registries/scopeMaps/read",
    "Microsoft.ContainerRegistry/registries/tokens/read",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read",
];

/// What a smoke test needs of the registry beside: its image is pushed, fetched and deleted by whoever runs it.
pub const ARTEFACT_ACTIONS: &[&str] = &[
    "Microsoft.ContainerRegistry/registries/artifacts/delete",
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
];

/// What a run is asked to do, as far as its rights depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// The command.
    pub command: Command,
    /// The namespace of the workload; without one its Role goes where it is applied.
    pub namespace: &'a str,
    /// That of the probes of nodes, where it is another.
    pub probes: Option<&'a str>,
    /// Whether it mends.
    pub fix: bool,
    /// Whether it adds containers to workers.
    pub inside: bool,
    /// Whether it lets pools scale up, and reads why one does not.
    pub scale_up: bool,
}

impl<'a> Purpose<'a> {
    /// A command and nothing beside it.
    #[must_use]
    pub const fn new(command: Command, namespace: &'a str) -> Self {
        Self { command, namespace, probes: None, fix: false, inside: false, scale_up: false }
    }
}

/// A Role for each namespace in which something is done, and a ClusterRole, as `kubectl apply` takes them.
#[must_use]
pub fn kubernetes(run: Purpose<'_>) -> Vec<Json> {
    let when = |asked, rights| if asked { rights } else { &[][..] };
    let scheduler = when(run.command == Command::SmokeTest, SCHEDULER);
    let own = [IN_NAMESPACE, scheduler, when(run.fix, FIX), when(run.inside, IN_WORKERS)].concat();
    let named = |namespace: &str| json!({"name": NAME, "namespace": namespace});
    let metadata = if run.namespace.is_empty() { json!({"name": NAME}) } else { named(run.namespace) };
    let probes = run.probes.filter(|name| *name != run.namespace).map(|name| role("Role", named(name), PROBES));
    let system = run.scale_up.then(|| role("Role", named(SYSTEM), IN_SYSTEM));
    let cluster = role("ClusterRole", json!({"name": NAME}), IN_CLUSTER);
    std::iter::once(role("Role", metadata, &own)).chain(probes).chain(system).chain([cluster]).collect()
}

/// What `mops ngc fix` needs: a Role in the namespace of its servers, and a look at the namespace itself.
#[must_use]
pub fn ngc_fix(namespace: &str) -> Vec<Json> {
    let seen = Right { group: "", resource: "namespaces", verbs: &["get"] };
    vec![of_ngc(namespace, NGC_FIX), role("ClusterRole", json!({ "name": NGC }), &[seen])]
}

/// What `mops ngc mock on` and `off` need.
#[must_use]
pub fn ngc_mock(namespace: &str) -> Vec<Json> {
    vec![of_ngc(namespace, NGC_MOCK)]
}

fn of_ngc(namespace: &str, rights: &[Right]) -> Json {
    role("Role", json!({"name": NGC, "namespace": namespace}), rights)
}

fn role(kind: &str, metadata: Json, rights: &[Right]) -> Json {
    let rules: Vec<Json> = rights.iter().map(Right::rule).collect();
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules})
}

/// A role definition as `az role definition create --role-definition` takes it, to be given in these scopes.
#[must_use]
pub fn azure(command: Command, scopes: &[String]) -> Json {
    let (what, more) = match command {
        Command::DiagnoseAuth => ("Read what mops diagnose-auth compares: how pods sign in to their registry", &[][..]),
        Command::SmokeTest => ("Read how pods sign in to their registry, and push an image for them", ARTEFACT_ACTIONS),
    };
    let actions = [ACTIONS, more].concat();
    json!({
        "Name": NAME,
        "Description": what,
        "Actions": actions,
        "AssignableScopes": scopes,
    })
}

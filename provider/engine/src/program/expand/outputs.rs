//! What a run shows at its end, in the names that the original used. Never an account key, never a kubeconfig.

use mops_core::{Urn, Value};

use super::super::{Component, Expr};
use super::builder::{Builder, optional};
use super::dask::{DASHBOARD, PORT};
use super::storage::container_list;
use crate::stackfile::{AutoscalingType, Phase, RegistryProvider, Workers, WorkspaceSpec};

pub(super) fn declare(b: &mut Builder<'_>) {
    registry(b);
    storage(b);
    cluster(b);
    if let Some(workspace) = b.file.workspace.as_ref() {
        self::workspace(b, &workspace.spec);
    }
}

fn put<const N: usize>(b: &mut Builder<'_>, component: Component, outputs: [(&str, Expr); N]) {
    for (name, value) in outputs {
        if value != Expr::Value(Value::Null) {
            b.output(component, name, value);
        }
    }
}

fn registry(b: &mut Builder<'_>) {
    let Some(access) = b.registry_access() else { return };
    let made: Option<Urn> = b.made.registry.clone();
    let provider = b.file.registry.as_ref().map_or(RegistryProvider::Azure, |r| r.provider());
    let own = b.file.registry.as_ref().and_then(|r| r.name.as_ref()).map(|n| n.value.clone());
    let name = optional(b.names.registry.clone().or(own));
    let user = b.file.registry.as_ref().and_then(|r| r.username.as_ref()).map(|u| u.value.clone());
    let (nothing, requires_auth) = (Expr::Value(Value::Null), made.is_some() || access.login.is_some());
    // The admin user of an Azure registry is called like the registry; its password stays in the cluster's Secret, as
    // that of a service principal does. That of a token may be handed on: it pulls and does nothing else.
    let (user, password) = match (made.as_ref().map(|_| b.phase()), access.login) {
        (Some(Phase::Token), Some(login)) => (login.username, login.password),
        (Some(Phase::ServicePrincipal), Some(login)) => (login.username, nothing),
        (Some(_), Some(_)) => (name.clone(), nothing),
        (Some(_), None) => (nothing.clone(), nothing),
        (None, _) => (optional(user), nothing),
    };
    put(
        b,
        Component::Registry,
        [
            ("login_server", access.server),
            ("registry_name", name),
            ("provider", provider.as_str().into()),
            ("requires_auth", requires_auth.into()),
            ("registry_id", made.as_ref().map_or(Expr::Value(Value::Null), |r| Expr::output(r, "id"))),
            ("auth", optional(made.as_ref().map(|_| b.phase()).filter(|p| *p != Phase::AdminUser).map(Phase::as_str))),
            ("bundles_pull_username", user),
            ("bundles_pull_password", password),
            ("bundle_repo", access.address),
            ("cluster_pull_configured", (b.made.pull_secret.is_some() || b.made.nodes_pull.is_some()).into()),
        ],
    );
}

fn storage(b: &mut Builder<'_>) {
    let (Some(section), Some(account)) = (&b.file.storage, b.made.storage.clone()) else { return };
    let containers = container_list(section);
    let main = b.made.sas.iter().find(|(env, _)| env == "AZURE_STORAGE_CONNECTION_STRING").or(b.made.sas.first());
    let connection = main.map_or(Expr::Value(Value::Null), |(_, sas)| Expr::output(sas, "connectionString"));
    let (group, location) = (b.names.storage_group.clone(), b.names.storage_location.clone());
    let (name, environment) = (b.names.account.clone(), b.stack.stack.clone());
    put(
        b,
        Component::Storage,
        [
            ("account_name", optional(name)),
            ("resource_group", optional(group)),
            ("primary_endpoint", Expr::output(&account, "blobEndpoint")),
            ("containers", containers),
            ("location", location.into()),
            ("environment", environment.into()),
            ("connection_string", connection),
        ],
    );
}

fn cluster(b: &mut Builder<'_>) {
    let Some(section) = &b.file.cluster else { return };
    let provider = section.provider().as_str();
    let azure = b.made.cluster.is_some();
    let (name, group) = (b.names.cluster.clone(), b.names.resource_group.clone().filter(|_| azure));
    let location = azure.then(|| b.names.location.clone());
    put(
        b,
        Component::Cluster,
        [
            ("cluster_name", optional(name)),
            ("resource_group", optional(group)),
            ("location", optional(location)),
            ("provider", provider.into()),
        ],
    );
}

fn workspace(b: &mut Builder<'_>, spec: &WorkspaceSpec) {
    let Some(namespace) = b.made.namespace.clone() else { return };
    let scaling = spec.scaling();
    let name = Expr::output(&namespace, "name");
    let address = |scheme: &str, port: u16| {
        Expr::Format(vec![format!("{scheme}://dask-scheduler.").into(), name.clone(), format!(":{port}").into()])
    };
    let number = |of: fn(&Workers) -> Option<i64>| optional(of(&spec.workers));
    put(
        b,
        Component::Workspace,
        [
            ("scheduler_address", address("tcp", PORT)),
            ("dashboard_url", address("http", DASHBOARD)),
            ("namespace", name.clone()),
            ("worker_count", scaling.replicas.into()),
            ("worker_processes", number(|w| w.processes.as_ref().map(|n| n.0))),
            ("worker_threads", number(|w| w.threads.as_ref().map(|n| n.0))),
            ("autoscaling_enabled", scaling.kind.is_some().into()),
        ],
    );
    if let Some(kind) = scaling.kind {
        put(
            b,
            Component::Workspace,
            [
                ("autoscaling_type", kind.as_str().into()),
                ("autoscaling_min_workers", scaling.min.into()),
                ("autoscaling_max_workers", scaling.max.into()),
            ],
        );
        if kind == AutoscalingType::Hpa {
            b.output(Component::Workspace, "autoscaling_target_cpu", scaling.target_cpu.into());
        }
    }
}

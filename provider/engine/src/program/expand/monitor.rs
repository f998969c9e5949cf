//! `monitor:`: `mops diagnose-auth --watch` in the cluster, as one pod with the rights that such a run needs and no
//! more (`tests/monitor.rs`). It signs in with the token of its own service account, by a kubeconfig that holds no secret.

use mops_core::Urn;
use mops_core::rights::{IN_CLUSTER, IN_NAMESPACE, Right};
use serde_json::{Value as Json, json};

use super::super::Expr;
use super::builder::{Builder, members};
use super::object::{object, put};
use super::workspace::{PULL_SECRET, Secrets};
use crate::stackfile::{Monitor, Sas, Spanned, Storage};

/// The name of everything that it consists of.
const NAME: &str = "mops-monitor";
/// Its image, when the file names none.
const IMAGE: &str = "ghcr.io/modelops/mops:0.1.0";
/// Where it serves metrics.
const PORT: u16 = 9464;
/// Where its kubeconfig is.
const FOLDER: &str = "/etc/mops";
/// What a pod has of its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The API server from inside.
const SERVER: &str = "https://kubernetes.default.svc";
/// A user that is nobody.
const USER: u32 = 65532;
/// The variable of a SAS that needs no name.
const USUAL: &str = "AZURE_STORAGE_CONNECTION_STRING";

/// Where it is, and what it watches.
struct Parts<'a> {
    section: &'a Spanned<Monitor>,
    namespace: &'a Urn,
    secrets: &'a Secrets,
}

pub(super) fn declare(b: &mut Builder<'_>, namespace: &Urn, secrets: &Secrets) {
    let Some(section) = b.file.monitor.as_ref().filter(|m| m.is_enabled()) else { return };
    let parts = &Parts { section, namespace, secrets };
    let space = b.names.namespace.clone();
    // The cluster knows these two by one name for all stacks.
    let wide = format!("{NAME}-{space}");
    let objects = [
        ("account", account(), true),
        ("role", role("Role", NAME, IN_NAMESPACE), true),
        ("binding", binding("Role", NAME, &space), true),
        ("cluster-role", role("ClusterRole", &wide, IN_CLUSTER), false),
        ("cluster-binding", binding("ClusterRole", &wide, &space), false),
        ("kubeconfig", kubeconfig(&space), true),
    ];
    let mut before = Vec::new();
    for (name, json, inside) in objects {
        before.push(push(b, parts, name, object(json), inside));
    }
    let deployment = deployment(b, parts);
    let mut resource = b.in_cluster("Manifest", NAME, members([("object", deployment), ("wait", true.into())]));
    resource.place = Some(section.place.clone());
    resource.places.extend(section.image.iter().map(|image| ("image".to_owned(), image.place.clone())));
    let pull = secrets.pull.iter().chain(&b.made.nodes_pull).chain(&b.made.pools);
    resource.depends_on = before.into_iter().chain(pull.cloned()).collect();
    b.push(resource);
    push(b, parts, "service", object(service()), true);
}

/// Declares one object, inside the namespace or beside it.
fn push(b: &mut Builder<'_>, parts: &Parts<'_>, name: &str, mut json: Expr, inside: bool) -> Urn {
    if inside {
        put(&mut json, &["metadata", "namespace"], Expr::output(parts.namespace, "name"));
    }
    let inputs = members([("object", json), ("wait", false.into())]);
    let mut resource = b.in_cluster("Manifest", &format!("monitor-{name}"), inputs);
    resource.place = Some(parts.section.place.clone());
    // What only names the namespace waits for it too.
    resource.depends_on = vec![parts.namespace.clone()];
    b.push(resource)
}

fn labels() -> Json {
    json!({"app": NAME})
}

fn account() -> Json {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "labels": labels()}})
}

fn role(kind: &str, name: &str, rights: &[Right]) -> Json {
    let rules: Vec<Json> = rights.iter().map(Right::rule).collect();
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"name": name, "labels": labels()}, "rules": rules})
}

fn binding(role: &str, name: &str, namespace: &str) -> Json {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{role}Binding"),
        "metadata": {"name": name, "labels": labels()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    })
}

/// By files that the kubelet renews.
fn kubeconfig(namespace: &str) -> Json {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "cluster",
        "clusters": [{"name": "cluster",
            "cluster": {"server": SERVER, "certificate-authority": format!("{ACCOUNT}/ca.crt")}}],
        "users": [{"name": NAME, "user": {"tokenFile": format!("{ACCOUNT}/token")}}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": NAME, "namespace": namespace}}],
    });
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "labels": labels()},
        "data": {"kubeconfig": config.to_string()}})
}

fn service() -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "labels": labels(), "annotations": scraped()},
        "spec": {"type": "ClusterIP", "selector": labels(),
            "ports": [{"name": "metrics", "port": PORT, "targetPort": PORT, "protocol": "TCP"}]},
    })
}

fn scraped() -> Json {
    json!({"prometheus.io/scrape": "true", "prometheus.io/port": PORT.to_string(), "prometheus.io/path": "/metrics"})
}

fn deployment(b: &Builder<'_>, parts: &Parts<'_>) -> Expr {
    let (registry, mut args) = (parts.secrets.server.clone(), args(b, parts));
    if registry.is_some() {
        args.extend(["--registry".to_owned(), String::new()]);
    }
    let last = (args.len() - 1).to_string();
    let mut deployment = object(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "labels": labels()},
        "spec": {
            "replicas": 1,
            // Two at a time would both send logins.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels()},
            "template": {"metadata": {"labels": labels(), "annotations": scraped()}, "spec": pod(parts, &args)},
        },
    }));
    if let Some(registry) = registry {
        put(&mut deployment, &["spec", "template", "spec", "containers", "0", "args", &last], registry);
    }
    put(&mut deployment, &["metadata", "namespace"], Expr::output(parts.namespace, "name"));
    deployment
}

fn args(b: &Builder<'_>, parts: &Parts<'_>) -> Vec<String> {
    let mut args: Vec<String> = ["diagnose-auth", "--no-arm", "--watch"].map(str::to_owned).to_vec();
    args.push(format!("{}s", parts.section.interval().as_secs()));
    let address = format!("0.0.0.0:{PORT}");
    args.extend(["--metrics-port".to_owned(), address, "--kubeconfig".to_owned(), format!("{FOLDER}/kubeconfig")]);
    args.extend(["--namespace".to_owned(), b.names.namespace.clone()]);
    let stored = b.file.storage.as_ref().map(|storage| containers(storage)).unwrap_or_default();
    args.extend(stored.into_iter().flat_map(|container| ["--storage".to_owned(), container]));
    args
}

/// What the pods' SAS open, `VARIABLE=CONTAINER` where a SAS comes under another name than the usual.
fn containers(storage: &Storage) -> Vec<String> {
    let standard = [Sas::standard()];
    let given: Vec<&Sas> = storage.sas.0.iter().map(|sas| &sas.value).collect();
    let all = if given.is_empty() { standard.iter().collect() } else { given };
    let opened = |sas: &Sas| {
        let names = sas.container().map_or_else(|| storage.container_names(), |one| vec![one]);
        let prefix = if sas.env() == USUAL { String::new() } else { format!("{}=", sas.env()) };
        names.into_iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(opened).collect()
}

fn pod(parts: &Parts<'_>, args: &[String]) -> Json {
    let pull = parts.secrets.pull.iter().map(|_| json!({"name": PULL_SECRET})).collect::<Vec<_>>();
    let probe = |path: &str, period: u32| json!({"httpGet": {"path": path, "port": PORT}, "periodSeconds": period});
    json!({
        "serviceAccountName": NAME,
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "imagePullSecrets": if pull.is_empty() { Json::Null } else { pull.into() },
        "volumes": [{"name": "kubeconfig", "configMap": {"name": NAME}}],
        "containers": [{
            "name": "monitor",
            "image": parts.section.image.as_ref().map_or(IMAGE, |image| image.as_str()),
            "command": ["mops"],
            "args": args,
            "env": [{"name": "HOME", "value": "/nonexistent"}],
            "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
            "volumeMounts": [{"name": "kubeconfig", "mountPath": FOLDER, "readOnly": true}],
            "readinessProbe": probe("/healthz", 5),
            "livenessProbe": probe("/metrics", 30),
            "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "192Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}

//! Scheduler and workers with their Service, disruption budget and autoscaler.

use mops_core::{Place, Urn};
use serde_json::{Map, Value as Json, json};

use super::super::Expr;
use super::builder::{Builder, members};
use super::object::{object, put};
use super::registry::workload_identity;
use super::workspace::{CREDENTIALS, PULL_SECRET, Secrets};
use crate::stackfile::{
    AutoscalingType, Environment, Resources, Scaling, Scheduler, Spanned, Workers, Workspace, WorkspaceSpec,
};

/// Port of the scheduler.
pub(super) const PORT: u16 = 8786;
/// Port of its dashboard.
pub(super) const DASHBOARD: u16 = 8787;
/// Variable with the address of the registry.
const REGISTRY: &str = "MODELOPS_BUNDLE_REGISTRY";
/// Tells the provider which fields it sends only when it makes the object.
const CREATE_ONLY: &str = "modelops.io/create-only";

/// What scheduler and workers have in common.
struct Parts<'a> {
    spec: &'a WorkspaceSpec,
    namespace: &'a Urn,
    secrets: &'a Secrets,
    place: &'a Place,
}

/// One of the two Deployments.
struct Role<'a> {
    name: &'static str,
    app: &'static str,
    container: Json,
    /// Variables of ours.
    settings: Vec<(&'static str, String)>,
    replicas: i64,
    /// Somebody else changes the number later.
    autoscaled: bool,
    env: Option<&'a Spanned<Environment>>,
    resources: Option<&'a Spanned<Resources>>,
    image: &'a Place,
}

pub(super) fn declare(b: &mut Builder<'_>, workspace: &Spanned<Workspace>, namespace: &Urn, secrets: &Secrets) {
    let spec = &workspace.spec.value;
    let parts = Parts { spec, namespace, secrets, place: &workspace.place };
    let scaling = spec.scaling();
    let scheduler = scheduler(&spec.scheduler, &scaling);
    deployment(b, &parts, "dask-scheduler", scheduler);
    manifest(b, &parts, "dask-scheduler-service", service());
    manifest(b, &parts, "dask-scheduler-pdb", disruption_budget());
    let workers = workers(&spec.workers, &scaling);
    deployment(b, &parts, "dask-workers", workers);
    if scaling.kind == Some(AutoscalingType::Hpa) {
        manifest(b, &parts, "dask-workers-hpa", autoscaler(&scaling));
    }
}

/// Declares any object of the namespace.
fn manifest(b: &mut Builder<'_>, parts: &Parts<'_>, name: &str, json: Json) -> Urn {
    push(b, parts, name, object(json), None)
}

/// With the place of its image it is a workload, and waited for.
fn push(b: &mut Builder<'_>, parts: &Parts<'_>, name: &str, mut object: Expr, image: Option<&Place>) -> Urn {
    let wait = image.is_some();
    put(&mut object, &["metadata", "namespace"], Expr::output(parts.namespace, "name"));
    let mut resource = b.in_cluster("Manifest", name, members([("object", object), ("wait", wait.into())]));
    resource.place = Some(parts.place.clone());
    resource.places.extend(image.map(|place| ("image".to_owned(), place.clone())));
    if wait {
        // Its pods need nodes to run on, and something to pull with although no field refers to its outputs.
        let secrets = parts.secrets.pull.iter().chain(&parts.secrets.credentials);
        let identity = parts.secrets.identity.iter().flatten().chain(&b.made.nodes_pull);
        resource.depends_on = b.made.pools.iter().chain(secrets).chain(identity).cloned().collect();
    }
    b.push(resource)
}

fn deployment(b: &mut Builder<'_>, parts: &Parts<'_>, name: &str, role: Role<'_>) -> Urn {
    let labels = json!({"app": role.app});
    let annotations = if role.autoscaled { json!({CREATE_ONLY: "spec.replicas"}) } else { Json::Null };
    let mut container = role.container;
    container["securityContext"] = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    container["resources"] = role.resources.map_or(Json::Null, |r| amounts(r));
    let own = role.env.map(|e| e.0.as_slice()).unwrap_or_default();
    // What the file says wins over what we would say.
    let free = |name: &str| !own.iter().any(|(given, _)| given == name);
    let registry = parts.secrets.registry.as_ref().filter(|_| free(REGISTRY));
    let mut env: Vec<Json> = registry.iter().map(|_| json!({"name": REGISTRY})).collect();
    env.extend(
        role.settings.iter().filter(|(name, _)| free(name)).map(|(name, value)| json!({"name": name, "value": value})),
    );
    env.extend(own.iter().map(|(name, value)| json!({"name": name, "value": value})));
    container["env"] = list(env);
    if parts.secrets.credentials.is_some() {
        container["envFrom"] = json!([{"secretRef": {"name": CREDENTIALS}}]);
    }
    let mut deployment = object(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {
            "replicas": role.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": pod_labels(parts, role.app)}, "spec": pod(parts, container)},
        },
    }));
    if let Some(credentials) = &parts.secrets.credentials {
        let path = ["spec", "template", "metadata", "annotations", "checksum/bundle-credentials"];
        put(&mut deployment, &path, Expr::output(credentials, "checksum"));
    }
    if let Some(registry) = registry {
        let path = ["spec", "template", "spec", "containers", "0", "env", "0", "value"];
        put(&mut deployment, &path, registry.clone());
    }
    push(b, parts, role.name, deployment, Some(role.image))
}

fn pod_labels(parts: &Parts<'_>, app: &str) -> Json {
    let mut labels = json!({"app": app});
    if parts.secrets.identity.is_some() {
        labels[workload_identity::POD_LABEL] = json!("true");
    }
    labels
}

fn pod(parts: &Parts<'_>, container: Json) -> Json {
    let own = parts.secrets.pull.iter().map(|_| PULL_SECRET.to_owned());
    let further = parts.spec.image_pull_secrets.iter().map(|s| s.0.clone()).filter(|name| name != PULL_SECRET);
    let pull: Vec<Json> = own.chain(further).map(|name| json!({"name": name})).collect();
    let tolerations: Vec<Json> = parts.spec.tolerations.iter().map(|t| t.object()).collect();
    json!({
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "serviceAccountName": parts.secrets.identity.as_ref().map(|_| workload_identity::SERVICE_ACCOUNT),
        "imagePullSecrets": list(pull),
        "tolerations": list(tolerations),
        "containers": [container],
    })
}

/// Absent when empty.
fn list(items: Vec<Json>) -> Json {
    if items.is_empty() { Json::Null } else { items.into() }
}

fn scheduler<'a>(section: &'a Scheduler, scaling: &Scaling) -> Role<'a> {
    let mut settings = Vec::new();
    if scaling.kind == Some(AutoscalingType::DaskAdaptive) {
        // Dask's spelling of `distributed.adaptive.minimum` in the environment.
        settings.push(("DASK_DISTRIBUTED__ADAPTIVE__MINIMUM", scaling.min.to_string()));
        settings.push(("DASK_DISTRIBUTED__ADAPTIVE__MAXIMUM", scaling.max.to_string()));
    }
    Role {
        name: "dask-scheduler",
        app: "dask-scheduler",
        container: json!({
            "name": "scheduler",
            "image": section.image.as_str(),
            "command": ["dask-scheduler"],
            "args": ["--host", "0.0.0.0", "--port", PORT.to_string(), "--dashboard-address", format!(":{DASHBOARD}")],
            "ports": [
                {"name": "comm", "containerPort": PORT, "protocol": "TCP"},
                {"name": "dashboard", "containerPort": DASHBOARD, "protocol": "TCP"},
            ],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 5},
        }),
        settings,
        replicas: section.replicas.as_ref().map_or(1, |n| n.0),
        autoscaled: false,
        env: section.env.as_ref(),
        resources: section.resources.as_ref(),
        image: &section.image.place,
    }
}

fn workers<'a>(section: &'a Workers, scaling: &Scaling) -> Role<'a> {
    let mut args = vec![format!("tcp://dask-scheduler:{PORT}")];
    if let Some(processes) = &section.processes {
        args.extend(["--nworkers".to_owned(), processes.0.to_string()]);
    }
    if let Some(threads) = &section.threads {
        args.extend(["--nthreads".to_owned(), threads.0.to_string()]);
    }
    Role {
        name: "dask-workers",
        app: "dask-worker",
        container: json!({
            "name": "worker",
            "image": section.image.as_str(),
            "command": ["dask-worker"],
            "args": args,
        }),
        settings: Vec::new(),
        replicas: scaling.replicas,
        autoscaled: scaling.kind.is_some(),
        env: section.env.as_ref(),
        resources: section.resources.as_ref(),
        image: &section.image.place,
    }
}

fn amounts(resources: &Resources) -> Json {
    let part = |list: &[(String, Spanned<crate::stackfile::Quantity>)]| {
        let map: Map<String, Json> = list.iter().map(|(k, q)| (k.clone(), q.as_str().into())).collect();
        if map.is_empty() { Json::Null } else { Json::Object(map) }
    };
    json!({"requests": part(&resources.requests), "limits": part(&resources.limits)})
}

fn service() -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "dask-scheduler", "labels": {"app": "dask-scheduler"}},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "dask-scheduler"},
            "ports": [
                {"name": "comm", "port": PORT, "targetPort": PORT, "protocol": "TCP"},
                {"name": "dashboard", "port": DASHBOARD, "targetPort": DASHBOARD, "protocol": "TCP"},
            ],
        },
    })
}

fn disruption_budget() -> Json {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "dask-scheduler-pdb", "labels": {"app": "dask-scheduler"}},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "dask-scheduler"}}},
    })
}

fn autoscaler(scaling: &Scaling) -> Json {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "dask-workers-hpa", "labels": {"app": "dask-worker"}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dask-workers"},
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": [{
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": scaling.target_cpu}},
            }],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": scaling.scale_down_delay}},
        },
    })
}

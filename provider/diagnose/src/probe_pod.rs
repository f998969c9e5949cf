//! The probe's pod as a value: the worker's references, made optional, in a pod that satisfies
//! *restricted*. No secret's value is ever read to make it (`tests::only_references`).
//! [`crate::probe_job`] runs it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, EnvFromSource, EnvVar, EnvVarSource, ExecAction, LocalObjectReference,
    NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecretKeySelector, SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use mops_core::KeyedHash;
use mops_probe::dockerconfig;
use mops_probe::settings::{names, pull_secret_variable};
use mops_wire::{Logins, ngc};

use crate::request::Request;
use crate::workload::{self, Place};

/// Label of everything that a run makes.
pub const RUN_LABEL: &str = "modelops.io/run";
/// Label that says who made it.
pub const MANAGED_LABEL: &str = "app.kubernetes.io/managed-by";
/// The program's name in the image; also what the sandbox looks for.
pub(crate) const PROGRAM: &str = "mops-probe";
/// A user that is nobody, for `runAsNonRoot`.
const USER: i64 = 65532;

/// The probe pod for a place, without a name: whoever makes it gives one.
#[must_use]
pub fn pod(request: &Request, place: &Place) -> PodTemplateSpec {
    let mut labels = labels(request);
    if workload::asks_for_identity(&place.worker) {
        labels.insert(workload::IDENTITY_LABEL.to_owned(), "true".to_owned());
    }
    let metadata = ObjectMeta { labels: Some(labels), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec(request, place)) }
}

/// The labels of everything that a run makes.
pub(crate) fn labels(request: &Request) -> BTreeMap<String, String> {
    let labels = [(MANAGED_LABEL, "mops"), ("app.kubernetes.io/name", PROGRAM), (RUN_LABEL, &request.run)];
    labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn spec(request: &Request, place: &Place) -> PodSpec {
    let worker = place.worker.spec.clone().unwrap_or_default();
    let secrets = request.probe.pull_secret.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    PodSpec {
        containers: vec![container(request, place)],
        image_pull_secrets: Some(secrets).filter(|s: &Vec<_>| !s.is_empty()),
        node_selector: place.label.clone().map(|label| BTreeMap::from([label])),
        affinity: place.node.as_deref().map(on_node),
        tolerations: Some(tolerations(&worker, place)),
        service_account_name: worker.service_account_name,
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(0),
        dns_policy: worker.dns_policy,
        dns_config: worker.dns_config,
        host_aliases: worker.host_aliases,
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

fn container(request: &Request, place: &Place) -> Container {
    let worker = workload::container(&place.worker, request.container.as_deref());
    let worker = worker.cloned().unwrap_or_default();
    let quantities = |cpu: &str, memory: &str| {
        Some(BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_owned())),
            ("memory".to_owned(), Quantity(memory.to_owned())),
        ]))
    };
    Container {
        name: "probe".to_owned(),
        image: Some(request.probe.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec![PROGRAM.to_owned()]),
        env: Some(variables(request, place, &worker)),
        env_from: worker.env_from.map(|all| all.into_iter().map(optional_source).collect()),
        resources: Some(ResourceRequirements {
            requests: quantities("10m", "16Mi"),
            limits: quantities("200m", "64Mi"),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        liveness_probe: Some(alive()),
        readiness_probe: Some(alive()),
        ..Container::default()
    }
}

/// Policies refuse pods that nobody asks whether they live. The program is the container: when it hangs, the job's
/// deadline ends it, so that it is enough to hear that a second one starts.
fn alive() -> Probe {
    let command = vec![PROGRAM.to_owned(), mops_probe::ALIVE.to_owned()];
    Probe {
        exec: Some(ExecAction { command: Some(command) }),
        period_seconds: Some(30),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

/// The worker's variables that are values or references, then ours; ours win.
fn variables(request: &Request, place: &Place, worker: &Container) -> Vec<EnvVar> {
    let ours = ours(request, place);
    let copied = worker.env.iter().flatten().filter(|v| !ours.iter().any(|o| o.name == v.name));
    copied.filter_map(optional_variable).chain(ours.iter().cloned()).collect()
}

pub(crate) fn ours(request: &Request, place: &Place) -> Vec<EnvVar> {
    let mut env = Vec::new();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            env.push(EnvVar { name: name.to_owned(), value: Some(value), value_from: None });
        }
    };
    set(names::REGISTRY, request.registry.clone().unwrap_or_default());
    set(names::OTHER_REGISTRIES, request.other_registries.join(","));
    set(names::IMAGES, images(request, [&place.worker]).join(","));
    set(names::BUNDLE, request.bundle.clone().unwrap_or_default());
    set(names::PROXY, request.proxy.as_ref().map(|proxy| proxy.https.clone()).unwrap_or_default());
    set(names::NO_PROXY, request.proxy.as_ref().map(|proxy| proxy.none.join(",")).unwrap_or_default());
    set(names::MODELS, request.models.join(","));
    set(names::CONTAINER, request.containers.join(","));
    set(names::VERIFY_READONLY, if request.verify_readonly { "1".to_owned() } else { String::new() });
    set(names::RUN, request.run.clone());
    set(names::TIMEOUT, request.probe_timeout.as_secs().to_string());
    set(names::NONCE, request.nonce.text());
    set(names::FOREIGN, if workload::is_ours(&place.worker) { String::new() } else { "1".to_owned() });
    set(names::HELD, request.logins.as_ref().map(held).unwrap_or_default());
    let identity = request.identity.is_some() || workload::asks_for_identity(&place.worker);
    set(names::IDENTITY, if identity { "1".to_owned() } else { String::new() });
    let connect: Vec<String> = request.probe.connect.iter().map(|(host, at)| format!("{host}={at}")).collect();
    set(names::CONNECT, connect.join(","));
    set(names::CERT_FILE, request.probe.ca_file.as_ref().map(|p| p.display().to_string()).unwrap_or_default());
    let secrets = workload::pull_secrets(&place.worker);
    if !secrets.is_empty() {
        env.push(EnvVar { name: names::PULL_SECRETS.to_owned(), value: Some(secrets.join(",")), value_from: None });
    }
    env.extend(secrets.into_iter().enumerate().map(|(number, name)| pull_secret(number, name)));
    env
}

/// The logins that are not to be sent; a comma when there are none, since whoever repeats a run wants to hear of them.
fn held(logins: &Logins) -> String {
    let hashes: Vec<&str> = logins.held().iter().map(KeyedHash::text).collect();
    if hashes.is_empty() { ",".to_owned() } else { hashes.join(",") }
}

fn pull_secret(number: usize, name: String) -> EnvVar {
    let key = SecretKeySelector { name, key: dockerconfig::KEY.to_owned(), optional: Some(true) };
    let from = EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() };
    EnvVar { name: pull_secret_variable(number), value: None, value_from: Some(from) }
}

/// The images that are looked up: the workers' on the registry and at NGC, and those asked for.
pub(crate) fn images<'a>(request: &Request, workers: impl IntoIterator<Item = &'a Pod>) -> Vec<String> {
    let hosts: Vec<&str> = request.registries().chain([ngc::REGISTRY]).collect();
    let ours = |image: &String| {
        image.split_once('/').is_some_and(|(host, _)| hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
    };
    let specs = workers.into_iter().filter_map(|w| w.spec.as_ref());
    let mut images: Vec<String> = specs
        .flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers))
        .filter_map(|c| c.image.clone())
        .filter(ours)
        .chain(request.images.iter().cloned())
        .collect();
    images.sort();
    images.dedup();
    images
}

/// A missing secret must be an observation, not a pod that never starts.
fn optional_source(mut source: EnvFromSource) -> EnvFromSource {
    if let Some(secret) = &mut source.secret_ref {
        secret.optional = Some(true);
    }
    if let Some(map) = &mut source.config_map_ref {
        map.optional = Some(true);
    }
    source
}

fn optional_variable(variable: &EnvVar) -> Option<EnvVar> {
    let mut copy = variable.clone();
    if let Some(from) = &mut copy.value_from {
        if let Some(secret) = &mut from.secret_key_ref {
            secret.optional = Some(true);
        } else if let Some(map) = &mut from.config_map_key_ref {
            map.optional = Some(true);
        } else {
            // Fields and resources are about the worker's own pod.
            return None;
        }
    }
    Some(copy)
}

/// The worker's tolerations, and one for each taint of the node.
fn tolerations(worker: &PodSpec, place: &Place) -> Vec<Toleration> {
    let mut all = worker.tolerations.clone().unwrap_or_default();
    for taint in &place.taints {
        let tolerated = Toleration {
            key: Some(taint.key.clone()),
            operator: Some(if taint.value.is_some() { "Equal" } else { "Exists" }.to_owned()),
            value: taint.value.clone(),
            effect: Some(taint.effect.clone()),
            toleration_seconds: None,
        };
        if !all.contains(&tolerated) {
            all.push(tolerated);
        }
    }
    all
}

/// By affinity, not `nodeName`: the scheduler still accounts, and no autoscaler is triggered.
fn on_node(node: &str) -> Affinity {
    let term = NodeSelectorTerm {
        match_fields: Some(vec![NodeSelectorRequirement {
            key: "metadata.name".to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        }]),
        ..NodeSelectorTerm::default()
    };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(NodeSelector { node_selector_terms: vec![term] }),
            ..NodeAffinity::default()
        }),
        ..Affinity::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place() -> Place {
        let worker = serde_json::from_value(json!({
            "metadata": {"name": "w-1", "labels": {"app": "dask-worker"}},
            "spec": {
                "imagePullSecrets": [{"name": "pull"}, {"name": "ngc"}, {"name": "pull"}],
                "tolerations": [{"key": "own", "operator": "Exists"}],
                "containers": [
                    {"name": "sidecar", "image": "docker.io/library/x:1"},
                    {"name": "worker", "image": "reg.azurecr.io/worker:1",
                     "envFrom": [{"secretRef": {"name": "bundle"}}],
                     "env": [
                        {"name": "A", "value": "1"},
                        {"name": "MOPS_PROBE_RUN", "value": "forged"},
                        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
                     ]}
                ]
            }
        }));
        Place {
            pool: "gpu".into(),
            node: Some("node-1".into()),
            label: Some(("agentpool".into(), "gpu".into())),
            taints: serde_json::from_value(json!([{"key": "sku", "value": "gpu", "effect": "NoSchedule"}])).unwrap(),
            worker: worker.unwrap(),
            apart: None,
        }
    }

    fn made() -> serde_json::Value {
        let mut request = Request::new("7f3a", "dev", "ns");
        request.registry = Some("reg.azurecr.io".into());
        request.containers = vec!["bundles".into()];
        serde_json::to_value(pod(&request, &place())).unwrap()
    }

    #[test]
    fn only_references() {
        let container = &made()["spec"]["containers"][0];
        assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "bundle", "optional": true}}]));
        let env: Vec<_> = container["env"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        let want = [
            "A",
            "B",
            "MOPS_PROBE_REGISTRY",
            "MOPS_PROBE_IMAGES",
            "MOPS_PROBE_CONTAINER",
            "MOPS_PROBE_VERIFY_READONLY",
            "MOPS_PROBE_RUN",
            "MOPS_PROBE_TIMEOUT",
            "MOPS_PROBE_NONCE",
            "MOPS_PROBE_PULL_SECRETS",
            "MOPS_PROBE_PULL_SECRET",
            "MOPS_PROBE_PULL_SECRET_1",
        ];
        assert_eq!(env, want);
        assert_eq!(container["env"][3]["value"], "reg.azurecr.io/worker:1", "only the registry's own images");
        assert_eq!(container["env"][9]["value"], "pull,ngc", "each once");
        for (place, name) in [(10, "pull"), (11, "ngc")] {
            let key = &container["env"][place]["valueFrom"]["secretKeyRef"];
            assert_eq!(key, &json!({"name": name, "key": ".dockerconfigjson", "optional": true}));
        }
    }

    #[test]
    fn it_is_who_the_worker_is() {
        let mut place = place();
        place.worker.metadata.labels = Some([("azure.workload.identity/use".to_owned(), "true".to_owned())].into());
        place.worker.spec.as_mut().unwrap().service_account_name = Some("dask-worker".into());
        let pod = serde_json::to_value(pod(&Request::new("7f3a", "dev", "ns"), &place)).unwrap();
        assert_eq!(pod["metadata"]["labels"]["azure.workload.identity/use"], "true");
        assert_eq!(pod["spec"]["serviceAccountName"], "dask-worker");
        let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
        assert!(env.iter().any(|v| v["name"] == names::IDENTITY), "{env:?}");
    }

    #[test]
    fn somebody_elses_pod_is_told_as_such() {
        let set = |label: &str| {
            let mut place = place();
            place.worker.metadata.labels = Some([("app".to_owned(), label.to_owned())].into());
            ours(&Request::new("7f3a", "dev", "ns"), &place).iter().any(|v| v.name == names::FOREIGN)
        };
        assert_eq!((set("dask-worker"), set("web")), (false, true));
    }

    #[test]
    fn it_runs_where_the_worker_runs() {
        let spec = &made()["spec"];
        assert_eq!(spec["nodeSelector"], json!({"agentpool": "gpu"}));
        let keys: Vec<_> = spec["tolerations"].as_array().unwrap().iter().map(|t| t["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["own", "sku"]);
        let affinity = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"], json!(["node-1"]));
    }

    #[test]
    fn it_satisfies_restricted() {
        let spec = &made()["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(spec["automountServiceAccountToken"], false);
        let context = &spec["containers"][0]["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
        for asked in ["livenessProbe", "readinessProbe"] {
            assert_eq!(spec["containers"][0][asked]["exec"]["command"], json!(["mops-probe", "alive"]), "{asked}");
        }
    }
}

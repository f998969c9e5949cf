//! The probe's pod in the network of a node, with the node's own resolver: what the kubelet and the container runtime see.
//! It holds nothing of the workload, since it may run in another namespace (`tests`).

use k8s_openapi::api::core::v1::{EnvVar, PodTemplateSpec};
use mops_probe::settings::names;

use crate::probe_pod;
use crate::request::Request;
use crate::workload::{self, IDENTITY_LABEL, Place};

/// What is the worker's alone.
const WORKERS_OWN: [&str; 4] = [names::CONTAINER, names::VERIFY_READONLY, names::FOREIGN, names::IDENTITY];

fn is_workers_own(name: &str) -> bool {
    WORKERS_OWN.contains(&name) || name.starts_with(names::PULL_SECRET)
}

/// The probe pod for the node of a place.
#[must_use]
pub fn pod(request: &Request, place: &Place) -> PodTemplateSpec {
    let mut made = probe_pod::pod(request, place);
    if let Some(labels) = made.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove(IDENTITY_LABEL);
    }
    if let Some(spec) = &mut made.spec {
        spec.host_network = Some(true);
        spec.dns_policy = Some("Default".to_owned());
        (spec.dns_config, spec.host_aliases, spec.service_account_name) = (None, None, None);
        let elsewhere = request.probe_namespace.as_ref().is_some_and(|name| *name != request.namespace);
        if elsewhere {
            spec.image_pull_secrets = None;
        }
        for container in &mut spec.containers {
            container.env_from = None;
            container.env = Some(variables(request, place));
        }
    }
    made
}

fn variables(request: &Request, place: &Place) -> Vec<EnvVar> {
    let set =
        |name: &str, value: &str| EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() };
    // With a pull secret the kubelet's own identity is not asked, and need not be able to pull.
    let kubelet = request.kubelet.as_deref().filter(|_| workload::pull_secrets(&place.worker).is_empty());
    let kubelet = kubelet.map(|id| set(names::KUBELET_ID, id));
    let ours = probe_pod::ours(request, place).into_iter().filter(|v| !is_workers_own(&v.name));
    ours.chain([set(names::NODE, "1")]).chain(kubelet).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_the_worker_goes_to_the_node() {
        let worker = serde_json::from_value(json!({
            "metadata": {"name": "w", "labels": {IDENTITY_LABEL: "true"}},
            "spec": {
                "serviceAccountName": "own", "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"]},
                "hostAliases": [{"ip": "10.0.0.2", "hostnames": ["a"]}], "imagePullSecrets": [{"name": "pull"}],
                "tolerations": [{"key": "own", "operator": "Exists"}],
                "containers": [{"name": "worker", "env": [{"name": "A", "value": "1"}],
                    "envFrom": [{"secretRef": {"name": "bundle"}}]}]
            }
        }));
        let place = Place {
            pool: "gpu".into(),
            node: Some("gpu-0".into()),
            label: None,
            taints: Vec::new(),
            worker: worker.unwrap(),
            apart: None,
        };
        let mut request = Request::new("7f3a", "dev", "ns");
        request.registry = Some("reg.azurecr.io".into());
        request.containers = vec!["bundles".into()];
        request.probe.pull_secret = Some("pull".into());
        request.probe_namespace = Some("probes".into());
        request.kubelet = Some("client".into());
        let made = serde_json::to_value(pod(&request, &place)).unwrap();
        assert!(made["metadata"]["labels"].get(IDENTITY_LABEL).is_none());
        let spec = &made["spec"];
        assert_eq!((&spec["hostNetwork"], &spec["dnsPolicy"]), (&json!(true), &json!("Default")));
        for absent in ["serviceAccountName", "dnsConfig", "hostAliases", "imagePullSecrets"] {
            assert!(spec.get(absent).is_none(), "{absent}");
        }
        let container = &spec["containers"][0];
        assert!(container.get("envFrom").is_none());
        let env: Vec<_> = container["env"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        assert!(env.contains(&names::REGISTRY) && env.contains(&names::NODE));
        assert!(!env.contains(&names::KUBELET_ID), "the workers pull with a secret");
        assert!(!env.contains(&"A") && !env.iter().any(|name| is_workers_own(name)), "{env:?}");
        assert_eq!(spec["tolerations"][0]["key"], "own");
        let mut place = place;
        place.worker.spec.as_mut().unwrap().image_pull_secrets = None;
        let ours = variables(&request, &place);
        assert!(ours.iter().any(|v| v.name == names::KUBELET_ID && v.value.as_deref() == Some("client")));
    }
}

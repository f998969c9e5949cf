//! The device plugin of a GPU pool: without it no pod ever gets a GPU, although the driver is installed.

use mops_core::Urn;
use serde_json::{Value as Json, json};

use super::super::Component;
use super::builder::{Builder, members};
use super::object::object;
use crate::stackfile::{Pool, Spanned, Taint};

/// NVIDIA's plugin, release 0.17.0, by digest: a tag could be moved.
const IMAGE: &str =
    "nvcr.io/nvidia/k8s-device-plugin:v0.17.0@sha256:7089559ce6153018806857f5049085bae15b3bf6f1c8bd19d8b12f707d087dea";
/// How the logical name of a device plugin begins: it belongs to the cluster, wherever its state comes from.
pub(crate) const PLUGIN: &str = "gpu-device-plugin-";
/// The kubelet's folder of plugins; a constant of Kubernetes.
const FOLDER: &str = "/var/lib/kubelet/device-plugins";

/// Declares the plugin of one pool; it belongs to the cluster.
pub(super) fn device_plugin(b: &mut Builder<'_>, pool: &Spanned<Pool>, pool_urn: &Urn) {
    let name = pool.name.as_str();
    let inputs = members([("object", object(daemon_set(pool))), ("wait", true.into())]);
    let mut plugin = b.in_cluster("Manifest", &format!("{PLUGIN}{name}"), inputs);
    plugin.component = Component::Cluster;
    plugin.depends_on = vec![pool_urn.clone()];
    plugin.place = Some(pool.place.clone());
    b.push(plugin);
}

fn daemon_set(pool: &Pool) -> Json {
    let name = format!("nvidia-device-plugin-{}", pool.name.as_str());
    let mig = pool.gpu.as_ref().is_some_and(|g| g.instance_profile.is_some());
    let labels = json!({"app": name});
    // One profile for the whole pool: every slice is a plain `nvidia.com/gpu`.
    let mut env = vec![json!({"name": "MIG_STRATEGY", "value": if mig { "single" } else { "none" }})];
    let security = if mig {
        env.push(json!({"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"}));
        json!({"capabilities": {"add": ["SYS_ADMIN"]}})
    } else {
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
    };
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {"kubernetes.azure.com/agentpool": pool.name.as_str()},
                    "priorityClassName": "system-node-critical",
                    "tolerations": tolerations(pool),
                    "containers": [{
                        "name": "nvidia-device-plugin",
                        "image": IMAGE,
                        "env": env,
                        "securityContext": security,
                        "volumeMounts": [{"name": "device-plugin", "mountPath": FOLDER}],
                    }],
                    "volumes": [{"name": "device-plugin", "hostPath": {"path": FOLDER}}],
                },
            },
        },
    })
}

/// The pool's own taints, the one that AKS puts on spot nodes, and the customary one of GPU nodes.
fn tolerations(pool: &Pool) -> Vec<Json> {
    let mut list = vec![json!({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"})];
    if pool.spot.as_ref().is_some_and(|s| s.value) {
        list.push(json!({
            "key": "kubernetes.azure.com/scalesetpriority", "operator": "Equal", "value": "spot", "effect": "NoSchedule",
        }));
    }
    list.extend(pool.taints.iter().map(|t| toleration(t)));
    list
}

fn toleration(taint: &Taint) -> Json {
    let effect = taint.effect.as_str();
    if taint.value.is_empty() {
        json!({"key": taint.key, "operator": "Exists", "effect": effect})
    } else {
        json!({"key": taint.key, "operator": "Equal", "value": taint.value, "effect": effect})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stackfile::load;

    fn plugin(fields: &str) -> Json {
        let text = format!(
            "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks:\n    node_pools:\n      - {{name: s, mode: System, vm_size: Standard_B2s, count: 1}}\n      - {{name: gpu, vm_size: Standard_NC24ads_A100_v4, min: 0, max: 2, {fields}}}\n"
        );
        let loaded = load("f.yaml", &text);
        let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        daemon_set(&file.cluster.unwrap().value.aks.unwrap().value.node_pools[1])
    }

    #[test]
    fn plugin_bears_what_the_pool_repels() {
        let text = plugin("taints: [\"sku=gpu:NoSchedule\", \"x:NoExecute\"], spot: true").to_string();
        for part in
            ["\"value\":\"gpu\"", "\"key\":\"x\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"", "scalesetpriority"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("@sha256:") && text.contains("system-node-critical") && text.contains(FOLDER));
        assert!(text.contains(r#""MIG_STRATEGY","value":"none""#));
    }

    #[test]
    fn a_cut_gpu_is_told_to_the_plugin() {
        let text = plugin("gpu: {instance_profile: MIG3g}").to_string();
        assert!(text.contains(r#""MIG_STRATEGY","value":"single""#) && text.contains("SYS_ADMIN"));
    }
}

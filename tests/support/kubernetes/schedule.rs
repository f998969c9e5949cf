//! Which node a pod gets: node selector, required node affinity, taints and extended resources.
//! Processor and memory are never short in the fake.

use serde_json::{Value as Json, json};

use super::apply::Writer;
use super::event::Saying;
use super::store::{Store, key_of, text};

/// Gives every pod without a node one, or says why not.
pub(super) fn schedule(store: &mut Store, writer: &Writer) -> bool {
    let waiting: Vec<Json> = store
        .list("Pod", "")
        .into_iter()
        .filter(|p| text(p, "/spec/nodeName").is_empty() && p["metadata"]["deletionTimestamp"].is_null())
        .collect();
    let mut changed = false;
    for pod in waiting {
        let nodes = store.list("Node", "");
        let pods = store.list("Pod", "");
        changed |= match choose(&pod, &nodes, &pods) {
            Ok(node) => bind(store, &pod, &node, writer),
            Err(why) => unschedulable(store, &pod, &why, writer),
        };
    }
    changed
}

fn bind(store: &mut Store, pod: &Json, node: &str, writer: &Writer) -> bool {
    let place = format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let message = format!("Successfully assigned {place} to {node}");
    say(store, pod, ("Normal", "Scheduled", &message), writer);
    store.amend(&key_of(pod), writer, |p| {
        p["spec"]["nodeName"] = json!(node);
        p["status"]["conditions"] =
            json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": writer.time}]);
    })
}

fn unschedulable(store: &mut Store, pod: &Json, why: &str, writer: &Writer) -> bool {
    let changed = store.amend(&key_of(pod), writer, |p| {
        let since = p["status"]["conditions"][0]["lastTransitionTime"].as_str().unwrap_or(&writer.time).to_owned();
        p["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": why, "lastTransitionTime": since, "observedGeneration": p["metadata"]["generation"]}]);
    });
    if changed {
        say(store, pod, ("Warning", "FailedScheduling", why), writer);
    }
    changed
}

fn say(store: &mut Store, pod: &Json, (kind, reason, message): (&str, &str, &str), writer: &Writer) {
    Saying { source: "default-scheduler", kind, reason, message, now: &writer.time }.about(store, pod);
}

fn choose(pod: &Json, nodes: &[Json], pods: &[Json]) -> Result<String, String> {
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".into());
    }
    let mut reasons: Vec<String> = Vec::new();
    for node in nodes {
        match misfit(pod, node, pods) {
            None => return Ok(text(node, "/metadata/name").to_owned()),
            Some(reason) => reasons.push(reason),
        }
    }
    reasons.sort();
    let mut parts: Vec<(usize, String)> = Vec::new();
    for reason in reasons {
        match parts.last_mut() {
            Some((count, last)) if *last == reason => *count += 1,
            _ => parts.push((1, reason)),
        }
    }
    let list: Vec<String> = parts.iter().map(|(count, reason)| format!("{count} {reason}")).collect();
    let n = nodes.len();
    Err(format!(
        "0/{n} nodes are available: {}. no new claims to deallocate, preemption: 0/{n} nodes are available: \
         {n} Preemption is not helpful for scheduling.",
        list.join(", ")
    ))
}

/// Why a node is not for this pod.
pub(super) fn misfit(pod: &Json, node: &Json, pods: &[Json]) -> Option<String> {
    if !selected(&pod["spec"], &node["metadata"]) {
        return Some("node(s) didn't match Pod's node affinity/selector".into());
    }
    if let Some((key, value)) = repelled(&pod["spec"]["tolerations"], &node["spec"]["taints"]) {
        return Some(format!("node(s) had untolerated taint {{{key}: {value}}}"));
    }
    lacking(pod, node, pods).map(|name| format!("Insufficient {name}"))
}

fn selected(spec: &Json, node: &Json) -> bool {
    let (labels, fields) = (&node["labels"], json!({"metadata.name": node["name"]}));
    let simple = spec["nodeSelector"].as_object().into_iter().flatten().all(|(k, v)| labels.get(k) == Some(v));
    let required =
        &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    let all = |list: &Json, of: &Json| list.as_array().into_iter().flatten().all(|e| expression(e, of));
    let term = |t: &Json| all(&t["matchExpressions"], labels) && all(&t["matchFields"], &fields);
    simple && required.as_array().is_none_or(|terms| terms.iter().any(term))
}

fn expression(e: &Json, labels: &Json) -> bool {
    let value = &labels[text(e, "/key")];
    let among = e["values"].as_array().is_some_and(|list| list.contains(value));
    match text(e, "/operator") {
        "In" => among,
        "NotIn" => !among,
        "Exists" => value.is_string(),
        "DoesNotExist" => !value.is_string(),
        _ => false,
    }
}

/// The first taint that keeps the pod away.
fn repelled(tolerations: &Json, taints: &Json) -> Option<(String, String)> {
    let tolerated = |taint: &Json| {
        tolerations.as_array().into_iter().flatten().any(|t| {
            let key = text(t, "/key");
            let effect = text(t, "/effect");
            let value = t["operator"] == "Exists" || text(t, "/value") == text(taint, "/value");
            (key.is_empty() && t["operator"] == "Exists" || key == text(taint, "/key"))
                && (effect.is_empty() || effect == text(taint, "/effect"))
                && value
        })
    };
    let hard = |t: &&Json| matches!(text(t, "/effect"), "NoSchedule" | "NoExecute");
    let found = taints.as_array()?.iter().filter(hard).find(|t| !tolerated(t))?;
    Some((text(found, "/key").to_owned(), text(found, "/value").to_owned()))
}

fn wanted(pod: &Json) -> Vec<(String, u64)> {
    let list = pod["spec"]["containers"].as_array();
    list.into_iter()
        .flatten()
        .flat_map(|c| c["resources"]["limits"].as_object().cloned().unwrap_or_default())
        .filter(|(name, _)| name.contains('/'))
        .map(|(name, amount)| (name, amount.as_str().and_then(|a| a.parse().ok()).unwrap_or(0)))
        .collect()
}

fn lacking(pod: &Json, node: &Json, pods: &[Json]) -> Option<String> {
    let here = |p: &&Json| {
        p["spec"]["nodeName"] == node["metadata"]["name"] && !matches!(text(p, "/status/phase"), "Succeeded" | "Failed")
    };
    wanted(pod).into_iter().find_map(|(name, amount)| {
        let has: u64 = node["status"]["allocatable"][&name].as_str().and_then(|a| a.parse().ok()).unwrap_or(0);
        let used: u64 = pods.iter().filter(here).flat_map(wanted).filter(|(n, _)| *n == name).map(|(_, a)| a).sum();
        (used + amount > has).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_goes_only_where_it_may() {
        let node = json!({"metadata": {"name": "n", "labels": {"agentpool": "gpu"}},
            "spec": {"taints": [{"key": "sku", "value": "gpu", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"nvidia.com/gpu": "1"}}});
        let toleration = json!([{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}]);
        let one = json!([{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]);
        let two = json!([{"resources": {"limits": {"nvidia.com/gpu": "2"}}}]);
        let rows = [
            (json!({"spec": {"tolerations": toleration, "containers": one}}), None),
            (json!({"spec": {"containers": []}}), Some("node(s) had untolerated taint {sku: gpu}")),
            (json!({"spec": {"tolerations": toleration, "containers": two}}), Some("Insufficient nvidia.com/gpu")),
            (
                json!({"spec": {"nodeSelector": {"agentpool": "cpu"}}}),
                Some("node(s) didn't match Pod's node affinity/selector"),
            ),
        ];
        let named = |name: &str| {
            let fields = json!([{"key": "metadata.name", "operator": "In", "values": [name]}]);
            let terms = json!({"nodeSelectorTerms": [{"matchFields": fields}]});
            let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
            json!({"spec": {"tolerations": toleration, "affinity": {"nodeAffinity": required}}})
        };
        let pinned =
            [(named("n"), None), (named("another"), Some("node(s) didn't match Pod's node affinity/selector"))];
        for (pod, want) in rows.into_iter().chain(pinned) {
            assert_eq!(misfit(&pod, &node, &[]).as_deref(), want, "{pod}");
        }
    }
}

//! What the real server fills in and rewrites when it stores an object. Nobody owns these fields,
//! so a client that compares must cope with them.

use serde_json::{Map, Value as Json, json};

/// Fills in what is absent.
pub(super) fn fill(kind: &str, object: &mut Json, number: u64) {
    quantities(object, false);
    match kind {
        "Namespace" => namespace(object),
        "Secret" => set(object, "type", json!("Opaque")),
        "Service" => service(&mut object["spec"], number),
        "Pod" => {
            pod(&mut object["spec"]);
            set(&mut object["spec"], "enableServiceLinks", json!(true));
            requests(&mut object["spec"]);
        }
        "Deployment" => {
            let spec = &mut object["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "progressDeadlineSeconds", json!(600));
            let rolling = json!({"type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}});
            set(spec, "strategy", rolling);
            template(spec);
        }
        "DaemonSet" => {
            let spec = &mut object["spec"];
            set(spec, "revisionHistoryLimit", json!(10));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
            set(spec, "updateStrategy", rolling);
            template(spec);
        }
        "StatefulSet" => {
            let spec = &mut object["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "podManagementPolicy", json!("OrderedReady"));
            set(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
            set(spec, "persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
            template(spec);
        }
        "Job" => {
            let spec = &mut object["spec"];
            set(spec, "backoffLimit", json!(6));
            set(spec, "completions", json!(1));
            set(spec, "parallelism", json!(1));
            set(spec, "completionMode", json!("NonIndexed"));
            set(spec, "suspend", json!(false));
            set(spec, "manualSelector", json!(false));
            set(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
            template(spec);
        }
        "HorizontalPodAutoscaler" => set(&mut object["spec"], "minReplicas", json!(1)),
        _ => {}
    }
}

fn set(at: &mut Json, key: &str, value: Json) {
    if let Json::Object(map) = at
        && map.get(key).is_none_or(Json::is_null)
    {
        map.insert(key.to_owned(), value);
    }
}

fn namespace(object: &mut Json) {
    let name = object["metadata"]["name"].clone();
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    if object["spec"].is_null() {
        object["spec"] = json!({});
    }
    set(&mut object["spec"], "finalizers", json!(["kubernetes"]));
    if object["status"].is_null() {
        object["status"] = json!({"phase": "Active"});
    }
}

fn service(spec: &mut Json, number: u64) {
    set(spec, "type", json!("ClusterIP"));
    set(spec, "sessionAffinity", json!("None"));
    set(spec, "internalTrafficPolicy", json!("Cluster"));
    set(spec, "ipFamilies", json!(["IPv4"]));
    set(spec, "ipFamilyPolicy", json!("SingleStack"));
    set(spec, "clusterIP", json!(format!("10.0.{}.{}", (number / 250) % 250, number % 250 + 2)));
    let address = spec["clusterIP"].clone();
    set(spec, "clusterIPs", json!([address]));
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        set(port, "protocol", json!("TCP"));
        let target = port["port"].clone();
        set(port, "targetPort", target);
    }
}

fn template(spec: &mut Json) {
    pod(&mut spec["template"]["spec"]);
}

fn pod(spec: &mut Json) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "schedulerName", json!("default-scheduler"));
    set(spec, "securityContext", json!({}));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            let image = container["image"].as_str().unwrap_or_default();
            let name = image.rsplit('/').next().unwrap_or_default();
            let pinned = image.contains('@') || (name.contains(':') && !name.ends_with(":latest"));
            let policy = if pinned { "IfNotPresent" } else { "Always" };
            set(container, "imagePullPolicy", json!(policy));
            set(container, "terminationMessagePath", json!("/dev/termination-log"));
            set(container, "terminationMessagePolicy", json!("File"));
            set(container, "resources", json!({}));
            for port in container["ports"].as_array_mut().into_iter().flatten() {
                set(port, "protocol", json!("TCP"));
            }
            for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
                if container[probe].is_object() {
                    probe_defaults(&mut container[probe]);
                }
            }
            drop_nulls(container);
        }
    }
    drop_nulls(spec);
}

fn probe_defaults(probe: &mut Json) {
    set(probe, "timeoutSeconds", json!(1));
    set(probe, "periodSeconds", json!(10));
    set(probe, "successThreshold", json!(1));
    set(probe, "failureThreshold", json!(3));
}

/// A container asks for what it is limited to, if it asks for nothing else.
fn requests(spec: &mut Json) {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            let limits = container["resources"]["limits"].as_object().cloned().unwrap_or_default();
            for (name, amount) in limits {
                if container["resources"]["requests"].is_null() {
                    container["resources"]["requests"] = json!({});
                }
                set(&mut container["resources"]["requests"], &name, amount);
            }
        }
    }
    drop_nulls(spec);
}

/// What admission adds to a new object. No manager holds it.
pub(super) fn admitted(kind: &str, object: &mut Json) {
    match kind {
        "Pod" => {
            let spec = &mut object["spec"];
            set(spec, "serviceAccountName", json!("default"));
            let account = spec["serviceAccountName"].clone();
            set(spec, "serviceAccount", account);
            set(spec, "priority", json!(0));
            set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
            tolerations(spec);
        }
        "Job" => job_labels(object),
        _ => {}
    }
}

/// A job is told apart by its identity, and so are its pods.
fn job_labels(object: &mut Json) {
    let (name, uid) = (object["metadata"]["name"].clone(), object["metadata"]["uid"].clone());
    set(&mut object["spec"], "selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
    let labels = &mut object["spec"]["template"]["metadata"]["labels"];
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels[label] = value.clone();
    }
    let labels = labels.clone();
    set(&mut object["metadata"], "labels", labels);
}

/// How a pod is served when memory runs short: by what its containers ask for and may have.
pub(super) fn quality(spec: &Json) -> &'static str {
    let of = |container: &Json, list: &str, name: &str| container["resources"][list][name].clone();
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    let shared = ["cpu", "memory"];
    let asks = |c: &Json| shared.iter().any(|n| !of(c, "requests", n).is_null() || !of(c, "limits", n).is_null());
    let fixed =
        |c: &Json| shared.iter().all(|n| !of(c, "limits", n).is_null() && of(c, "limits", n) == of(c, "requests", n));
    match () {
        () if !containers.iter().any(asks) => "BestEffort",
        () if containers.iter().all(fixed) => "Guaranteed",
        () => "Burstable",
    }
}

fn tolerations(spec: &mut Json) {
    let mut list = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !list.iter().any(|t| t["key"] == key || (t["operator"] == "Exists" && t["key"].is_null())) {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    spec["tolerations"] = Json::Array(list);
}

/// Indexing for writing leaves nulls behind; the server stores none.
pub(super) fn drop_nulls(value: &mut Json) {
    match value {
        Json::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Json::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Amounts become text in the server's own spelling: `1` is `"1"`, `0.5` is `"500m"`, `1000m` is `"1"`.
pub(super) fn quantities(value: &mut Json, amount: bool) {
    match value {
        Json::Object(map) => quantity_map(map, amount),
        Json::Array(list) => list.iter_mut().for_each(|v| quantities(v, false)),
        Json::Number(n) if amount => *value = Json::String(canonical(&n.to_string())),
        Json::String(text) if amount => *text = canonical(text),
        _ => {}
    }
}

fn quantity_map(map: &mut Map<String, Json>, amount: bool) {
    for (key, below) in map.iter_mut() {
        let holder = matches!(key.as_str(), "limits" | "requests" | "capacity" | "allocatable");
        let single = matches!(key.as_str(), "averageValue" | "sizeLimit");
        quantities(below, amount || holder || single);
    }
}

fn canonical(text: &str) -> String {
    let (number, milli) = text.strip_suffix('m').map_or((text, false), |n| (n, true));
    let Ok(number) = number.parse::<f64>() else { return text.to_owned() };
    let thousandths = if milli { number } else { number * 1000.0 };
    if thousandths % 1000.0 == 0.0 { format!("{}", thousandths / 1000.0) } else { format!("{}m", thousandths.ceil()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_get_the_servers_spelling() {
        let rows = [("1000m", "1"), ("0.5", "500m"), ("2", "2"), ("4Gi", "4Gi"), ("250m", "250m")];
        for (given, want) in rows {
            assert_eq!(canonical(given), want, "{given}");
        }
    }

    #[test]
    fn an_image_without_a_tag_is_always_pulled() {
        let mut object = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "h:5000/x"}, {"name": "b", "image": "h/x:1"}]}}}});
        fill("Deployment", &mut object, 1);
        let containers = &object["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["imagePullPolicy"], "Always");
        assert_eq!(containers[1]["imagePullPolicy"], "IfNotPresent");
        assert_eq!(object["spec"]["replicas"], 1);
    }
}

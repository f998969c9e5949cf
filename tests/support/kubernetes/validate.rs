//! What the real server refuses with 422: names, labels, secrets, immutable fields. A kinder fake
//! would hide a fault of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::containers::check as containers;
use super::kinds::Kind;
use super::status::Cause;

/// The most that a Secret may hold, in bytes after decoding.
pub const MAX_SECRET: usize = 1 << 20;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Every cause for which the object is refused.
pub(super) fn check(kind: &Kind, old: Option<&Json>, new: &Json) -> Vec<Cause> {
    let mut causes = Vec::new();
    names(new, &mut causes);
    labels(&new["metadata"]["labels"], "metadata.labels", &mut causes);
    match kind.kind {
        "Secret" => secret(old, new, &mut causes),
        "Deployment" | "DaemonSet" | "StatefulSet" => workload(old, new, &mut causes),
        "Job" => job(old, new, &mut causes),
        "Pod" => pod(old, new, &mut causes),
        "Service" => service(old, new, &mut causes),
        _ => {}
    }
    causes
}

fn names(object: &Json, causes: &mut Vec<Cause>) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        let message = "Required value: name or generateName is required".to_owned();
        causes.push(Cause { reason: "FieldValueRequired", field: "metadata.name".into(), message });
    } else if !subdomain(name) {
        causes.push(Cause::invalid("metadata.name", name, SUBDOMAIN));
    }
}

fn subdomain(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |l: &str| !l.is_empty() && l.starts_with(edge) && l.ends_with(edge) && l.chars().all(|c| edge(c) || c == '-');
    name.len() <= 253 && name.split('.').all(label)
}

fn labels(labels: &Json, field: &str, causes: &mut Vec<Cause>) {
    for value in labels.as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str()) {
        let edge = |c: char| c.is_ascii_alphanumeric();
        let body = |c: char| edge(c) || matches!(c, '-' | '_' | '.');
        if value.len() > 63 {
            causes.push(Cause::invalid(field, value, "must be no more than 63 characters"));
        } else if !(value.is_empty() || value.starts_with(edge) && value.ends_with(edge) && value.chars().all(body)) {
            let detail = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
                and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            causes.push(Cause::invalid(field, value, detail));
        }
    }
}

fn secret(old: Option<&Json>, new: &Json, causes: &mut Vec<Cause>) {
    let kind = new["type"].as_str().unwrap_or("Opaque");
    if let Some(old) = old
        && old["type"].as_str() != Some(kind)
    {
        causes.push(Cause::invalid("type", kind, "field is immutable"));
    }
    if let Some(sealed) = old.filter(|o| o["immutable"] == true) {
        let mut changed =
            |field: &str| causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
        if new["immutable"] != true {
            changed("immutable");
        }
        if sealed["data"] != new["data"] {
            changed("data");
        }
    }
    let mut total = 0;
    for (key, value) in new["data"].as_object().into_iter().flatten() {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || key.len() > 253 || !key.chars().all(ok) {
            causes.push(Cause::invalid(&format!("data[{key}]"), key, CONFIG_KEY));
        }
        total += STANDARD.decode(value.as_str().unwrap_or_default()).map_or(0, |v| v.len());
    }
    if total > MAX_SECRET {
        let message = format!("Too long: may not be more than {MAX_SECRET} bytes");
        causes.push(Cause { reason: "FieldValueTooLong", field: "data".into(), message });
    }
    let account = "kubernetes.io/service-account.name";
    if kind == "kubernetes.io/service-account-token" && new["metadata"]["annotations"][account].is_null() {
        causes.push(Cause::required(&format!("metadata.annotations[{account}]")));
    }
    required_keys(kind, &new["data"], causes);
}

fn required_keys(kind: &str, data: &Json, causes: &mut Vec<Cause>) {
    let need: &[&str] = match kind {
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    for key in need.iter().filter(|k| data.get(**k).is_none()) {
        causes.push(Cause::required(&format!("data[{key}]")));
    }
    if kind == "kubernetes.io/basic-auth" && data.get("username").is_none() && data.get("password").is_none() {
        causes.push(Cause::required("data[username]"));
        causes.push(Cause::required("data[password]"));
    }
    if let Some(text) = data.get(".dockerconfigjson").filter(|_| kind.ends_with("dockerconfigjson")) {
        let bytes = STANDARD.decode(text.as_str().unwrap_or_default()).unwrap_or_default();
        if let Err(error) = serde_json::from_slice::<Json>(&bytes) {
            let message = format!("Invalid value: \"<secret contents redacted>\": {}", json_error(&error, &bytes));
            causes.push(Cause { reason: "FieldValueInvalid", field: "data[.dockerconfigjson]".into(), message });
        }
    }
}

/// What is wrong with some JSON of one line, as the server says it of the beginning of a value.
pub(super) fn json_error(error: &serde_json::Error, bytes: &[u8]) -> String {
    match bytes.get(error.column().saturating_sub(1)) {
        Some(byte) if !error.is_eof() => {
            format!("invalid character '{}' looking for beginning of value", char::from(*byte))
        }
        _ => "unexpected end of JSON input".to_owned(),
    }
}

fn workload(old: Option<&Json>, new: &Json, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let labels = &spec["template"]["metadata"]["labels"];
    match spec["selector"]["matchLabels"].as_object() {
        None if spec["selector"]["matchExpressions"].is_null() => causes.push(Cause::required("spec.selector")),
        wanted => {
            if wanted.into_iter().flatten().any(|(k, v)| labels.get(k) != Some(v)) {
                let detail = "`selector` does not match template `labels`";
                causes.push(Cause::invalid_object("spec.template.metadata.labels", labels, detail));
            }
        }
    }
    if let Some(old) = old
        && old["spec"]["selector"] != spec["selector"]
    {
        causes.push(Cause::invalid_object("spec.selector", &spec["selector"], "field is immutable"));
    }
    containers(&spec["template"]["spec"], "spec.template.spec", causes);
}

fn job(old: Option<&Json>, new: &Json, causes: &mut Vec<Cause>) {
    containers(&new["spec"]["template"]["spec"], "spec.template.spec", causes);
    let policy = new["spec"]["template"]["spec"]["restartPolicy"].as_str().unwrap_or_default();
    let field = || "spec.template.spec.restartPolicy".to_owned();
    match policy {
        "OnFailure" | "Never" => {}
        "Always" => {
            let message = "Required value: valid values: \"OnFailure\", \"Never\"".to_owned();
            causes.push(Cause { reason: "FieldValueRequired", field: field(), message });
        }
        other => {
            let message = format!("Unsupported value: \"{other}\": supported values: \"OnFailure\", \"Never\"");
            causes.push(Cause { reason: "FieldValueNotSupported", field: field(), message });
        }
    }
    if let Some(old) = old
        && old["spec"]["template"] != new["spec"]["template"]
    {
        causes.push(Cause::invalid("spec.template", "<template>", "field is immutable"));
    }
}

fn pod(old: Option<&Json>, new: &Json, causes: &mut Vec<Cause>) {
    containers(&new["spec"], "spec", causes);
    let Some(old) = old else { return };
    let fixed = |pod: &Json| {
        let mut spec = pod["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Json::Null;
            }
        }
        if let Some(map) = spec.as_object_mut() {
            for free in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "initContainers"] {
                map.shift_remove(free);
            }
        }
        spec
    };
    if fixed(old) != fixed(new) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
            `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
            tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", detail));
    }
}

fn service(old: Option<&Json>, new: &Json, causes: &mut Vec<Cause>) {
    if new["spec"]["ports"].as_array().is_none_or(Vec::is_empty) && new["spec"]["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports"));
    }
    if let Some(old) = old
        && old["spec"]["clusterIP"] != new["spec"]["clusterIP"]
    {
        let given = new["spec"]["clusterIP"].as_str().unwrap_or_default();
        causes.push(Cause::invalid("spec.clusterIPs[0]", given, "may not change once set"));
    }
}

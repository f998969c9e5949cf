//! What the real server refuses in the containers of a pod: names, images, amounts, mounts, ports.

use serde_json::Value as Json;

use super::status::Cause;
use super::store::text;

/// Checks the containers of a pod specification that stands at `at`.
pub(super) fn check(spec: &Json, at: &str, causes: &mut Vec<Cause>) {
    let list = spec["containers"].as_array().cloned().unwrap_or_default();
    if list.is_empty() {
        causes.push(Cause::required(&format!("{at}.containers")));
    }
    for (i, container) in list.iter().enumerate() {
        let at = format!("{at}.containers[{i}]");
        for field in ["image", "name"] {
            if text(container, &format!("/{field}")).is_empty() {
                causes.push(Cause::required(&format!("{at}.{field}")));
            }
        }
        if list[..i].iter().any(|other| other["name"] == container["name"] && other["name"].is_string()) {
            let message = format!("Duplicate value: {}", container["name"]);
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{at}.name"), message });
        }
        amounts(&container["resources"], &at, causes);
        mounts(spec, container, &at, causes);
        ports(container, &at, causes);
    }
}

/// A request must not be more than its limit, and equal to it where the resource cannot be shared.
fn amounts(resources: &Json, at: &str, causes: &mut Vec<Cause>) {
    for (name, given) in resources["requests"].as_object().into_iter().flatten() {
        let (given, limit) = (text(given, ""), text(&resources["limits"][name], ""));
        if let (Some(a), Some(b)) = (quantity(given), quantity(limit))
            && a > b
        {
            let detail = format!("must be less than or equal to {name} limit of {limit}");
            causes.push(Cause::invalid(&format!("{at}.resources.requests"), given, &detail));
        }
    }
    for list in ["requests", "limits"] {
        for (name, given) in resources[list].as_object().into_iter().flatten() {
            if quantity(text(given, "")).is_none() {
                let detail = "quantities must match the regular expression \
                    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                causes.push(Cause::invalid(&format!("{at}.resources.{list}[{name}]"), text(given, ""), detail));
            }
        }
    }
}

fn quantity(value: &str) -> Option<f64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &value[digits.len()..] {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|n| n * factor)
}

fn mounts(spec: &Json, container: &Json, at: &str, causes: &mut Vec<Cause>) {
    let volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    for (i, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let name = text(mount, "/name");
        if !volumes.iter().any(|v| v["name"] == mount["name"]) {
            let message = format!("Not found: \"{name}\"");
            let field = format!("{at}.volumeMounts[{i}].name");
            causes.push(Cause { reason: "FieldValueNotFound", field, message });
        }
    }
}

fn ports(container: &Json, at: &str, causes: &mut Vec<Cause>) {
    for (i, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let number = port["containerPort"].as_i64().unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            let field = format!("{at}.ports[{i}].containerPort");
            let message = format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
            causes.push(Cause { reason: "FieldValueInvalid", field, message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_fault_of_a_container_is_named() {
        let rows = [
            (json!({"name": "c"}), "x.containers[0].image", "Required value"),
            (
                json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}}),
                "x.containers[0].resources.requests",
                "Invalid value: \"2\": must be less than or equal to cpu limit of 1500m",
            ),
            (
                json!({"name": "c", "image": "i", "resources": {"limits": {"memory": "1Gb"}}}),
                "x.containers[0].resources.limits[memory]",
                "Invalid value: \"1Gb\": quantities must match the regular expression",
            ),
            (
                json!({"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
                "x.containers[0].volumeMounts[0].name",
                "Not found: \"v\"",
            ),
            (
                json!({"name": "c", "image": "i", "ports": [{"containerPort": 70000}]}),
                "x.containers[0].ports[0].containerPort",
                "Invalid value: 70000: must be between 1 and 65535, inclusive",
            ),
        ];
        for (container, field, message) in rows {
            let mut causes = Vec::new();
            check(&json!({"containers": [container]}), "x", &mut causes);
            assert_eq!(causes.len(), 1, "{field}");
            assert!(causes[0].field == field && causes[0].message.starts_with(message), "{:?}", causes[0]);
        }
    }
}

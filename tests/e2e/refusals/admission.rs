//! Workers that lack nothing, in namespaces where the cluster refuses further pods, or takes those that ask for little: by
//! Pod Security, by a quota and by a policy.

use serde_json::{Value, json};

use super::case::Case;
use super::environment::whole;
use crate::pods::kubectl;

/// The label of the namespaces in which the policy refuses pods of ours.
const CLOSED: &str = "refusals.example/closed";
const POLICY: &str = "refusals-no-strangers";
/// What a refused probe comes to.
const DENIED: &[&str] = &["n:PROBE_POD_DENIED"];

pub(super) fn cases() -> Vec<Case> {
    let quota = |name: &str, pods: &str| {
        let of = json!({"name": "few", "namespace": name});
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": of, "spec": {"hard": {"pods": pods}}})
    };
    vec![
        // The pod that stands for a worker is made, the one in the node's network is not.
        Case {
            words: "hostNetwork",
            ..under(
                "admission-restricted",
                |name| labelled(name, "pod-security.kubernetes.io/enforce", "restricted"),
                DENIED,
            )
        },
        under("admission-no-room", |name| quota(name, "2"), DENIED),
        under("admission-room", |name| quota(name, "9"), &[]),
        under("admission-policy", |name| labelled(name, CLOSED, "true"), DENIED),
    ]
}

fn under(name: &str, after: impl Fn(&str) -> Value, wanted: &[&'static str]) -> Case {
    let after = vec![after(name)];
    Case { after, wanted: wanted.iter().copied().collect(), ..whole(name) }
}

fn labelled(namespace: &str, label: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {label: value}}})
}

/// In namespaces with that label no pod of a run is made.
pub(super) fn policy() -> Value {
    let kind = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": POLICY}, "spec": spec,
        })
    };
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]});
    let judged = json!({
        "expression": "!has(object.metadata.labels) || !('modelops.io/run' in object.metadata.labels)",
        "message": "no pods of strangers",
    });
    let policy =
        json!({"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [judged]});
    let binding = json!({
        "policyName": POLICY, "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {CLOSED: "true"}}},
    });
    let items = [kind("ValidatingAdmissionPolicy", policy), kind("ValidatingAdmissionPolicyBinding", binding)];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

pub(super) async fn without_policy() {
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        kubectl(&["delete", kind, POLICY]).await;
    }
}

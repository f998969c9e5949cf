//! Addresses: which paths there are, what they mean, and what vouches for them.

use http::Method;

use super::kinds::{KINDS, Kind, at};
use crate::evidence::{Evidence, RouteInfo};

/// The verbs of a kind with the shape of their address.
const VERBS: [(&str, &str); 6] =
    [("GET", ""), ("POST", ""), ("GET", "/{name}"), ("PUT", "/{name}"), ("PATCH", "/{name}"), ("DELETE", "/{name}")];

const API: Evidence = Evidence::Spec("Kubernetes API v1.34: reference, server-side apply and API concepts");
const REFEREE: Evidence = Evidence::Client("kube-apiserver 1.34.4, asked the same by fast::kubernetes");
/// The kinds that the referee asks for.
const ASKED: [&str; 7] = ["Namespace", "Secret", "ServiceAccount", "Event", "Pod", "Deployment", "Job"];

/// All routes with their evidence.
#[must_use]
pub fn routes() -> Vec<RouteInfo> {
    let row = |method, template: String, evidence| RouteInfo {
        fake: "kubernetes",
        method,
        template: Box::leak(template.into_boxed_str()),
        evidence,
    };
    let mut rows: Vec<RouteInfo> = Vec::new();
    for kind in &KINDS {
        let base = if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", kind.group) };
        let space = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let evidence = if ASKED.contains(&kind.kind) { REFEREE } else { API };
        for (method, rest) in VERBS {
            let template = format!("{base}/{}{space}/{}{rest}", kind.version, kind.plural);
            rows.push(row(method, template, evidence));
        }
        rows.push(row("GET", format!("{base}/{}/{}", kind.version, kind.plural), API));
    }
    for (method, part) in [("GET", "log"), ("GET", "exec"), ("POST", "exec"), ("PATCH", super::ephemeral::PART)] {
        rows.push(row(method, format!("/api/v1/namespaces/{{namespace}}/pods/{{name}}/{part}"), REFEREE));
    }
    let kubelet = Evidence::Client("kubelet 1.34.4 with containerd, asked the same by e2e::smoke_test");
    rows.push(row("GET", "/api/v1/namespaces/{namespace}/pods/{name}/portforward".into(), kubelet));
    rows.push(row("PATCH", "/api/v1/nodes/{name}/status".into(), Evidence::Client("kubectl 1.34, KUBERNETES.md §4")));
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    rows.push(row("POST", review.into(), REFEREE));
    rows.push(row("GET", "/version".into(), API));
    rows.push(row("GET", "/readyz".into(), API));
    rows
}

/// What an address means.
#[derive(Debug)]
pub(super) enum Target {
    Version,
    Ready,
    Review,
    /// All of a kind, in a namespace or everywhere.
    Collection(&'static Kind, String),
    /// One object, or a part of it.
    Object(&'static Kind, String, String, String),
}

/// Reads a path; `None` for what the fake does not have.
pub(super) fn target(method: &Method, path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => return Some(Target::Version),
        ("GET", ["readyz" | "livez" | "healthz"]) => return Some(Target::Ready),
        ("POST", ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]) => return Some(Target::Review),
        _ => {}
    }
    let (group, rest) = match parts.split_first()? {
        (&"api", rest) => ("", rest),
        (&"apis", [group, rest @ ..]) => (*group, rest),
        _ => return None,
    };
    let (version, rest) = rest.split_first()?;
    let find = |plural: &str| at(group, version, plural);
    match rest {
        [plural] => find(plural).map(|k| Target::Collection(k, String::new())),
        ["namespaces", name] => find("namespaces").map(|k| object(k, "", name, "")),
        ["namespaces", space, plural] => {
            find(plural).filter(|k| k.namespaced).map(|k| Target::Collection(k, (*space).to_owned()))
        }
        ["namespaces", space, plural, name] => {
            find(plural).filter(|k| k.namespaced).map(|k| object(k, space, name, ""))
        }
        ["namespaces", space, plural, name, part] => {
            find(plural).filter(|k| k.namespaced).map(|k| object(k, space, name, part))
        }
        [plural, name] => find(plural).filter(|k| !k.namespaced).map(|k| object(k, "", name, "")),
        [plural, name, part] => find(plural).filter(|k| !k.namespaced).map(|k| object(k, "", name, part)),
        _ => None,
    }
}

fn object(kind: &'static Kind, namespace: &str, name: &str, part: &str) -> Target {
    Target::Object(kind, namespace.to_owned(), name.to_owned(), part.to_owned())
}

/// What RBAC calls a request.
pub(super) fn verb(method: &Method, one: bool, watch: bool) -> &'static str {
    match (method.as_str(), one) {
        ("GET", true) => "get",
        ("GET", false) if watch => "watch",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        _ => "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_means_something_and_nothing_else_does() {
        for route in routes() {
            let path = route.template.replace("{namespace}", "n").replace("{name}", "x");
            let method: Method = route.method.parse().expect("a method");
            assert!(target(&method, &path).is_some(), "{route}");
        }
        for path in ["/apis/apps/v1/replicasets", "/api/v2/pods", "/apis/apps/v1/namespaces/n/pods", "/metrics"] {
            assert!(target(&Method::GET, path).is_none(), "{path}");
        }
    }
}

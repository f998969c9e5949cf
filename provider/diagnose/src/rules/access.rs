//! Access and probing: why a place could not be looked at. Notes, unless nothing could be.

use crate::observed::{check, code};
use crate::rule::Confidence::{Certain, Medium};
use crate::rule::{Need, Remedy, Rule, Severity};

const fn rule(
    id: &'static str,
    severity: Severity,
    when: &'static [Need],
    message: &'static str,
    remedy: Remedy,
) -> Rule {
    Rule { id, family: "access", severity, confidence: Certain, when, over: &[], message, remedy }
}

const fn remedy(text: &'static str, stack: &'static str, plain: &'static str) -> Remedy {
    Remedy { text, stack, plain }
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "K8S_UNREACHABLE",
        Severity::Error,
        &[Need::failed(&[check::API]).code(&[code::UNREACHABLE])],
        "the API server `{target}` cannot be reached: {detail}",
        remedy("connect to its network, or start the cluster", "mops infra status {file}", "kubectl version"),
    ),
    Rule {
        confidence: Medium,
        ..rule(
            "K8S_UNREACHABLE",
            Severity::Error,
            &[Need::failed(&[check::API]).code(&[code::NO_ACCESS])],
            "there is no way to the API server of `{target}`: {detail}",
            remedy("see that the cluster exists and that its credential may be read", "mops infra status {file}", ""),
        )
    },
    rule(
        "K8S_UNAUTHORIZED",
        Severity::Error,
        &[Need::failed(&[check::API]).code(&[code::UNAUTHORIZED])],
        "the API server `{target}` does not accept the credential: {detail}",
        remedy("renew the kubeconfig", "mops infra kubeconfig {file}", ""),
    ),
    rule(
        "RBAC_DENIED",
        Severity::Note,
        &[Need::skipped(&[check::RIGHT, check::PROBE]).code(&[code::FORBIDDEN])],
        "the right to `{target}` is missing: {detail}",
        remedy("ask for the right in namespace `{namespace}`", "", "kubectl -n {namespace} auth can-i --list"),
    ),
    rule(
        "NAMESPACE_NOT_FOUND",
        Severity::Error,
        &[Need::failed(&[check::NAMESPACE]).code(&[code::NOT_FOUND])],
        "the namespace `{target}` does not exist",
        remedy("create the workspace", "mops infra up {file} -c workspace", "kubectl get namespaces"),
    ),
    rule(
        "NO_WORKER_PODS",
        Severity::Error,
        &[Need::failed(&[check::PODS]).code(&[code::NONE])],
        "no pod in `{namespace}` matches `{target}`: {detail}",
        remedy("start the workers", "mops infra up {file} -c workspace", "kubectl -n {namespace} get deployments,pods"),
    ),
    rule(
        "WORKER_NOT_RUNNING",
        Severity::Error,
        &[Need::failed(&[check::RUNNING])],
        "no worker in `{namespace}` runs: {detail}",
        remedy(
            "follow the other findings; without one, read the pods' events",
            "",
            "kubectl -n {namespace} get events --sort-by=.lastTimestamp",
        ),
    ),
    rule(
        "PROBE_POD_DENIED",
        Severity::Note,
        &[Need::skipped(&[check::PROBE]).code(&[code::ADMISSION])],
        "pool {pool}: the cluster refused the probe pod: {detail}",
        remedy("exempt pods with the label modelops.io/run, or allow one more pod in the quota", "", ""),
    ),
    rule(
        "PROBE_POD_UNSCHEDULED",
        Severity::Note,
        &[Need::skipped(&[check::PROBE]).code(&[code::UNSCHEDULED])],
        "pool {pool}: the probe pod found no place: {detail}",
        remedy("free capacity on the pool", "", "kubectl describe nodes -l agentpool={pool}"),
    ),
    rule(
        "PROBE_IMAGE_UNAVAILABLE",
        Severity::Note,
        &[Need::skipped(&[check::PROBE]).code(&[code::IMAGE])],
        "pool {pool}: the probe's own image could not be pulled: {detail}",
        remedy("name an image that the pool can pull with --probe-image", "", ""),
    ),
    rule(
        "POOL_EMPTY",
        Severity::Note,
        &[Need::skipped(&[check::POOL]).code(&[code::ZERO_NODES])],
        "pool {pool} was not checked: {detail}",
        remedy("run again when it has a node", "", ""),
    ),
    rule(
        "POOL_UNSCHEDULABLE",
        Severity::Warning,
        &[Need::skipped(&[check::POOL]).code(&[code::UNSCHEDULABLE])],
        "pool {pool} has nodes, and none takes pods: {detail}",
        remedy("see why the nodes are cordoned or not ready", "", "kubectl describe nodes -l agentpool={pool}"),
    ),
];

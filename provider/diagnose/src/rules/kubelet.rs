//! What the kubelet says when it cannot start a container; read by structure, never by a whole
//! sentence (see [`crate::kubelet`]). The manifest is asked for with HEAD, so the registry's own
//! reason is never in it.

use crate::kubelet::reason;
use crate::observed::Vantage::{K, W};
use crate::observed::check;
use crate::rule::Confidence::{Certain, High, Medium};
use crate::rule::{Confidence, Need, Remedy, Rule, Severity};

const fn rule(
    id: &'static str,
    family: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    text: [&'static str; 2],
) -> Rule {
    let remedy = Remedy {
        text: text[1],
        stack: "mops infra up {file} -c workspace",
        plain: "kubectl -n {namespace} describe pods",
    };
    Rule {
        id,
        family,
        severity: Severity::Error,
        confidence,
        when,
        over: &["REGISTRY_REFUSED"],
        message: text[0],
        remedy,
    }
}

const fn kubelet(code: &'static [&'static str]) -> Need {
    Need::failed(&[check::KUBELET]).from(K).code(code)
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "SECRET_MISSING",
        "config",
        Certain,
        &[kubelet(&[reason::ENV_SECRET_ABSENT])],
        [
            "{place}: the worker's environment comes from secret `{target}`, which does not exist",
            "create the secret in namespace `{namespace}`",
        ],
    ),
    rule(
        "SECRET_KEY_MISSING",
        "config",
        Certain,
        &[kubelet(&[reason::ENV_KEY_ABSENT])],
        ["{place}: secret `{target}` lacks a key that the worker refers to: {detail}", "add the key"],
    ),
    rule(
        "KUBELET_NO_CREDENTIALS",
        "identity",
        High,
        &[kubelet(&[reason::ANONYMOUS_REFUSED])],
        [
            "{place}: the node asked for `{target}` without a credential and was refused",
            "name a pull secret for the host in the pod template",
        ],
    ),
    rule(
        "KUBELET_BAD_CREDENTIALS",
        "identity",
        High,
        &[kubelet(&[reason::CREDENTIAL_REFUSED])],
        [
            "{place}: the registry refused the credential with which the node asked for `{target}`",
            "rewrite the pull secret",
        ],
    ),
    rule(
        "KUBELET_BAD_CREDENTIALS",
        "identity",
        High,
        &[kubelet(&[reason::REFUSED]), Need::passed(&[check::PULL_SECRET]).from(W)],
        [
            "{place}: the registry refused the node's request for `{target}`, although the pull secret has a login for it",
            "rewrite the pull secret",
        ],
    ),
    Rule {
        over: &[],
        remedy: Remedy {
            text: "compare with another credential, from another place",
            stack: "",
            plain: "kubectl -n {namespace} describe pods",
        },
        ..rule(
            "REGISTRY_REFUSED",
            "identity",
            Medium,
            &[kubelet(&[reason::REFUSED, reason::DENIED])],
            ["{place}: the registry refused the node's request for `{target}`: {detail}", ""],
        )
    },
    rule(
        "TAG_NOT_FOUND",
        "artifact",
        Medium,
        &[kubelet(&[reason::IMAGE_ABSENT])],
        [
            "{place}: the registry has no `{target}`, or no repository of that name",
            "push the image, or correct its name",
        ],
    ),
    rule(
        "PLATFORM_MISSING",
        "artifact",
        High,
        &[kubelet(&[reason::PLATFORM])],
        ["{place}: `{target}` has no entry for the node's platform", "build the image for it"],
    ),
    rule(
        "IMAGE_REF_INVALID",
        "artifact",
        Certain,
        &[kubelet(&[reason::INVALID_NAME])],
        ["`{target}` is not an image reference", "correct it in the pod template"],
    ),
    rule(
        "IMAGE_NEVER_PULL",
        "artifact",
        Certain,
        &[kubelet(&[reason::NEVER_PULL])],
        ["{place}: the pull policy is Never, and the node has no `{target}`", "change the policy in the pod template"],
    ),
    rule(
        "NODE_DISK_FULL",
        "artifact",
        High,
        &[kubelet(&[reason::DISK_FULL])],
        [
            "{place}: the node's disk has no room for `{target}`",
            "give the pool a bigger OS disk, or use a smaller image",
        ],
    ),
    rule(
        "TLS_UNTRUSTED",
        "network",
        High,
        &[kubelet(&[reason::UNTRUSTED])],
        ["{place}: the node does not trust the registry's certificate", "give the CA to the nodes"],
    ),
    rule(
        "DNS_FAILURE",
        "network",
        Medium,
        &[kubelet(&[reason::NO_SUCH_HOST])],
        [
            "{place}: the node's resolver does not know the host of `{target}`",
            "check the host name and the node's resolver",
        ],
    ),
    rule(
        "SERVICE_UNREACHABLE",
        "network",
        Medium,
        &[kubelet(&[reason::NO_CONNECTION])],
        [
            "{place}: the node gets no connection to the host of `{target}`",
            "check firewalls and routes of the node's network",
        ],
    ),
];

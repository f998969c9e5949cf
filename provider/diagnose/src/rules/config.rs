//! Environment and secret objects: what the worker refers to, and what is there.

use mops_probe::observation::{check as probe, code as seen};

use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::Confidence::{Certain, High, Medium};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const ENV_CAUSES: &[&str] = &["ENV_MISSING", "ENV_EMPTY"];
const PULL_CAUSES: &[&str] =
    &["KUBELET_NO_CREDENTIALS", "KUBELET_BAD_CREDENTIALS", "REGISTRY_REFUSED", "NOT_LOGGED_IN", "ACR_LOGIN_DENIED"];
/// Rewrites what the workspace owns.
const WORKSPACE: &str = "mops infra up {file} -c workspace";
const READ_SECRET: &str = "kubectl -n {namespace} describe secret {name}";

const fn rule(
    id: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    over: &'static [&'static str],
    text: [&'static str; 3],
) -> Rule {
    let remedy = Remedy { text: text[1], stack: WORKSPACE, plain: text[2] };
    Rule { id, family: "config", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

const fn warning(rule: Rule) -> Rule {
    Rule { severity: Severity::Warning, ..rule }
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "SECRET_MISSING",
        Certain,
        &[Need::failed(&[check::ENV_SECRET]).code(&[code::NOT_FOUND])],
        ENV_CAUSES,
        [
            "the worker's environment comes from secret `{target}`, which does not exist (other namespaces not searched)",
            "create the secret in namespace `{namespace}`",
            "kubectl -n {namespace} get secrets",
        ],
    ),
    rule(
        "SECRET_KEY_MISSING",
        Certain,
        &[Need::failed(&[check::ENV_SECRET]).code(&[code::KEY_MISSING])],
        ENV_CAUSES,
        ["secret `{target}` lacks a key that the worker refers to: {detail}", "add the key", READ_SECRET],
    ),
    rule(
        "ENVFROM_MISSING",
        Certain,
        &[
            Need::failed(&[check::ENV_FROM]).code(&[code::NOT_LINKED]),
            Need::passed(&[check::ENV_SECRET]).near(Near::Target),
        ],
        ENV_CAUSES,
        [
            "secret `{target}` exists, but no container of the worker refers to it",
            "refer to the secret by `envFrom` in the worker's pod template",
            "kubectl -n {namespace} get deployments -o yaml",
        ],
    ),
    rule(
        "ENV_MISSING",
        Certain,
        &[Need::failed(&[probe::ENV]).from(P).code(&[seen::ENV_MISSING]), Need::passed(&[check::ENV_SOURCES])],
        &[],
        ["pool {pool}: a worker has no variable `{target}`", "add it to the secret that the worker refers to", ""],
    ),
    rule(
        "ENV_MISSING",
        High,
        &[Need::failed(&[probe::ENV]).from(P).code(&[seen::ENV_MISSING])],
        &[],
        [
            "pool {pool}: a worker has no variable `{target}` (where it should come from was not seen)",
            "add it to the secret that the worker refers to",
            "kubectl -n {namespace} get secrets",
        ],
    ),
    rule(
        "ENV_EMPTY",
        Certain,
        &[Need::failed(&[probe::ENV]).from(P).code(&[seen::ENV_EMPTY])],
        &[],
        [
            "pool {pool}: the worker's variable `{target}` is blank",
            "fill it in the secret that the worker refers to",
            "",
        ],
    ),
    rule(
        "PULL_SECRET_MISSING",
        Certain,
        &[Need::failed(&[check::PULL_SECRET]).code(&[code::NOT_FOUND])],
        PULL_CAUSES,
        [
            "the worker names pull secret `{target}`, which does not exist",
            "create the pull secret in namespace `{namespace}`",
            "kubectl -n {namespace} get secrets --field-selector type=kubernetes.io/dockerconfigjson",
        ],
    ),
    rule(
        "SECRET_WRONG_TYPE",
        Certain,
        &[Need::failed(&[check::PULL_SECRET]).code(&[code::WRONG_TYPE])],
        PULL_CAUSES,
        [
            "pull secret `{target}` has a type that the kubelet does not use: {detail}",
            "recreate it with type kubernetes.io/dockerconfigjson (a secret's type cannot be changed)",
            READ_SECRET,
        ],
    ),
    rule(
        "DOCKERCONFIG_MALFORMED",
        Certain,
        &[Need::failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[code::MALFORMED])],
        PULL_CAUSES,
        ["pull secret `{target}` is no docker config: {detail}", "rewrite it", READ_SECRET],
    ),
    rule(
        "PULL_SECRET_NO_CREDENTIAL",
        Certain,
        &[Need::failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[code::NO_CREDENTIAL])],
        PULL_CAUSES,
        ["pull secret `{target}` holds no user and password for the registry", "rewrite it with both", READ_SECRET],
    ),
    rule(
        "PULL_SECRET_HOST_MISMATCH",
        Certain,
        &[Need::failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[code::NO_ENTRY])],
        PULL_CAUSES,
        [
            "pull secret `{target}` has no entry for the host of the image: {detail}",
            "rewrite it for the host that stands in the image's name",
            READ_SECRET,
        ],
    ),
    rule(
        "PULL_SECRET_NOT_LINKED",
        Certain,
        &[
            Need::failed(&[check::LINK]).code(&[code::NOT_LINKED]),
            Need::passed(&[check::PULL_SECRET]).near(Near::Target),
        ],
        PULL_CAUSES,
        [
            "pull secret `{target}` is good, but the worker's pod does not name it in `imagePullSecrets`",
            "name it in the pod template, then let the pods be made again",
            "kubectl -n {namespace} get pods -o yaml",
        ],
    ),
    rule(
        "REGISTRY_URL_WRONG",
        Certain,
        &[Need::failed(&[probe::ENV]).from(P).code(&[seen::NOT_A_HOST])],
        &[],
        [
            "pool {pool}: `{target}` is not a bare host name: {detail}",
            "write the host only, without scheme and path",
            "",
        ],
    ),
    warning(rule(
        "REGISTRY_HOST_MISMATCH",
        Certain,
        &[Need::passed(&[probe::ENV]).from(P).code(&[seen::OTHER_HOST])],
        &[],
        ["pool {pool}: `{target}` is not the stack's registry: {detail}", "write the stack's login server", ""],
    )),
    Rule {
        id: "ENV_STALE",
        family: "config",
        severity: Severity::Warning,
        confidence: Medium,
        when: &[Need::passed(&[check::ENV_AGE]).code(&[code::SECRET_NEWER])],
        over: &[],
        message: "secret `{target}` changed after a worker started, which may still have the old values: {detail}",
        remedy: Remedy {
            text: "restart the workers, if the data changed and not only a label",
            stack: "",
            plain: "kubectl -n {namespace} rollout restart deployment/{deployment}",
        },
    },
    Rule {
        id: "SECRET_UNREADABLE",
        family: "config",
        severity: Severity::Note,
        confidence: Certain,
        when: &[Need::skipped(&[check::ENV_SECRET, check::PULL_SECRET]).code(&[code::FORBIDDEN])],
        over: &[],
        message: "secret `{target}` may not be read from here; the pods were asked instead",
        remedy: Remedy {
            text: "grant `get` on this secret for a sharper answer",
            stack: "",
            plain: "kubectl -n {namespace} auth can-i get secret/{name}",
        },
    },
    Rule {
        id: "ACCOUNT_KEY_EXPOSED",
        family: "config",
        severity: Severity::Error,
        confidence: Certain,
        when: &[Need::failed(&[probe::STORAGE_SAS]).from(P).code(&[seen::ACCOUNT_KEY])],
        over: &[],
        message: "pool {pool}: the worker's connection string holds the account key, not a SAS",
        remedy: Remedy {
            text: "give the worker a SAS, then regenerate the account's keys",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "",
        },
    },
];

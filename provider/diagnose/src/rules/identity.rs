//! Whether the registry accepts the credential. A bare 401 proves only "refused"; a cause needs
//! another credential's answer, or a comparison of the bytes, beside it.

use mops_probe::observation::{check as probe, variant};

use crate::observed::Vantage::{P, W};
use crate::observed::{check, code};
use crate::rule::Confidence::{Certain, High, Medium};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const POD: &[&str] = &[variant::ENV, variant::PULL_SECRET];
const WORKSPACE: &str = "mops infra up {file} -c workspace";
const WEAKER: &[&str] =
    &["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"];
/// The credential's own password was compared, which beats the guess from two answers.
const COMPARED: &[&str] = &["ACR_PASSWORD_ROTATED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED"];

const fn rule(
    id: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    over: &'static [&'static str],
    text: [&'static str; 3],
) -> Rule {
    let remedy = Remedy { text: text[1], stack: WORKSPACE, plain: text[2] };
    Rule { id, family: "identity", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

const fn refused() -> Need {
    Need::failed(&[probe::REGISTRY_V2]).from(P).with(POD).http(&[401])
}

const fn current_accepted() -> Need {
    Need::passed(&[probe::REGISTRY_V2]).from(W).with(&[variant::ARM]).near(Near::Target)
}

const SHOW_CREDENTIALS: &str = "az acr credential show -n {registry_name} --query username";

pub(crate) const RULES: &[Rule] = &[
    rule(
        "ACR_PASSWORD_ROTATED",
        Certain,
        &[
            refused(),
            current_accepted(),
            Need::failed(&[check::PASSWORD]).code(&[code::DIFFERS]).near(Near::Credential),
        ],
        WEAKER,
        [
            "{place}: the registry password in the {source} is not a current one; `{target}` accepts the one that ARM lists",
            "write the registry's current password into the secret, then let the pods be made again",
            SHOW_CREDENTIALS,
        ],
    ),
    rule(
        "ACR_PASSWORD_ROTATED",
        High,
        &[refused(), current_accepted()],
        WEAKER,
        [
            "{place}: `{target}` refuses the credential of the {source} and accepts the one that ARM lists",
            "write the registry's current password into the secret, then let the pods be made again",
            SHOW_CREDENTIALS,
        ],
    ),
    rule(
        "REGISTRY_CREDENTIAL_REFUSED",
        High,
        &[
            refused(),
            current_accepted(),
            Need::failed(&[check::PASSWORD]).code(&[code::OTHER_USER]).near(Near::Credential),
        ],
        COMPARED,
        [
            "{place}: `{target}` refuses the credential of the {source}, whose user is not the one of the stack",
            "renew this user's password, or use the stack's own credential",
            SHOW_CREDENTIALS,
        ],
    ),
    rule(
        "REGISTRY_CREDENTIAL_REFUSED",
        High,
        &[refused(), current_accepted(), Need::passed(&[check::PASSWORD]).near(Near::Credential)],
        COMPARED,
        [
            "{place}: `{target}` refuses the {source}'s password although it is the one that ARM lists",
            "wait a minute, then run again; a renewed password takes effect with a delay",
            "",
        ],
    ),
    rule(
        "REGISTRY_CREDENTIAL_REFUSED",
        High,
        &[refused(), Need::passed(&[probe::REGISTRY_V2]).from(P).with(POD).near(Near::PoolAndTarget)],
        &["REGISTRY_REFUSED", "ACR_LOGIN_DENIED"],
        [
            "{place}: `{target}` refuses the credential of the {source} and accepts another one of the same worker",
            "rewrite both secrets from the same source",
            "kubectl -n {namespace} get secrets",
        ],
    ),
    rule(
        "ACR_ADMIN_DISABLED",
        Certain,
        &[
            refused(),
            Need::failed(&[check::ARM_CREDENTIALS]).code(&[code::ADMIN_DISABLED]).near(Near::Target),
            Need::skipped(&[check::PASSWORD]).code(&[code::ADMIN_USER]).near(Near::Credential),
        ],
        WEAKER,
        [
            "{place}: the {source} holds the registry's admin user, which is switched off",
            "switch it on, or use another credential",
            "az acr update -n {registry_name} --admin-enabled true",
        ],
    ),
    rule(
        "ACR_ADMIN_DISABLED",
        Medium,
        &[refused(), Need::failed(&[check::ARM_CREDENTIALS]).code(&[code::ADMIN_DISABLED]).near(Near::Target)],
        WEAKER,
        [
            "{place}: `{target}` refuses the credential of the {source}; the registry's admin user is switched off",
            "switch it on if this is the admin user's password",
            "az acr update -n {registry_name} --admin-enabled true",
        ],
    ),
    rule(
        "ACR_LOGIN_DENIED",
        Medium,
        &[refused(), Need::skipped(&[check::ARM_CREDENTIALS]).code(&[code::FORBIDDEN]).near(Near::Target)],
        &["REGISTRY_REFUSED"],
        [
            "{place}: `{target}` refuses the credential of the {source}: admin user off, password renewed, or token expired",
            "grant read on the registry for a sharper answer, or check by hand",
            SHOW_CREDENTIALS,
        ],
    ),
    rule(
        "ARTIFACT_PERMISSION",
        Certain,
        &[
            Need::failed(&[probe::REGISTRY_PULL]).from(P).with(POD).http(&[401, 403]),
            Need::passed(&[probe::REGISTRY_PULL]).from(W).with(&[variant::ARM]).near(Near::Target),
            Need::passed(&[probe::REGISTRY_V2]).from(P).with(POD).near(Near::Credential),
        ],
        &["REGISTRY_REFUSED"],
        [
            "{place}: the credential of the {source} is good, but may not pull `{target}`, which exists",
            "give it the right to this repository",
            "",
        ],
    ),
    Rule {
        remedy: Remedy {
            text: "compare with another credential, from another place",
            stack: "",
            plain: "kubectl -n {namespace} get secrets",
        },
        ..rule(
            "REGISTRY_REFUSED",
            Medium,
            &[Need::failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).http(&[401, 403])],
            &[],
            [
                "{place}: `{target}` answers {status} {code} to the {source}, and there was nothing to compare with",
                "",
                "",
            ],
        )
    },
];

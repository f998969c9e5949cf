//! Users of a registry that Azure knows more about than the registry tells: the stack's token, and a service principal.

use mops_probe::observation::{check as probe, variant};
use mops_wire::directory::{SECRET_EXPIRED, SECRET_WRONG};

use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::Confidence::{Certain, High};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const POD: &[&str] = &[variant::ENV, variant::PULL_SECRET];
const WEAKER: &[&str] =
    &["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"];

const fn rule(
    id: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    message: &'static str,
    remedy: Remedy,
) -> Rule {
    Rule { id, family: "identity", severity: Severity::Error, confidence, when, over: WEAKER, message, remedy }
}

const fn refused() -> Need {
    Need::failed(&[probe::REGISTRY_V2]).from(P).with(POD).http(&[401])
}

/// The pods' user is the stack's token, with the password that it was given.
const fn of_the_token() -> Need {
    Need::passed(&[check::PASSWORD]).near(Near::Credential)
}

const fn token(code: &'static [&'static str]) -> Need {
    Need::failed(&[check::ARM_TOKEN]).code(code).near(Near::Target)
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "ACR_TOKEN_EXPIRED",
        Certain,
        &[refused(), token(&[code::EXPIRED]), of_the_token()],
        "{place}: the password of the registry's token in the {source} has run out",
        Remedy {
            text: "let the token have a new password, which the next run hands out",
            stack: "mops infra up {file} -c registry,workspace",
            plain: "az acr token list -r {registry_name} -o table",
        },
    ),
    rule(
        "ACR_TOKEN_DISABLED",
        Certain,
        &[refused(), token(&[code::DISABLED]), of_the_token()],
        "{place}: the registry's token in the {source} is switched off",
        Remedy {
            text: "switch it on again, in the portal or with `az acr token update`",
            stack: "",
            plain: "az acr token list -r {registry_name} -o table",
        },
    ),
    Rule {
        over: &["REGISTRY_REFUSED", "ARTIFACT_PERMISSION"],
        ..rule(
            "ACR_TOKEN_SCOPE",
            Certain,
            &[
                Need::failed(&[probe::REGISTRY_PULL]).from(P).with(POD).http(&[401, 403]),
                Need::failed(&[check::SCOPE_MAP]).code(&[code::NOT_LISTED]).near(Near::Target),
                Need::passed(&[probe::REGISTRY_V2]).from(P).with(POD).near(Near::Credential),
            ],
            "{place}: the registry's token may sign in, but its scope map does not let `{target}` be pulled",
            Remedy {
                text: "widen the scope map",
                stack: "mops infra up {file} -c registry --refresh",
                plain: "az acr scope-map list -r {registry_name} -o table",
            },
        )
    },
    rule(
        "SP_SECRET_EXPIRED",
        High,
        &[Need::failed(&[check::DIRECTORY]).with(POD).code(&[SECRET_EXPIRED, SECRET_WRONG])],
        "the directory refuses the service principal's secret in the {source}: {code} {detail}",
        Remedy {
            text: "give the application a new secret (`az ad app credential reset`), put it where `client_secret` says, then write it into the pods' secrets",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
    ),
    rule(
        "ACR_ROLE_MISSING",
        High,
        &[refused(), Need::passed(&[check::DIRECTORY]).near(Near::Credential)],
        "{place}: the directory takes the service principal in the {source}, `{target}` does not: it has no right to pull",
        Remedy {
            text: "give it the right to pull; one that was given in the last minutes may need some more",
            stack: "mops infra up {file} -c registry --refresh",
            plain: "",
        },
    ),
];

//! The role by which an identity pulls: absent, young, given to somebody else, or not enough.

use mops_probe::observation::{check as probe, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, passed};

/// Identities to which Azure gives roles.
const IDENTITIES: &[&str] = &[variant::KUBELET, variant::WI, variant::USER];
/// Where a registry says no to an identity.
const REFUSED: &[&str] = &[
    probe::IDENTITY_EXCHANGE,
    probe::IDENTITY_ACR_AUDIENCE,
    probe::IDENTITY_ACCESS,
    probe::REGISTRY_V2,
    probe::REGISTRY_PULL,
];
/// What a missing right brings with it.
const EXPLAINED: &[&str] = &[
    "ACR_EXCHANGE_DENIED",
    "ACR_ACCESS_TOKEN_DENIED",
    "REGISTRY_CREDENTIAL_REFUSED",
    "REGISTRY_REFUSED",
    "ACR_LOGIN_DENIED",
    "KUBELET_NO_CREDENTIALS",
    "KUBELET_BAD_CREDENTIALS",
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACR_ROLE_MISSING",
        title: "The identity has no role on the registry",
        meaning: "The identity may sign in, and no role lets it pull.",
        signal: "the registry refuses what the directory accepted, and no role that can pull is found at the registry or above",
        near_miss: "a role inherited from the resource group or the subscription counts, and is right",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "give it the right to pull; one that was given in the last minutes may need some more",
            stack: "mops infra up {file} -c registry --refresh",
            plain: "",
        },
        rules: &[
            certain(
                &[
                    failed(REFUSED).with(IDENTITIES).http(&[401, 403]),
                    failed(&[check::ARM_ROLES]).code(&[code::NOT_FOUND]).near(Near::Credential),
                ],
                "{place}: the {source} has no role that lets it pull from `{target}`",
            )
            .over(EXPLAINED),
            high(
                &[
                    failed(&[probe::REGISTRY_V2])
                        .with(&[variant::ENV, variant::PULL_SECRET])
                        .http(&[401])
                        .from(P),
                    passed(&[check::DIRECTORY]).near(Near::Credential),
                ],
                "{place}: the directory takes the service principal in the {source}, `{target}` does not: it has no right to pull",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_ROLE_PROPAGATING",
        title: "The role is only minutes old",
        meaning: "The identity has the right role. Azure needs some minutes until the registry knows of a new one everywhere.",
        signal: "the registry refuses, and the role that lets the identity pull is younger than ten minutes",
        near_miss: "an older role gives ACR_KUBELET_CACHE where only the kubelet is refused, else UNCLASSIFIED",
        severity: Severity::Warning,
        sources: &["hashicorp/terraform-provider-azurerm#11434"],
        remedy: Remedy { text: "wait ten minutes, then run again", stack: "", plain: "" },
        rules: &[high(
            &[
                failed(REFUSED).with(IDENTITIES).http(&[401, 403]),
                passed(&[check::ARM_ROLES]).code(&[code::YOUNG]).near(Near::Credential),
            ],
            "{place}: `{target}` does not know the role of the {source} yet, which is a few minutes old: {last}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "ACR_WRONG_PRINCIPAL",
        title: "The role was given to somebody else",
        meaning: "A role that can pull is there, and it belongs to another identity, or to a client id where Azure wants the \
                  object id. So the one that asks has none.",
        signal: "the registry refuses, and the role names another principal than the identity that asks",
        near_miss: "two identities of which the one that asks has the role are right",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "give the role to the object id of the identity that asks",
            stack: "mops infra up {file} -c registry --refresh",
            plain: "",
        },
        rules: &[certain(
            &[
                failed(REFUSED).with(IDENTITIES).http(&[401, 403]),
                failed(&[check::ARM_ROLES]).code(&[code::OTHER_PRINCIPAL]).near(Near::Credential),
            ],
            "{place}: the role on `{target}` belongs to another principal than the {source}: {last}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "ACR_ABAC_ROLE",
        title: "The role is of the wrong kind for this registry",
        meaning: "This registry gives rights repository by repository. There the usual pull role lets an identity sign in and \
                  read nothing.",
        signal: "the registry is in the mode of repository permissions, and the identity has only the role of the older mode",
        near_miss: "the older mode with that role is right",
        repair: Repair::Apply,
        sources: &["Azure/msi-acrpull#108"],
        remedy: Remedy {
            text: "give the role `Container Registry Repository Reader` instead",
            stack: "mops infra up {file} -c registry --refresh",
            plain: "",
        },
        rules: &[certain(
            &[
                failed(REFUSED).with(IDENTITIES).http(&[401, 403]),
                failed(&[check::ARM_ROLES]).code(&[code::NO_REPOSITORY_ROLE]).near(Near::Credential),
            ],
            "{place}: `{target}` gives rights by repository, and the {source} has a role of the older kind only: {last}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "ACR_ARM_AUDIENCE_DISABLED",
        title: "The registry takes no management tokens",
        meaning: "A policy of the registry refuses tokens that were made for Azure's management, which many clients still \
                  bring. Tokens that were made for registries are taken.",
        signal: "the policy is off, the identity's management token is refused, and its token for registries is accepted",
        near_miss: "both tokens refused give ACR_ROLE_MISSING",
        repair: Repair::Stack,
        sources: &["Azure/AKS#4560"],
        remedy: Remedy {
            text: "allow those tokens again, or use a client that asks for a token for registries",
            stack: "",
            plain: "az acr config authentication-as-arm update -r {registry_name} --status enabled",
        },
        rules: &[certain(
            &[
                failed(&[probe::IDENTITY_EXCHANGE]).http(&[401, 403]),
                passed(&[probe::IDENTITY_ACR_AUDIENCE]).near(Near::Credential),
                failed(&[check::ARM_AUDIENCE]).code(&[code::DISABLED]).near(Near::Target),
            ],
            "{place}: `{target}` refuses management tokens by policy, and takes the {source}'s token for registries",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
];

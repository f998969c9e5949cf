//! Identities and service principals, as the directory and ARM see them.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high};

/// Where a registry says no.
const REFUSED: &[&str] = &[probe::REGISTRY_V2, probe::IDENTITY_EXCHANGE, probe::IDENTITY_ACR_AUDIENCE];
/// Codes of a directory that does not know the one who asks, or not as its own.
const ELSEWHERE: &[&str] = &["AADSTS700016", "AADSTS90002"];
/// What a wrong identity brings with it.
const EXPLAINED: &[&str] = &[
    "ACR_EXCHANGE_DENIED",
    "REGISTRY_CREDENTIAL_REFUSED",
    "REGISTRY_REFUSED",
    "ACR_LOGIN_DENIED",
    "KUBELET_NO_CREDENTIALS",
    "KUBELET_BAD_CREDENTIALS",
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SP_SECRET_EXPIRED",
        title: "The service principal's secret is refused",
        meaning: "The directory does not accept the secret with which the pods sign in; it has ended or was replaced.",
        signal: "the directory's code says that the secret is wrong or has ended",
        near_miss: "a principal of another directory gives ACR_TENANT_MISMATCH",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["Microsoft identity platform: error codes AADSTS7000215 and AADSTS7000222"],
        remedy: Remedy { text: "give the application another secret, in the file that `client_secret` names, and in the pods' secrets", stack: "mops auth rotate sp {file}", plain: "" },
        rules: &[
            high(&[failed(&[check::DIRECTORY]).with(&[variant::ENV, variant::PULL_SECRET]).code(&["AADSTS7000222", "AADSTS7000215"])], "the directory refuses the service principal's secret in the {source}: {code} {detail}").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_TENANT_MISMATCH",
        title: "The identity is of another directory",
        meaning: "The registry belongs to one directory and the identity that asks to another one. A token of the wrong \
                  directory is no login, whatever roles there are.",
        signal: "the registry refuses, and the directory of the registry is not the one of the identity",
        near_miss: "the same directory on both sides gives the rows about roles and secrets",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "use an identity of the registry's directory, or sign in there",
            stack: "",
            plain: "az account show --query tenantId",
        },
        rules: &[
            certain(
                &[
                    failed(REFUSED).http(&[401, 403]),
                    failed(&[check::ARM_TENANT]).code(&[code::DIFFERS]).near(Near::Credential),
                    failed(&[check::DIRECTORY]).code(ELSEWHERE).near(Near::Credential),
                ],
                "{place}: the {source} is of another directory than `{target}`, and the directory does not know it: {last}",
            )
            .over(EXPLAINED),
            certain(
                &[
                    failed(REFUSED).http(&[401, 403]),
                    failed(&[check::ARM_TENANT]).code(&[code::DIFFERS]).near(Near::Credential),
                ],
                "{place}: the {source} is of another directory than `{target}`: {last}",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "IDENTITY_NOT_FOUND",
        title: "The identity does not exist",
        meaning: "The cluster asks for a token of an identity that is not there any more, or never was. No role and no restart \
                  helps until it exists.",
        signal: "ARM does not find the identity; weaker, the metadata service or the directory says that it knows none",
        near_miss: "an identity that exists and has no role gives ACR_ROLE_MISSING",
        repair: Repair::Stack,
        sources: &["Azure CLI: `az aks check-acr`, exit code 10", "Microsoft identity platform: error code AADSTS700016"],
        remedy: Remedy {
            text: "let the stack make the identity again, then the nodes that use it",
            stack: "mops infra up {file} -c cluster",
            plain: "",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::IDENTITY]).code(&[seen::IDENTITY_UNKNOWN, "AADSTS700016"]),
                    failed(&[check::ARM_IDENTITY]).code(&[code::NOT_FOUND]).near(Near::Credential),
                ],
                "{place}: identity `{target}` does not exist",
            )
            .over(EXPLAINED),
            certain(&[failed(&[check::ARM_IDENTITY]).code(&[code::NOT_FOUND])], "identity `{target}` does not exist")
                .over(EXPLAINED),
            high(
                &[failed(&[probe::IDENTITY]).code(&[seen::IDENTITY_UNKNOWN, "AADSTS700016"])],
                "{place}: nobody knows the identity `{target}`: {detail}",
            )
            .over(EXPLAINED)
            .unconfirmed(),
        ],
        ..CAUSE
    },
    Cause {
        id: "IDENTITY_AMBIGUOUS",
        title: "Several identities, and none was named",
        meaning: "The node has more than one identity. A client that does not say which one it means gets no token at all.",
        signal: "the metadata service refuses a token because several identities are assigned and none is named",
        near_miss: "a request that names the client id gets its token",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["chrismellard/docker-credential-acr-env#9"],
        remedy: Remedy {
            text: "name the client id of the identity that may pull, in `AZURE_CLIENT_ID` or in the node's settings",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[failed(&[probe::IDENTITY]).code(&[seen::IDENTITY_AMBIGUOUS])],
            "{place}: the node has several identities, and none of them was named: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
];

//! The way of an identity into an Azure registry: directory token, refresh token, access token.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::{P, W};
use crate::rule::{Near, Remedy, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACR_EXCHANGE_DENIED",
        title: "The registry does not take the identity's token",
        meaning: "The directory gave a token, and the registry refuses to trade it for one of its own.",
        signal: "the trade at the registry is refused",
        near_miss: "a trade that succeeds before the refusal gives ACR_ACCESS_TOKEN_DENIED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "sign in at Azure again, or ask for a role on the registry",
            stack: "",
            plain: "az login",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::WI]).http(&[401, 403]),
                    passed(&[probe::IDENTITY]).from(P),
                ],
                "pool {pool}: `{target}` does not take the worker's identity, which the directory knows",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "give the identity the right to pull; one that was given in the last minutes may need some more",
                stack: "mops infra up {file} -c cluster",
                plain: "",
            }),
            high(
                &[failed(&[probe::IDENTITY_EXCHANGE]).from(W).with(&[variant::USER]).http(&[401, 403])],
                "`{target}` does not take the token of the person who is signed in at Azure",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_ACCESS_TOKEN_DENIED",
        title: "The registry gives no token for this image",
        meaning: "The registry knows the identity and gave it a login. For this one repository it gives no access token.",
        signal: "the first trade is accepted, the second one for the repository is refused, or gives a token without it",
        near_miss: "an access token that is given, and a manifest that is absent, give the rows about artefacts",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "give the identity a role on this repository",
            stack: "mops infra up {file} -c registry --refresh",
            plain: "az acr repository show -n {registry_name} --repository {repository}",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::IDENTITY_ACCESS]).http(&[401, 403]),
                    passed(&[probe::IDENTITY_EXCHANGE]).near(Near::Credential),
                ],
                "{place}: the registry knows the {source}, and gives it no token for `{target}`",
            )
            .over(&["REGISTRY_REFUSED"]),
            high(
                &[
                    failed(&[probe::IDENTITY_ACCESS]).code(&[seen::NOT_GRANTED]),
                    passed(&[probe::IDENTITY_EXCHANGE]).near(Near::Credential),
                ],
                "{place}: the registry knows the {source}, and the token that it gives does not open `{target}`",
            )
            .over(&["REGISTRY_REFUSED", "ARTIFACT_PERMISSION"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_AAD_LOGIN_UNSUPPORTED",
        title: "The host takes no Azure sign-in",
        meaning: "An identity of Azure was to sign in here, and the host has no such sign-in. Either it is no Azure registry, or \
                  something in front of it answers instead.",
        signal: "the challenge offers no Bearer, or the trade's address does not exist",
        near_miss: "a registry of somebody else is not asked for this",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "check that the host is an Azure registry, and that no proxy answers for it",
            stack: "",
            plain: "az acr check-health -n {registry_name} --yes",
        },
        rules: &[
            high(
                &[failed(&[probe::REGISTRY_CHALLENGE]).code(&[seen::NO_BEARER])],
                "{place}: `{target}` offers no sign-in by token, which an Azure registry does: {detail}",
            ),
            high(
                &[failed(&[probe::IDENTITY_EXCHANGE]).http(&[404, 405])],
                "{place}: `{target}` has no place to trade a token of the directory, which an Azure registry has",
            ),
        ],
        ..CAUSE
    },
];

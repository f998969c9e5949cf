//! Whether a registry accepts a credential. A bare 401 proves only "refused"; a cause needs another credential's answer, or a
//! comparison of the bytes, beside it.

use mops_probe::observation::{check as probe, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, failed, high, medium, passed};

/// Every credential, and none, but this machine's own.
const NOT_LOCAL: &[&str] = &[
    "",
    variant::ANON,
    variant::ENV,
    variant::PULL_SECRET,
    variant::WI,
    variant::ARM,
    variant::KUBELET,
    variant::USER,
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "REGISTRY_CREDENTIAL_REFUSED",
        title: "The registry refuses this login",
        meaning: "The registry works, and this login is not accepted while another one is.",
        signal: "refused with 401 or 403, and another credential is accepted at the same host",
        near_miss: "a refusal with nothing to compare gives REGISTRY_REFUSED",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "renew this user's password, or use the stack's own credential",
            stack: "mops infra up {file} -c workspace",
            plain: "az acr credential show -n {registry_name} --query username",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]),
                    passed(&[probe::REGISTRY_V2]).from(W).with(&[variant::ARM]).near(Near::Target),
                    failed(&[check::PASSWORD]).code(&[code::OTHER_USER]).near(Near::Credential),
                ],
                "{place}: `{target}` refuses the credential of the {source}, whose user is not the one of the stack",
            )
            .over(&["ACR_PASSWORD_ROTATED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED"]),
            high(
                &[
                    failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]),
                    passed(&[probe::REGISTRY_V2]).from(W).with(&[variant::ARM]).near(Near::Target),
                    passed(&[check::PASSWORD]).near(Near::Credential),
                ],
                "{place}: `{target}` refuses the {source}'s password although it is the one that ARM lists",
            )
            .over(&["ACR_PASSWORD_ROTATED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED"])
            .remedy(Remedy {
                text: "wait a minute, then run again; a renewed password takes effect with a delay",
                stack: "mops infra up {file} -c workspace",
                plain: "",
            }),
            high(
                &[
                    // GitHub's token service refuses a wrong password with 403.
                    failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401, 403]),
                    passed(&[probe::REGISTRY_V2])
                        .from(P)
                        .with(&[variant::ENV, variant::PULL_SECRET])
                        .near(Near::PoolAndTarget),
                ],
                "{place}: `{target}` refuses the credential of the {source} and accepts another one of the same worker",
            )
            .over(&["REGISTRY_REFUSED", "ACR_LOGIN_DENIED"])
            .remedy(Remedy {
                text: "rewrite both secrets from the same source",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} get secrets",
            }),
            high(
                &[
                    failed(&[probe::REGISTRY_V2]).from(W).with(&[variant::LOCAL]).http(&[401, 403]),
                    passed(&[probe::REGISTRY_PULL]).from(W).with(&[variant::ANON]).near(Near::Host),
                ],
                "`{target}` refuses the login of this machine, and gives an image to anybody who sends none",
            )
            .over(&["REGISTRY_REFUSED"])
            .severity(Severity::Warning)
            .remedy(Remedy {
                text: "sign in again, or forget the login: tools send it, and fail, also for images that are public",
                stack: "",
                plain: "mops auth login {host}",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_REFUSED",
        title: "Refused, with nothing to compare",
        meaning: "The registry refused, which may be for a wrong password, a missing right or a missing image. A status alone does not tell.",
        signal: "401 or 403, or 402 or 451 at a registry whose reasons are not known, and no other answer to compare with",
        near_miss: "with another credential's answer beside it a sharper cause comes out",
        remedy: Remedy {
            text: "compare with another credential, from another place",
            stack: "",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[
            medium(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).with(&[variant::LOCAL]).http(&[401, 403])],
                "`{target}` answers {status} {code} to the login of this machine; workers have their own",
            )
            .severity(Severity::Warning)
            .remedy(Remedy {
                text: "sign in here again, if you pull from here",
                stack: "",
                plain: "mops auth login {host}",
            }),
            medium(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).with(NOT_LOCAL).http(&[401, 402, 403, 451])],
                "{place}: `{target}` answers {status} {code} to the {source}, and there was nothing to compare with: {detail}",
            ),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::REFUSED, reason::DENIED])],
                "{place}: the registry refused the node's request for `{target}`: {detail}",
            )
            .remedy(Remedy {
                text: "compare with another credential, from another place",
                stack: "",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
];

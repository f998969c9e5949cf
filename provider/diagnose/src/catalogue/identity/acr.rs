//! Credentials of an Azure registry: admin user and tokens, compared with what ARM says.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::{P, W};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, medium, passed, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACR_ADMIN_DISABLED",
        title: "The registry's admin user is switched off",
        meaning: "The pods sign in as the admin user, whom somebody has switched off.",
        signal: "refused with 401, the user is the registry's, and ARM says that it is off",
        near_miss: "the user of a token gives ACR_TOKEN_EXPIRED or ACR_TOKEN_DISABLED",
        repair: Repair::Stack,
        remedy: Remedy { text: "switch it on, or use another credential", stack: "mops infra up {file} -c workspace", plain: "az acr update -n {registry_name} --admin-enabled true" },
        rules: &[
            certain(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), failed(&[check::ARM_CREDENTIALS]).code(&[code::ADMIN_DISABLED]).near(Near::Target), skipped(&[check::PASSWORD]).code(&[code::ADMIN_USER]).near(Near::Credential)], "{place}: the {source} holds the registry's admin user, which is switched off").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
            medium(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), failed(&[check::ARM_CREDENTIALS]).code(&[code::ADMIN_DISABLED]).near(Near::Target)], "{place}: `{target}` refuses the credential of the {source}; the registry's admin user is switched off").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]).remedy(Remedy { text: "switch it on if this is the admin user's password", stack: "mops infra up {file} -c workspace", plain: "az acr update -n {registry_name} --admin-enabled true" }),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_PASSWORD_ROTATED",
        title: "The pods have an old password",
        meaning: "The registry's password was renewed, and the secret still holds the one before.",
        signal: "the pod's password is refused, and the one that ARM lists is accepted",
        near_miss: "a password that equals the second one is current, and right",
        repair: Repair::Restart,
        remedy: Remedy { text: "write the registry's current password into the secret, then let the pods be made again", stack: "mops infra up {file} -c workspace", plain: "az acr credential show -n {registry_name} --query username" },
        rules: &[
            certain(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), passed(&[probe::REGISTRY_V2]).from(W).with(&[variant::ARM]).near(Near::Target), failed(&[check::PASSWORD]).code(&[code::DIFFERS]).near(Near::Credential)], "{place}: the registry password in the {source} is not a current one; `{target}` accepts the one that ARM lists").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
            high(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), passed(&[probe::REGISTRY_V2]).from(W).with(&[variant::ARM]).near(Near::Target)], "{place}: `{target}` refuses the credential of the {source} and accepts the one that ARM lists").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_LOGIN_DENIED",
        title: "Refused, and ARM may not be asked",
        meaning: "The registry refuses the login. Whether the admin user is off, the password renewed or a token ended cannot be seen without the right to read the registry.",
        signal: "refused with 401, and ARM does not show the credentials",
        near_miss: "with ARM's answer one of the three comes out",
        remedy: Remedy { text: "grant read on the registry for a sharper answer, or check by hand", stack: "mops infra up {file} -c workspace", plain: "az acr credential show -n {registry_name} --query username" },
        rules: &[
            medium(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), skipped(&[check::ARM_CREDENTIALS]).code(&[code::FORBIDDEN]).near(Near::Target)], "{place}: `{target}` refuses the credential of the {source}: admin user off, password renewed, or token expired").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_TOKEN_EXPIRED",
        title: "The registry token has ended",
        meaning: "The password of the token with which pods sign in ran out.",
        signal: "refused, and the token's end by ARM has passed",
        near_miss: "a token that ends in some days gives EXPIRES_SOON; one that is switched off gives ACR_TOKEN_DISABLED",
        repair: Repair::Restart,
        remedy: Remedy { text: "give the token another password, which is handed out and proven before the old one is cleared", stack: "mops auth rotate acr {file}", plain: "az acr token list -r {registry_name} -o table" },
        rules: &[
            certain(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), failed(&[check::ARM_TOKEN]).code(&[seen::EXPIRED]).near(Near::Target), passed(&[check::PASSWORD]).near(Near::Credential)], "{place}: the password of the registry's token in the {source} has run out").over(&["ACR_ADMIN_DISABLED", "REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_TOKEN_DISABLED",
        title: "The registry token is switched off",
        meaning: "The token with which pods sign in exists, and somebody has disabled it.",
        signal: "refused, and the token's status by ARM is disabled",
        near_miss: "a token that has ended gives ACR_TOKEN_EXPIRED",
        repair: Repair::Stack,
        remedy: Remedy { text: "switch it on again, in the portal or with `az acr token update`", stack: "", plain: "az acr token list -r {registry_name} -o table" },
        rules: &[
            certain(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), failed(&[check::ARM_TOKEN]).code(&[code::DISABLED]).near(Near::Target), passed(&[check::PASSWORD]).near(Near::Credential)], "{place}: the registry's token in the {source} is switched off").over(&["ACR_ADMIN_DISABLED", "REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_TOKEN_SCOPE",
        title: "The token may not read this repository",
        meaning: "The login is good. The scope map of the token does not list the repository.",
        signal: "the login is accepted, the pull is not, and the scope map lacks the repository",
        near_miss: "a repository that does not exist gives REPOSITORY_NOT_FOUND",
        repair: Repair::Stack,
        remedy: Remedy { text: "widen the scope map", stack: "mops infra up {file} -c registry --refresh", plain: "az acr scope-map list -r {registry_name} -o table" },
        rules: &[
            certain(&[failed(&[probe::REGISTRY_PULL]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401, 403]), failed(&[check::SCOPE_MAP]).code(&[code::NOT_LISTED]).near(Near::Target), passed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).near(Near::Credential)], "{place}: the registry's token may sign in, but its scope map does not let `{target}` be pulled").over(&["REGISTRY_REFUSED", "ARTIFACT_PERMISSION"]),
        ],
        ..CAUSE
    },
];

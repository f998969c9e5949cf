//! Whether anybody has a login for the registry, and in which form.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NOT_LOGGED_IN",
        title: "Nobody has a login for this registry",
        meaning: "The registry wants a login for this image, and none was found: not in the worker's variables, not in its \
                  pull secrets, not in the docker config of this machine.",
        signal: "the image is refused to a request without a login, and no source has one for the host",
        near_miss: "an image that is given to everybody needs no login, and passes as public",
        repair: Repair::Human,
        remedy: Remedy {
            text: "sign in at the registry, then let the stack hand the login to the workers",
            stack: "",
            plain: "mops auth login {host}",
        },
        rules: &[certain(
            &[
                failed(&[check::LOGIN]).code(&[code::NONE]),
                failed(&[probe::REGISTRY_PULL, probe::REGISTRY_TOKEN])
                    .with(&[variant::ANON])
                    .http(&[401, 403])
                    .near(Near::Host),
            ],
            "`{target}` wants a login, and neither variables nor pull secrets nor this machine have one for it",
        )
        .over(&["REGISTRY_REFUSED", "KUBELET_NO_CREDENTIALS"])],
        ..CAUSE
    },
    Cause {
        id: "DOCKER_IDENTITYTOKEN_UNSUPPORTED",
        title: "An identity token is used as a password",
        meaning: "The docker config keeps an identity token for this host, which has to be traded for an access token. The \
                  client sent it as if it were user and password, and the registry refused that.",
        signal: "the entry holds an identity token and no password, and the registry refuses what is made of it",
        near_miss: "the user of zeros with a token as its password is taken here; in a secret of the cluster it gives \
                    SECRET_SHORT_LIVED",
        repair: Repair::Apply,
        sources: &["oras-project/oras#1876"],
        remedy: Remedy {
            text: "sign in again with user and password, or with a client that trades identity tokens",
            stack: "",
            plain: "mops auth login {host}",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::REGISTRY_V2, probe::REGISTRY_TOKEN]).with(&[variant::PULL_SECRET]).http(&[401]),
                    passed(&[check::PULL_SECRET, probe::PULL_SECRET])
                        .code(&[seen::IDENTITY_TOKEN])
                        .near(Near::Credential),
                ],
                "{place}: the {source} for `{target}` is an identity token, which kubelets do not trade: they send its user \
                 without a password, and that was refused",
            )
            .over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED"]),
            high(
                &[
                    failed(&[probe::REGISTRY_V2, probe::REGISTRY_TOKEN]).with(&[variant::LOCAL]).http(&[401]),
                    passed(&[check::DOCKER_CONFIG]).code(&[seen::IDENTITY_TOKEN]).near(Near::Credential),
                ],
                "{place}: the {source} for `{target}` is an identity token and no password; the registry refused it",
            )
            .over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "CREDSTORE_TRUNCATED",
        title: "The credential store cut the token off",
        meaning: "Some stores of an operating system keep a few thousand characters only. A longer token comes back without its \
                  end, and no registry takes it.",
        signal: "what the store gives ends at its limit or cannot be parsed, and the registry refuses it",
        near_miss: "a short token that comes back whole and is refused is a matter of the key, such as KEY_MALFORMED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["Azure/azure-cli#4843"],
        remedy: Remedy {
            text: "take the host out of `credHelpers` and `credsStore`, so that the login is kept in the docker config itself",
            stack: "",
            plain: "",
        },
        rules: &[medium(
            &[
                failed(&[probe::REGISTRY_V2, probe::REGISTRY_TOKEN]).with(&[variant::LOCAL]).http(&[401]),
                failed(&[check::CREDENTIAL_PROGRAM]).code(&[code::TRUNCATED]).near(Near::Credential),
            ],
            "`{target}` refuses the login of this machine, and its credential store returns a cut token: {last}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "CREDSTORE_FAILED",
        title: "The credential program does not work",
        meaning: "The docker config leaves logins to a program of this machine. It is not installed, ends with an error or does \
                  not answer, so clients act as if there were no login.",
        signal: "the program that the config names is absent, fails, or takes longer than ten seconds",
        near_miss: "a program that answers that it has no login for the host works, and gives NOT_LOGGED_IN",
        repair: Repair::Human,
        remedy: Remedy {
            text: "install the program, or take it out of `credsStore` and `credHelpers` of the docker config",
            stack: "",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[check::CREDENTIAL_PROGRAM]).code(&[code::NOT_INSTALLED, code::PROGRAM_FAILED, seen::TIMEOUT])],
            "the docker config leaves its logins to `{target}`, which does not work: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "EXPIRES_SOON",
        title: "Something ends in a few days",
        meaning: "Everything works today. This credential, SAS or certificate ends within the time in which it should be \
                  renewed.",
        signal: "its end was read, is ahead, and lies within the renewal window",
        near_miss: "an end beyond the window passes",
        severity: Severity::Warning,
        repair: Repair::Stack,
        remedy: Remedy {
            text: "renew it before it ends; the next run of the stack hands the new one out",
            stack: "mops infra up {file} -c registry,storage,workspace",
            plain: "",
        },
        rules: &[certain(
            &[passed(&[
                check::ARM_TOKEN,
                check::DIRECTORY,
                check::LIFETIME,
                probe::STORAGE_SAS,
                probe::NET_TLS,
                probe::REGISTRY_V2,
            ])
            .code(&[seen::EXPIRES_SOON])],
            "`{target}` ends soon: {detail}",
        )],
        ..CAUSE
    },
];

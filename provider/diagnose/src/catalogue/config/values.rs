//! Where a secret should not stand, and what it should not be.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACCOUNT_KEY_EXPOSED",
        title: "A pod holds the key of the whole account",
        meaning: "With the account key everything in the storage account can be read, changed and deleted, and it has no end.",
        signal: "`AccountKey=` stands in a connection string of the worker",
        near_miss: "a connection string with `SharedAccessSignature=` is what a worker should have",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "give the worker a SAS, then make the account's keys anew: `mops auth rotate storage` does it with the one \
                   that signs, without a read that fails",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_SAS]).from(P).code(&[seen::ACCOUNT_KEY])],
            "pool {pool}: the worker's connection string holds the account key, not a SAS",
        )],
        ..CAUSE
    },
    Cause {
        id: "SECRET_SHORT_LIVED",
        title: "A secret holds a password of a few hours",
        meaning: "Some logins hand out a token that ends within hours. In a secret it works today and fails tonight, because \
                  nothing renews it.",
        signal: "the password is a token with an end of its own, or the user is one that goes with such tokens; certain when \
                 the end has passed",
        near_miss: "a secret that a controller owns and renews is right",
        repair: Repair::Stack,
        sources: &["MicrosoftDocs/azure-management-docs#29"],
        remedy: Remedy {
            text: "use a token of the registry, a service principal or the node's identity instead",
            stack: "mops infra up {file} -c workspace",
            plain: "az acr token list -r {registry_name} -o table",
        },
        rules: &[
            certain(
                &[failed(&[check::LIFETIME]).code(&[seen::EXPIRED])],
                "secret `{target}` holds a password that has ended: {detail}",
            )
            .over(&[
                "KUBELET_BAD_CREDENTIALS",
                "REGISTRY_CREDENTIAL_REFUSED",
                "REGISTRY_REFUSED",
                "ACR_LOGIN_DENIED",
                "ACR_PASSWORD_ROTATED",
            ]),
            high(
                &[passed(&[check::LIFETIME]).code(&[code::SHORT_LIVED])],
                "secret `{target}` holds a password that lives for hours only: {detail}",
            )
            .severity(Severity::Warning),
        ],
        ..CAUSE
    },
    Cause {
        id: "SECRET_IN_URL",
        title: "A password stands in an address",
        meaning: "Addresses are printed in logs, errors and reports, and a password or token in one goes with them.",
        signal: "a variable holds an address with user information or a token in it",
        near_miss: "an address with a SAS in a secret's key of its own is right",
        repair: Repair::Stack,
        severity: Severity::Warning,
        remedy: Remedy {
            text: "give the password a variable of its own, from a secret, and leave the address bare",
            stack: "",
            plain: "kubectl -n {namespace} get deployments -o yaml",
        },
        rules: &[certain(
            &[passed(&[check::KEY_FORM]).code(&[code::IN_URL])],
            "variable `{target}` holds an address with a secret in it: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "SECRET_IN_ANNOTATION",
        title: "A secret is repeated in its annotation",
        meaning: "`kubectl apply` keeps a copy of what it applied beside the object. For a secret that copy shows the data to \
                  everybody who may see annotations.",
        signal: "the annotation of the last applied configuration holds the secret's data",
        near_miss: "the same annotation without data passes",
        repair: Repair::Apply,
        severity: Severity::Warning,
        sources: &["pulumi/pulumi-kubernetes#1118"],
        remedy: Remedy {
            text: "drop the annotation, and apply the secret on the side of the server from now on",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} annotate secret {name} kubectl.kubernetes.io/last-applied-configuration-",
        },
        rules: &[certain(
            &[passed(&[check::ANNOTATION]).code(&[code::HOLDS_DATA])],
            "an annotation of secret `{target}` repeats its data",
        )],
        ..CAUSE
    },
];

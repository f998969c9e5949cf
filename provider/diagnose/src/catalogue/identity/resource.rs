//! The Azure registry itself, as ARM shows it.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACR_NAME_UNKNOWN",
        title: "The subscription has no such registry",
        meaning: "Azure knows no registry of this name in the subscription that was asked. The name has a slip in it, or the \
                  registry belongs to another subscription.",
        signal: "ARM lists the registries of the subscription, and none has this name",
        near_miss: "a registry that is found in another resource group passes",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "correct the name, or choose the subscription that has the registry",
            stack: "",
            plain: "az acr list --query \"[].loginServer\" -o tsv",
        },
        rules: &[certain(
            &[failed(&[check::ARM_REGISTRY]).code(&[code::NOT_FOUND])],
            "the subscription has no registry `{target}`: {detail}",
        )
        .over(&["DNS_NXDOMAIN", "DNS_FAILURE", "ACR_LOGIN_DENIED", "REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "ACR_CMK",
        title: "The registry cannot read its own key",
        meaning: "The registry encrypts with a key that you keep yourself. That key, or the identity that reads it, is gone, so \
                  the registry can serve nothing.",
        signal: "the key or the identity that ARM names for the registry's encryption does not exist",
        near_miss: "a registry with the platform's key is not checked",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "restore the key or the identity that is named; a deleted key can be recovered for some days",
            stack: "",
            plain: "az acr encryption show -n {registry_name}",
        },
        rules: &[certain(
            &[failed(&[check::ARM_ENCRYPTION]).code(&[code::NOT_FOUND])],
            "the key with which `{target}` encrypts cannot be read: {detail}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "ACR_REGION_MISMATCH",
        title: "The registry is in another region",
        meaning: "Pulls work, and each image travels from one region to another: slower, paid for, and lost when that region \
                  is.",
        signal: "neither the registry nor one of its replicas is in the cluster's region",
        near_miss: "a registry behind a private endpoint is not checked",
        severity: Severity::Warning,
        repair: Repair::Stack,
        remedy: Remedy {
            text: "add a replica in the cluster's region",
            stack: "",
            plain: "az acr replication list -r {registry_name} -o table",
        },
        rules: &[certain(
            &[passed(&[check::ARM_REGION]).code(&[code::DIFFERS])],
            "`{target}` has no copy in the cluster's region: {detail}",
        )],
        ..CAUSE
    },
];

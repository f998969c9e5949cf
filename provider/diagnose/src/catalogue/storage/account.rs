//! The account's network, its containers and what lies in them.

use mops_probe::observation::check as probe;

use super::renew;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Near, Remedy, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "STORAGE_FIREWALL",
        title: "The storage keeps this network out",
        meaning: "The same SAS reads the container from one place and is refused at another. The account answers some \
                  networks only.",
        signal: "403 AuthorizationFailure with a whole SAS, which reads the same container from another pool or place",
        near_miss: "a refusal at every place is none of the network: the code says what, such as SAS_SCOPE",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "allow the subnet or address of this place in the account's network rules, or give it a private endpoint",
            stack: "mops infra up {file} -c storage",
            plain: "az storage account list --query \"[].{name:name,network:networkRuleSet.defaultAction}\"",
        },
        rules: &[high(
            &[
                failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationFailure"]),
                passed(&[probe::STORAGE_READ]).near(Near::Target),
                passed(&[probe::STORAGE_SAS]).near(Near::Target),
            ],
            "{place}: the storage of `{target}` refuses this place, and the same SAS reads from another one",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "CONTAINER_NOT_FOUND",
        title: "The container does not exist",
        meaning: "The account answers, accepts the SAS, and has no container of this name.",
        signal: "404 with the code ContainerNotFound",
        near_miss: "a container that is there without the file gives BUNDLE_BLOB_MISSING",
        repair: Repair::Apply,
        remedy: Remedy { stack: "mops infra up {file} -c storage", ..renew("create it") },
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ, probe::STORAGE_BLOB]).http(&[404]).code(&["ContainerNotFound"])],
            "{place}: the container `{target}` does not exist",
        )],
        ..CAUSE
    },
    Cause {
        id: "BUNDLE_BLOB_MISSING",
        title: "The container is there, the file is not",
        meaning: "The worker may read the container. The file that it was told to fetch was never pushed there, or was \
                  deleted.",
        signal: "listing works, and the file answers 404",
        near_miss: "an empty container alone is no fault: nothing was asked for in it",
        repair: Repair::Human,
        remedy: Remedy { text: "push the bundle, then start the job again", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::STORAGE_BLOB]).http(&[404]), passed(&[probe::STORAGE_READ])],
            "{place}: the container can be read and has no `{target}`",
        )],
        ..CAUSE
    },
];

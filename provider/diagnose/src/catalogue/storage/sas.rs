//! Shared access signatures: text, time, rights, place.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause};
use crate::rule::{Remedy, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SAS_MALFORMED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a new SAS",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_SAS]).code(&[seen::MALFORMED])],
            "{place}: the SAS lacks what every SAS must have: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_EXPIRED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a new SAS",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[
            certain(
                &[failed(&[probe::STORAGE_SAS]).code(&[seen::EXPIRED]), failed(&[probe::STORAGE_READ]).http(&[403])],
                "{place}: the SAS has expired: {detail}",
            )
            .over(&["SAS_SIGNATURE"]),
            high(&[failed(&[probe::STORAGE_SAS]).code(&[seen::EXPIRED])], "{place}: the SAS has expired: {detail}")
                .over(&["SAS_SIGNATURE"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "SAS_NOT_YET_VALID",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a new SAS, and check the clock of the machine that makes it",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_SAS]).code(&[seen::NOT_YET_VALID]), failed(&[probe::STORAGE_READ]).http(&[403])],
            "{place}: the SAS is not valid yet: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_PERMISSION",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a SAS with read and list",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationPermissionMismatch"])],
            "{place}: the SAS does not allow to list `{target}`: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_SCOPE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a SAS for the container",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ])
                .http(&[403])
                .code(&["AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch"])],
            "{place}: the SAS is for another kind of resource than container `{target}`",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_IP",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "widen the range of addresses",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationSourceIPMismatch"])],
            "{place}: the SAS does not allow this address",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_PROTOCOL",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "use https",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationProtocolMismatch"])],
            "{place}: the SAS does not allow this protocol",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_SIGNATURE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a new SAS; if that is refused too, check the account's network rules",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[medium(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthenticationFailed", "AuthorizationFailure"])],
            "{place}: the storage refuses the SAS ({code}): signed with an old key, altered, or blocked by a firewall",
        )],
        ..CAUSE
    },
    Cause {
        id: "SAS_TOO_BROAD",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "make a SAS with read and list only",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[
            certain(
                &[failed(&[probe::STORAGE_WRITE_REFUSED]).code(&[seen::WRITE_ACCEPTED])],
                "{place}: a worker can write to `{target}`, and should only read: {detail}",
            ),
            certain(
                &[passed(&[probe::STORAGE_SAS]).code(&[seen::TOO_BROAD])],
                "{place}: the SAS gives more than read and list: {detail}",
            ), /* SEVERITY Warning */
        ],
        ..CAUSE
    },
];

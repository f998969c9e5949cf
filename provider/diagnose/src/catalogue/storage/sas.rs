//! Shared access signatures: text, time, rights, place.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Remedy, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SAS_MALFORMED",
        title: "A SAS that lacks a part",
        meaning: "The signature's text is incomplete or was cut, so no service can accept it.",
        signal: "a field that every SAS needs is absent from the text",
        near_miss: "the order of the fields does not matter",
        repair: Repair::Restart,
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
        title: "The SAS has ended",
        meaning: "The access that the worker got had an end, and it has passed.",
        signal: "refused, and the end in the SAS is before the server's clock",
        near_miss: "a beginning after the server's clock gives SAS_NOT_YET_VALID",
        repair: Repair::Restart,
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
        title: "The SAS has not begun",
        meaning: "The access begins later than now, by the server's clock.",
        signal: "refused, and the beginning in the SAS is after the server's clock",
        near_miss: "one that is accepted although it begins about now is right",
        repair: Repair::Restart,
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
        title: "The SAS lacks a right",
        meaning: "The SAS is good, and does not allow what was tried.",
        signal: "the service says that the permission does not match",
        near_miss: "a write that a SAS for reading is refused is as it should be",
        repair: Repair::Restart,
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
        title: "A SAS for something else",
        meaning: "The SAS was made for another service, container or kind of object.",
        signal: "the service says that resource type or service does not match",
        near_miss: "a container that does not exist gives CONTAINER_NOT_FOUND",
        repair: Repair::Restart,
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
        title: "A SAS for other addresses",
        meaning: "The SAS allows a range of addresses, and this place is outside.",
        signal: "the service says that the source address does not match",
        near_miss: "a firewall of the account refuses in other words",
        repair: Repair::Stack,
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
        title: "A SAS for another protocol",
        meaning: "The SAS allows https only, and http was used.",
        signal: "the service says that the protocol does not match",
        near_miss: "an https request that is refused has another cause",
        repair: Repair::Stack,
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
        title: "A SAS whose signature does not hold",
        meaning: "The text is whole and inside its time, and the service does not accept the signature: the key behind it was renewed, or the text was changed.",
        signal: "refused as not authentic, inside the time of the SAS",
        near_miss: "one that is refused in one pod only was copied wrongly there",
        repair: Repair::Restart,
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
        title: "A SAS that allows more than it should",
        meaning: "The worker needs to read and list. What it has allows more, which helps whoever finds it.",
        signal: "rights beyond reading and listing, no https, or an end far away",
        near_miss: "one that reads and lists within its time is right",
        repair: Repair::Stack,
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

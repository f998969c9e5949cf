//! A SAS that is good, for something else than what is asked. The service names the reason in its code.

use mops_probe::observation::check as probe;

use super::renew;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Near, certain, failed, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SAS_PERMISSION",
        title: "The SAS lacks a right",
        meaning: "The SAS is good, and its list of rights has not got the letter for what the worker does: `r` to read, `l` \
                  to list.",
        signal: "403 with the code AuthorizationPermissionMismatch; the letter is in the message",
        near_miss: "a write that a SAS for reading does not get is wanted, and gives nothing",
        repair: Repair::Restart,
        remedy: renew("make a SAS with read and list"),
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ, probe::STORAGE_BLOB])
                .http(&[403])
                .code(&["AuthorizationPermissionMismatch"])],
            "{place}: the SAS lacks a right for `{target}`: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_SCOPE",
        title: "A SAS for something else",
        meaning: "The SAS was made for another service, another container or another kind of object than the worker asks \
                  for.",
        signal: "403 with the code AuthorizationResourceTypeMismatch or AuthorizationServiceMismatch, or 403 for a SAS that \
                 lists another container of the stack",
        near_miss: "a container that does not exist answers 404 and gives CONTAINER_NOT_FOUND",
        repair: Repair::Restart,
        remedy: renew("make a SAS for the container that the worker reads"),
        rules: &[
            certain(
                &[failed(&[probe::STORAGE_READ, probe::STORAGE_BLOB])
                    .http(&[403])
                    .code(&["AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch"])],
                "{place}: the SAS is for another kind of resource than container `{target}`",
            )
            .over(&["SAS_SIGNATURE"]),
            certain(
                &[
                    failed(&[probe::STORAGE_READ]).http(&[403]),
                    passed(&[probe::STORAGE_OTHER]).near(Near::PoolAndTarget),
                ],
                "{place}: the SAS is refused for container `{target}`, and opens another one: {last}",
            )
            .over(&["SAS_SIGNATURE"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "SAS_IP",
        title: "A SAS for other addresses",
        meaning: "The SAS names the addresses from which it may be used, and this place has another one.",
        signal: "403 with the code AuthorizationSourceIPMismatch",
        near_miss: "the account's own firewall says AuthorizationFailure and gives STORAGE_FIREWALL",
        repair: Repair::Stack,
        remedy: renew("widen the range of addresses in the SAS"),
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationSourceIPMismatch"])],
            "{place}: the SAS does not allow this address: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_PROTOCOL",
        title: "A SAS for another protocol",
        meaning: "The SAS is for https only, and the worker's connection string says http.",
        signal: "403 with the code AuthorizationProtocolMismatch",
        near_miss: "a refusal over https has another cause; a right that is missing gives SAS_PERMISSION",
        repair: Repair::Stack,
        remedy: renew("write the blob address with https"),
        rules: &[certain(
            &[failed(&[probe::STORAGE_READ]).http(&[403]).code(&["AuthorizationProtocolMismatch"])],
            "{place}: the SAS does not allow this protocol",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
];

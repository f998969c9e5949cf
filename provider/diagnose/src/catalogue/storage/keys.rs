//! What stands behind a signature: the account's keys, a stored policy, and whether keys may sign at all.

use mops_probe::observation::check as probe;

use super::renew;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, medium};

/// How the service refuses a signature without saying more.
const REFUSED: &[&str] = &["AuthenticationFailed", "AuthorizationFailure"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SAS_SIGNATURE",
        title: "A SAS whose signature does not hold",
        meaning: "The text is whole and within its time, and the service does not accept the signature. The key that signed \
                  it was renewed since, or the text was altered on its way.",
        signal: "403 as not authentic, inside the time of the SAS; likely where ARM shows a key that is younger than the \
                 SAS, possible without ARM",
        near_miss: "a copy that is refused in a running worker only, while a new one reads, gives ENV_STALE",
        repair: Repair::Restart,
        remedy: renew("make a new SAS; if that is refused too, check the account's network rules"),
        rules: &[
            high(
                &[
                    failed(&[probe::STORAGE_READ]).http(&[403]).code(REFUSED),
                    failed(&[check::ARM_STORAGE_KEYS]).code(&[code::KEY_RENEWED]).near(Near::Target),
                ],
                "{place}: the storage refuses the SAS ({code}), and a key of the account was renewed after the SAS was \
                 made: {last}",
            ),
            medium(
                &[failed(&[probe::STORAGE_READ]).http(&[403]).code(REFUSED)],
                "{place}: the storage refuses the SAS ({code}): signed with an old key, altered, or blocked by a firewall",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "SAS_REVOKED",
        title: "The policy behind the SAS is gone",
        meaning: "This SAS takes its rights and its end from a policy that is stored at the container. The policy was \
                  removed, which is how such a SAS is revoked.",
        signal: "403, the SAS names a policy by `si`, and the container's list of policies has not got it",
        near_miss: "with the policy in the list the signature itself is refused, which gives SAS_SIGNATURE",
        repair: Repair::Restart,
        remedy: renew("make a new SAS; write the policy back only if nobody meant to revoke it"),
        rules: &[high(
            &[
                failed(&[probe::STORAGE_READ]).http(&[403]),
                failed(&[check::STORAGE_POLICY]).code(&[code::NOT_FOUND]).near(Near::Target),
            ],
            "{place}: the SAS for `{target}` relies on a policy that the container no longer has: {last}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "STORAGE_SHARED_KEY_DISABLED",
        title: "The account takes nothing signed by keys",
        meaning: "Somebody, or a policy of the organisation, switched off the account's keys. A SAS that such a key signed \
                  is refused with them, however good it is.",
        signal: "403 with the code KeyBasedAuthenticationNotPermitted, or a 403 for a SAS signed by a key while ARM says \
                 that keys are switched off",
        near_miss: "where ARM says that keys may sign, the refusal gives SAS_SIGNATURE or a sharper cause",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "use a SAS that a user delegation key signs, or allow keys for this account",
            stack: "mops infra up {file} -c storage,workspace",
            plain: "az storage account list --query \"[].{name:name,keys:allowSharedKeyAccess}\"",
        },
        rules: &[
            certain(
                &[failed(&[probe::STORAGE_READ, probe::STORAGE_BLOB])
                    .http(&[403])
                    .code(&["KeyBasedAuthenticationNotPermitted"])],
                "{place}: the account of `{target}` takes nothing that its keys sign",
            )
            .over(&["SAS_SIGNATURE"]),
            certain(
                &[
                    failed(&[probe::STORAGE_READ]).http(&[403]).code(REFUSED),
                    failed(&[check::ARM_STORAGE_KEYS]).code(&[code::DISABLED]).near(Near::Target),
                ],
                "{place}: the storage refuses the SAS for `{target}`, and by ARM the account takes nothing that its keys \
                 sign",
            )
            .over(&["SAS_SIGNATURE"]),
        ],
        ..CAUSE
    },
];

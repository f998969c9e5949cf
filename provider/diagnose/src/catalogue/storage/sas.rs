//! What the text of a SAS says by itself: its form, its time, and how much it gives away.

use mops_probe::observation::{check as probe, code as seen};

use super::renew;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Severity, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SAS_MALFORMED",
        title: "A SAS that lacks a part",
        meaning: "A SAS is a line of fields, and some of them every SAS must have. One of those is not there: the text was \
                  cut, or copied without its end. No service can accept it.",
        signal: "version, signature, resource or end is absent from the text; a SAS with a stored policy (`si`) needs no \
                 rights and no end of its own",
        near_miss: "the same fields in another order are right and give nothing",
        repair: Repair::Restart,
        remedy: renew("make a new SAS"),
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
        meaning: "A SAS is good until a time that is written in it. By the clock of the service that time has passed.",
        signal: "refused with 403, and the end in the SAS lies before the server's own `Date`; without a refusal beside \
                 it the text alone makes it likely",
        near_miss: "a beginning after the server's `Date` gives SAS_NOT_YET_VALID",
        repair: Repair::Restart,
        remedy: renew("make a new SAS"),
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
        meaning: "The SAS is good from a time that is still to come, by the clock of the service. Mostly the machine that \
                  made it is some minutes ahead.",
        signal: "refused with 403, and the beginning in the SAS lies after the server's own `Date`",
        near_miss: "a beginning about now that the service accepts is right and gives nothing",
        repair: Repair::Restart,
        remedy: renew("make a new SAS, and check the clock of the machine that makes it"),
        rules: &[certain(
            &[failed(&[probe::STORAGE_SAS]).code(&[seen::NOT_YET_VALID]), failed(&[probe::STORAGE_READ]).http(&[403])],
            "{place}: the SAS is not valid yet: {detail}",
        )
        .over(&["SAS_SIGNATURE"])],
        ..CAUSE
    },
    Cause {
        id: "SAS_TOO_BROAD",
        title: "A SAS that allows more than it should",
        meaning: "Workers read and list. This SAS allows more than that, or plain http, or has its end a year away: whoever \
                  finds it has it all.",
        signal: "what the text gives beyond reading and listing, or a write that went through",
        near_miss: "a SAS that reads and lists by https within its time gives nothing",
        severity: Severity::Warning,
        repair: Repair::Stack,
        remedy: renew("make a SAS with read and list only"),
        rules: &[
            certain(
                &[failed(&[probe::STORAGE_WRITE_REFUSED]).code(&[seen::WRITE_ACCEPTED])],
                "{place}: a worker can write to `{target}`, and should only read: {detail}",
            ),
            certain(
                &[passed(&[probe::STORAGE_SAS]).code(&[seen::TOO_BROAD])],
                "{place}: the SAS gives more than read and list: {detail}",
            ),
        ],
        ..CAUSE
    },
];

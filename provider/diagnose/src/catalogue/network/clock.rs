//! Clocks.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "CLOCK_SKEW",
    title: "A clock is wrong",
    meaning: "The time at this place is minutes away from the one that the services tell. Certificates, tokens and signatures \
              that are good look expired there, or not yet valid.",
    signal: "the `Date` of at least two hosts differs from the local clock by more than five minutes, and they agree",
    near_miss: "one host that is off while another one is not has a wrong clock itself",
    repair: Repair::Human,
    remedy: Remedy {
        text: "let the machine take its time from the network again",
        stack: "",
        plain: "kubectl get nodes -o wide",
    },
    rules: &[certain(&[failed(&[probe::CLOCK]).code(&[seen::CLOCK_OFF])], "{place}: the clock is wrong: {detail}")
        .over(&["TLS_EXPIRED"])],
    ..CAUSE
}];

//! Answers that are not those of a registry, or come with a wait.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "RATE_LIMITED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "wait, then run again", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).http(&[429])],
            "{place}: `{target}` asks for a pause: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_UNAVAILABLE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "wait, read the service's status page, then run again", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).http(&[500, 502, 503, 504])],
            "{place}: `{target}` answers {status}: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "HTML_INSTEAD_OF_JSON",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "check the host name; something else stands in front", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::HTML])],
            "{place}: `{target}` answers with a web page: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NO_CHALLENGE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "check the host name: this is no registry", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::NO_CHALLENGE])],
            "{place}: `{target}` refuses without saying how to sign in",
        )],
        ..CAUSE
    },
    Cause {
        id: "CHALLENGE_UNUSABLE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "check the host name and proxies", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                .code(&[seen::CHALLENGE_UNUSABLE])],
            "{place}: `{target}` offers no sign-in that we know: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "REALM_UNTRUSTED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "if that host is right, declare the pair in the stack file", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::REALM_UNTRUSTED])],
            "{place}: `{target}` asks for the credential to be sent to another host; nothing was sent: {detail}",
        )],
        ..CAUSE
    },
];

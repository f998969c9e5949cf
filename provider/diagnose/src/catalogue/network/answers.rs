//! Answers that are not those of a registry, or come with a wait.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::check::KUBELET;
use crate::observed::services::check;
use crate::rule::{Remedy, certain, failed};

/// Whoever signs in; a refusal of these is about the login too.
const LOGINS: &[&str] =
    &[variant::ENV, variant::PULL_SECRET, variant::LOCAL, variant::ARM, variant::WI, variant::KUBELET, variant::USER];
/// Statuses with which a page comes that is not about a login.
const PAGES: &[u16] = &[200, 203, 301, 302, 307, 308, 400, 403, 404, 405, 407, 500, 502, 503, 504];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "RATE_LIMITED",
        title: "The service asks for a pause",
        meaning: "Too many requests came from this address or login. The service answers again after a while.",
        signal: "status 429 after the tries",
        near_miss: "a 403 that speaks of a quota is the service's own matter",
        remedy: Remedy { text: "wait, then run again", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).http(&[429])],
                "{place}: `{target}` asks for a pause: {detail}",
            ),
            certain(
                &[failed(&[check::HF_WHOAMI, check::WANDB_VIEWER, check::NOVITA_AUTHS, check::NOVITA_INSTANCE])
                    .http(&[429])],
                "{place}: `{target}` asks for a pause: {detail}",
            ),
            certain(
                &[failed(&[KUBELET]).from(K).code(&[reason::LIMITED])],
                "{place}: the registry asks the node for a pause before it gives `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_UNAVAILABLE",
        title: "The registry is out of order",
        meaning: "The registry answers with an error of its own, also after several tries.",
        signal: "a status of 500 to 504 after the tries",
        near_miss: "one such answer and then a good one passes",
        remedy: Remedy { text: "wait, read the service's status page, then run again", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).http(&[500, 502, 503, 504])],
                "{place}: `{target}` answers {status}: {detail}",
            ),
            certain(
                &[failed(&[KUBELET]).from(K).code(&[reason::UNAVAILABLE])],
                "{place}: the registry has an error of its own where the node asks for `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "HTML_INSTEAD_OF_JSON",
        title: "A web page where an answer was due",
        meaning: "Something else than the registry answers: a portal, a proxy or a wrong address. Programs then say \"Expecting value: line 1 column 1\".",
        signal: "the answer is of type HTML or begins like a page; a second finding says which address or name is wrong",
        near_miss: "JSON that cannot be parsed is UNCLASSIFIED",
        remedy: Remedy { text: "check the host name; something else stands in front", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(&[KUBELET]).from(K).code(&[reason::PAGE])],
                "{place}: the node was given a web page for `{target}`",
            ),
            certain(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).with(LOGINS).http(&[401]).code(&[seen::HTML])],
                "{place}: `{target}` answers a login with a web page: {detail}",
            ),
            certain(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .http(PAGES)
                    .code(&[seen::HTML])],
                "{place}: `{target}` answers with a web page: {detail}",
            )
            .over(&["REGISTRY_REFUSED"]),
            certain(
                &[failed(&[probe::REGISTRY_V2]).with(&[variant::ANON]).http(&[401]).code(&[seen::HTML])],
                "{place}: `{target}` refuses with a web page, and does not say how to sign in: {detail}",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "NO_CHALLENGE",
        title: "A refusal that does not say how to sign in",
        meaning: "A registry says which sign-in it wants. What answers here does not, so it is hardly one.",
        signal: "401 without `WWW-Authenticate`",
        near_miss: "200 to a request without a login is an open registry",
        repair: Repair::Human,
        remedy: Remedy { text: "check the host name: this is no registry", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::NO_CHALLENGE])],
            "{place}: `{target}` refuses without saying how to sign in",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "CHALLENGE_UNUSABLE",
        title: "A sign-in that no registry client knows",
        meaning: "The refusal offers a sign-in, and neither Basic nor Bearer.",
        signal: "the challenge names only other schemes",
        near_miss: "one that names both Basic and Bearer is right",
        repair: Repair::Human,
        remedy: Remedy { text: "check the host name and proxies", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                .code(&[seen::CHALLENGE_UNUSABLE])],
            "{place}: `{target}` offers no sign-in that we know: {detail}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "REALM_UNTRUSTED",
        title: "The registry sends its login elsewhere",
        meaning: "The registry asks for the login to be sent to a host that is not its own. Nothing was sent.",
        signal: "the realm of the challenge is on another host, or not https",
        near_miss: "the token hosts of Docker Hub and nvcr.io are known, and right",
        repair: Repair::Human,
        remedy: Remedy { text: "if that host is right, declare the pair in the stack file", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::REALM_UNTRUSTED])],
            "{place}: `{target}` asks for the credential to be sent to another host; nothing was sent: {detail}",
        )],
        ..CAUSE
    },
];

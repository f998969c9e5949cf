//! The token itself: whether there is one, whether the Hub takes it, and what it may do.

use mops_probe::observation::variant::{ANON, LOCAL};

use super::TOKEN_PAGE;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::variant::SAVED;
use crate::observed::services::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, passed, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "HF_NO_TOKEN",
        title: "No token for a model that wants one",
        meaning: "The Hub was asked without a token and refused. The model is for members only; a private model, or one \
                  that does not exist, looks the same from outside.",
        signal: "no token anywhere, and 401 for the model with the Hub's code for a gated or an absent one",
        near_miss: "a public model needs no token and gives nothing",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["data-prep-kit/data-prep-kit#1489"],
        page: TOKEN_PAGE,
        remedy: Remedy {
            text: "make a token that reads, set HF_TOKEN, and send it to where the job runs",
            stack: "mops tokens sync",
            plain: "",
        },
        rules: &[high(
            &[
                failed(&[check::HF_ACCESS]).with(&[ANON]).http(&[401]).code(&[code::GATED_REPO, code::REPO_NOT_FOUND]),
                skipped(&[check::HF_WHOAMI]),
            ],
            "{place}: the Hub wants a token for `{target}` and there is none; a private or missing model looks the same",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_TOKEN_INVALID",
        title: "Hugging Face does not know this token",
        meaning: "The token was revoked, has ended, or was copied in part. The Hub says so before any model comes into it.",
        signal: "401 when the Hub is asked whose token it is",
        near_miss: "429 for the same question only asks to wait and gives RATE_LIMITED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["huggingface/huggingface_hub#2809"],
        page: TOKEN_PAGE,
        remedy: Remedy {
            text: "make a new token, and replace the old one wherever it is",
            stack: "mops tokens sync",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::HF_WHOAMI]).http(&[401])],
            "{place}: `{target}` does not accept the token ({source}): {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_TOKEN_SHADOWED",
        title: "An old HF_TOKEN hides a good login",
        meaning: "A client reads HF_TOKEN first and the login that it has saved only after that. The variable holds a \
                  refused token; the saved one works and is never tried.",
        signal: "the Hub refuses the variable's token and accepts the saved one",
        near_miss: "with both refused there is nothing to fall back on: HF_TOKEN_INVALID for each",
        repair: Repair::Human,
        sources: &["huggingface/huggingface_hub#2586"],
        remedy: Remedy { text: "unset HF_TOKEN, or put the saved token into it", stack: "", plain: "" },
        rules: &[certain(
            &[
                failed(&[check::HF_WHOAMI]).with(&[LOCAL]).http(&[401]),
                passed(&[check::HF_WHOAMI]).with(&[SAVED]).near(Near::Target),
            ],
            "HF_TOKEN holds a token that `{target}` refuses, and hides a saved one that works",
        )
        .over(&["HF_TOKEN_INVALID"])],
        ..CAUSE
    },
    Cause {
        id: "HF_WRITE_SCOPE",
        title: "The token may write",
        meaning: "A job reads models. Whoever finds this token in its environment can also change and delete what its owner \
                  has.",
        signal: "the Hub gives the token's role as write",
        near_miss: "a token that reads gives nothing",
        severity: Severity::Warning,
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["Hugging Face Hub documentation, user access tokens"],
        page: TOKEN_PAGE,
        remedy: Remedy {
            text: "make a token that only reads, and use it for jobs",
            stack: "mops tokens sync",
            plain: "",
        },
        rules: &[high(
            &[passed(&[check::HF_ROLE]).code(&[code::WRITE])],
            "{place}: the token for `{target}` may write, and a job only reads",
        )],
    },
];

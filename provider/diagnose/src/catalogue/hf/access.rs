//! A good token and a model that it does not get. What the Hub shows of a model proves nothing: it shows gated ones to
//! everybody.

use mops_probe::observation::code as seen;

use super::{MODEL_PAGE, TOKEN_PAGE};
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Near, Need, Remedy, failed, high, passed};

/// The Hub knows whose token it is.
const KNOWN: Need = passed(&[check::HF_WHOAMI]).near(Near::Credential);
/// How a host fails that lets nothing through.
const BLOCKED: &[&str] = &[seen::NAME_NOT_RESOLVED, seen::CONNECTION_REFUSED, seen::CONNECTION_BROKEN, seen::TIMEOUT];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "HF_LICENSE_NOT_ACCEPTED",
        title: "The model's terms are not accepted",
        meaning: "The token is good. Its owner has not agreed to the terms of this model, which is done once, in the browser.",
        signal: "the token is known, and a file of the model is refused with 403 and the code for gated models, without a \
                 word of a request",
        near_miss: "a refusal that speaks of a request under review gives HF_PENDING; the page of the model opens for \
                    everybody and proves nothing",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["IBM/unitxt#837"],
        page: MODEL_PAGE,
        remedy: Remedy {
            text: "accept the terms on the model's page, as the owner of this token",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::HF_ACCESS]).http(&[403]).code(&[code::GATED_REPO]), KNOWN],
            "{place}: the token is good, and its owner has not accepted the terms of `{target}`",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_PENDING",
        title: "Access was asked for, nobody answered yet",
        meaning: "The authors of this model decide about each request. The one of this token's owner waits for them.",
        signal: "403 for a file, with the sentence that the request awaits a review",
        near_miss: "403 without such a sentence gives HF_LICENSE_NOT_ACCEPTED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["minwoosun/biomedica-etl#6"],
        page: "https://huggingface.co/settings/gated-repos",
        remedy: Remedy { text: "wait for the authors, or use another model until then", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::HF_ACCESS]).http(&[403]).code(&[code::AWAITING_REVIEW]), KNOWN],
            "{place}: the authors of `{target}` have not yet decided about the request for access",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_REJECTED",
        title: "The authors refused access",
        meaning: "The authors of this model read the request of this token's owner and said no. A second request is not \
                  offered.",
        signal: "403 for a file, with the sentence that the request was rejected",
        near_miss: "403 without such a sentence gives HF_LICENSE_NOT_ACCEPTED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["meta-llama/llama3#159"],
        page: MODEL_PAGE,
        remedy: Remedy { text: "write to the authors, or use another model", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::HF_ACCESS]).http(&[403]).code(&[code::REJECTED]), KNOWN],
            "{place}: the authors of `{target}` rejected the request for access",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_FINE_GRAINED_SCOPE",
        title: "The token may not read gated models",
        meaning: "This token was made with chosen rights, and the one for gated models is not among them. Accepting terms \
                  does not help until it is.",
        signal: "403 for a gated model, and the Hub lists the token's rights without the one for gated models",
        near_miss: "with that right in the list the terms are the matter: HF_LICENSE_NOT_ACCEPTED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["huggingface/huggingface_hub#2844"],
        page: TOKEN_PAGE,
        remedy: Remedy {
            text: "tick the right to read public gated repositories in the token's settings",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[
                failed(&[check::HF_ACCESS]).http(&[403]).code(&[code::GATED_REPO, seen::DENIED]),
                KNOWN,
                passed(&[check::HF_ROLE]).code(&[code::FINE_GRAINED_NOT_GATED]).near(Near::Credential),
            ],
            "{place}: the token has no right to gated models, and `{target}` is one",
        )
        .over(&["HF_LICENSE_NOT_ACCEPTED"])],
        ..CAUSE
    },
    Cause {
        id: "HF_REPO_NOT_FOUND",
        title: "No such model for this token",
        meaning: "The token is good and the Hub has no model of this name that its owner may see: a letter is wrong, the \
                  model moved, or it is private.",
        signal: "the token is known, and the model is answered with 401 or 404 and the code for an absent one",
        near_miss: "the code for gated models gives HF_LICENSE_NOT_ACCEPTED and its neighbours",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["huggingface_hub reference, RepositoryNotFoundError"],
        remedy: Remedy { text: "check the name, or ask the owner for access if it is private", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::HF_ACCESS]).http(&[401, 404]).code(&[code::REPO_NOT_FOUND]), KNOWN],
            "{place}: the Hub has no `{target}` that the owner of this token may see",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_REPO_DISABLED",
        title: "The model was switched off",
        meaning: "The Hub itself has closed this model to everybody. No token opens it.",
        signal: "the Hub says that access to this resource is disabled",
        near_miss: "the plain code for an absent model gives HF_REPO_NOT_FOUND",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["huggingface_hub reference, DisabledRepoError"],
        remedy: Remedy { text: "use another model", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::HF_ACCESS]).code(&[code::DISABLED])],
            "{place}: the Hub has switched `{target}` off: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "HF_CDN_BLOCKED",
        title: "The Hub answers, its file host does not",
        meaning: "The Hub gives names and rights and sends the client to another host for the files. A proxy or firewall \
                  lets the first through and not the second.",
        signal: "the Hub answers, and the host of the files does not from the same place",
        near_miss: "where the Hub is silent too the network is the matter, such as SERVICE_UNREACHABLE",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["huggingface/xet-core#407"],
        remedy: Remedy { text: "let {target}:443 through, as well as the Hub", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::HF_FILES]).code(BLOCKED), passed(&[check::HF_WHOAMI, check::HF_ACCESS])],
            "{place}: the Hub answers, and `{target}`, from which it gives files, does not: {detail}",
        )],
        ..CAUSE
    },
];

//! The second gate: the model's files, which the container fetches with the key of its environment.

use mops_probe::observation::{check as probe, code as seen, variant};

use super::{KEY_PAGE, KEYS};
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services;
use crate::rule::{Near, Remedy, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NGC_LEGAL_RESTRICTION",
        title: "NGC withholds this for legal reasons",
        meaning: "The vendor does not give this image or these files to this country or organisation. No key and no \
                  licence page changes that.",
        signal: "451 for the image, or for the files of the model",
        near_miss: "403 for them gives NGC_MODEL_SCOPE",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVIDIA-AI-Blueprints/video-search-and-summarization#1470"],
        remedy: Remedy {
            text: "take another image or model, or ask the vendor; the key is not the matter",
            stack: "",
            plain: "",
        },
        rules: &[
            high(
                &[failed(&[probe::NGC_MODEL]).http(&[451])],
                "{place}: NGC withholds the files of `{target}` for legal reasons (451)",
            )
            .over(&["NIM_LOADING"]),
            high(
                &[failed(&[probe::REGISTRY_PULL]).with(KEYS).http(&[451])],
                "{place}: NGC withholds the image `{target}` for legal reasons (451)",
            )
            .over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "NGC_MODEL_SCOPE",
        title: "The key gets the image, not the model",
        meaning: "The image was given. The files of the model stand behind a second gate, and this key may not pass there: \
                  its services lack the models, or the licence of the model is not accepted.",
        signal: "the image is given to the key, the model's files are answered with 403",
        near_miss: "401 in the log and no key in the environment gives ENV_MISSING; 451 gives NGC_LEGAL_RESTRICTION",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVIDIA-NeMo/Guardrails#1916"],
        page: KEY_PAGE,
        remedy: Remedy {
            text: "make a key that includes the models among its services, or accept the licence of the model",
            stack: "mops ngc check --namespace {namespace}",
            plain: "",
        },
        rules: &[medium(
            &[failed(&[probe::NGC_MODEL]).http(&[403]), passed(&[probe::REGISTRY_PULL]).with(KEYS)],
            "{place}: NGC gave the image, and refuses the files of the model `{target}` (403): {detail}",
        )
        .over(&["NIM_LOADING"])],
        ..CAUSE
    },
    Cause {
        id: "NGC_MODEL_KEY_REFUSED",
        title: "The model's key is refused, the image's is not",
        meaning: "Kubernetes keeps two copies of the key: one in the pull secret, for the image, and one in the environment, \
                  for the model. The first works and the second is refused.",
        signal: "the image is given to the key of the pull secret, the model's files are answered with 401 to the key of \
                 the environment",
        near_miss: "refused at both gates it is the key itself, NGC_KEY_INVALID_OR_EXPIRED; where both secrets were \
                    compared and differ, SECRETS_DISAGREE is reported too",
        repair: Repair::Restart,
        unconfirmed: true,
        sources: &["NVIDIA/NemoClaw#3333"],
        remedy: Remedy {
            text: "write the same key to both secrets",
            stack: "mops ngc fix -n {namespace} --apply",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::NGC_MODEL]).with(&[variant::ENV]).http(&[401]),
                    passed(&[probe::REGISTRY_PULL]).with(KEYS),
                ],
                "{place}: NGC gave the image, and refuses the key of the environment for the model `{target}` (401)",
            )
            .over(&["NGC_MODEL_KEY_REFUSED", "NIM_LOADING"]),
            medium(
                &[
                    failed(&[probe::LOG]).code(&[seen::UNAUTHORIZED]),
                    passed(&[services::check::NIM_LIVE]).near(Near::Target),
                    failed(&[services::check::NIM_READY]).near(Near::Target),
                ],
                "`{target}` lives, is not ready, and its log shows a refusal while it fetches the model: {detail}",
            )
            .over(&["NIM_LOADING"]),
        ],
        ..CAUSE
    },
];

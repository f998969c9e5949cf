//! What a model's server says of itself while it starts.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::check;
use crate::rule::{Near, Remedy, Severity, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NIM_LOADING",
        title: "The model is still loading",
        meaning: "The server is alive and not ready yet. The first start fetches the model and builds its engine, which may \
                  take more than ten minutes.",
        signal: "the live check answers, the ready check does not, and the log holds no refusal; possible where no log was \
                 read",
        near_miss: "a refusal in the log belongs to the second gate, such as NGC_MODEL_KEY_REFUSED",
        severity: Severity::Note,
        remedy: Remedy { text: "wait, then look again", stack: "", plain: "kubectl -n {namespace} get pods" },
        rules: &[
            certain(
                &[
                    failed(&[check::NIM_READY]),
                    passed(&[check::NIM_LIVE]).near(Near::Target),
                    passed(&[probe::LOG]).near(Near::Target),
                ],
                "`{target}` is alive and not ready yet, and its log shows no refusal: {detail}",
            ),
            medium(
                &[failed(&[check::NIM_READY]), passed(&[check::NIM_LIVE]).near(Near::Target)],
                "`{target}` is alive and not ready yet: {detail}",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "NIM_CACHE_DENIED",
        title: "The model's folder cannot be written",
        meaning: "The server may fetch the model and may not put it down: the volume for its files belongs to another user \
                  than the one as whom the container runs.",
        signal: "the log shows a denied write below the cache folder while the model is fetched",
        near_miss: "a 401 in the same log is a refusal of NGC, such as NGC_MODEL_KEY_REFUSED",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["NVIDIA/nim-deploy#109"],
        remedy: Remedy {
            text: "set `fsGroup` in the pod's security context to the container's group, or make the volume writable to it",
            stack: "",
            plain: "kubectl -n {namespace} get pods -o custom-columns=POD:.metadata.name,CONTEXT:.spec.securityContext",
        },
        rules: &[high(
            &[failed(&[probe::LOG]).code(&[seen::CACHE_DENIED])],
            "`{target}` may not write the model's files to its cache volume: {detail}",
        )
        .over(&["NIM_LOADING"])],
        ..CAUSE
    },
    Cause {
        id: "NIM_NEEDS_HF_TOKEN",
        title: "The image also fetches from Hugging Face",
        meaning: "Some images take a part of their files from Hugging Face, where these are given to members only. The key \
                  of NGC does not help there.",
        signal: "the log names a gated repository of Hugging Face",
        near_miss: "a refusal that names NGC belongs to the second gate, such as NGC_MODEL_KEY_REFUSED",
        repair: Repair::Restart,
        unconfirmed: true,
        sources: &["NVIDIA/nim-deploy#178"],
        page: "https://huggingface.co/settings/tokens",
        remedy: Remedy {
            text: "put HF_TOKEN into the pod's environment, of a person who has accepted the model's licence there",
            stack: "",
            plain: "kubectl -n {namespace} get secrets",
        },
        rules: &[medium(
            &[failed(&[probe::LOG]).code(&[seen::HF_GATED])],
            "`{target}` fetches files that Hugging Face gives to members only: {detail}",
        )
        .over(&["NIM_LOADING"])],
        ..CAUSE
    },
];

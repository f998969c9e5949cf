//! The key, and the client that reads it.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, failed, high, passed};

/// Where a person finds the key.
const KEY_PAGE: &str = "https://wandb.ai/authorize";

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "WANDB_KEY_INVALID",
        title: "Weights & Biases does not know this key",
        meaning: "The key was deleted, was copied in part, or belongs to another server than the one that was asked.",
        signal: "401 when the service is asked whose key it is, or a good answer that names no user",
        near_miss: "no answer at all is the network's matter, such as SERVICE_UNREACHABLE",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["wandb/wandb#2966"],
        page: KEY_PAGE,
        remedy: Remedy {
            text: "take the current key from the page, and replace the old one wherever it is",
            stack: "mops tokens sync",
            plain: "",
        },
        rules: &[
            high(
                &[failed(&[check::WANDB_VIEWER]).http(&[401])],
                "{place}: `{target}` does not accept the key: {detail}",
            ),
            high(
                &[failed(&[check::WANDB_VIEWER]).code(&[code::EMPTY_VIEWER])],
                "{place}: `{target}` answers, and names no user for the key",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "WANDB_SDK_TOO_OLD",
        title: "The job's client is too old for the key",
        meaning: "Keys had 40 characters for years, and new ones have 86. The client in the job is from before and throws \
                  the new key away without asking anybody.",
        signal: "a key of 86 characters, and a log that insists on 40",
        near_miss: "a key of 40 characters that is refused gives WANDB_KEY_INVALID",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["wandb/wandb#11614"],
        remedy: Remedy { text: "install a newer wandb in the job's image; the key is right", stack: "", plain: "" },
        rules: &[high(
            &[
                failed(&[probe::LOG]).code(&[seen::WANDB_KEY_LENGTH]),
                passed(&[check::WANDB_KEY]).code(&[code::LONG_KEY]),
            ],
            "the client of `{target}` is older than its key: {detail}",
        )],
        ..CAUSE
    },
];

//! Where a run is written to.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Near, Remedy, Severity, failed, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "WANDB_ENTITY",
        title: "The entity is not one of yours",
        meaning: "Runs are written to a person or a team. The one that WANDB_ENTITY names is neither the owner of the key \
                  nor one of the owner's teams.",
        signal: "the key is good, and the entity is not among the user and the teams that the service lists for it",
        near_miss: "a team of the user is right and gives nothing",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["JonasSchult/Mask3D#66"],
        remedy: Remedy { text: "correct WANDB_ENTITY, or leave it out to write to your own", stack: "", plain: "" },
        rules: &[medium(
            &[
                failed(&[check::WANDB_ENTITY]).code(&[code::NOT_FOUND]),
                passed(&[check::WANDB_VIEWER]).near(Near::Credential),
            ],
            "{place}: the key is good, and `{target}` is none of its entities: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "WANDB_PROJECT",
        title: "The project does not exist yet",
        meaning: "The first run makes the project. If it should exist already, its name has a letter wrong, and runs will \
                  land where nobody looks.",
        signal: "the key and the entity are good, and the entity has no project of this name",
        near_miss: "an entity that is not yours gives WANDB_ENTITY, and its projects are not looked up",
        severity: Severity::Warning,
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["POSTECH-CVLab/SCNeRF#1"],
        remedy: Remedy { text: "check WANDB_PROJECT, unless the project is meant to be new", stack: "", plain: "" },
        rules: &[medium(
            &[
                failed(&[check::WANDB_PROJECT]).code(&[code::NOT_FOUND]),
                passed(&[check::WANDB_VIEWER]).near(Near::Credential),
            ],
            "{place}: there is no project `{target}` yet; the first run makes it",
        )],
        ..CAUSE
    },
];

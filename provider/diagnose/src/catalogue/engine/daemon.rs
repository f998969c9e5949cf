//! The engine itself. What it repeats of a registry's refusal proves nothing: a probe of ours decides that.

use mops_probe::observation::code as seen;

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ENGINE_UNREACHABLE",
        title: "The container engine does not answer",
        meaning: "No engine listens at the socket, or you may not speak to it.",
        signal: "the socket is absent, refuses, or is not permitted",
        near_miss: "`denied` from a registry comes through an engine that answers, and gives the registry's cause, such as \
                    REGISTRY_REFUSED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "start the engine, or join the group of its socket, or set DOCKER_HOST",
            stack: "",
            plain: "docker version",
        },
        rules: &[certain(
            &[failed(&[check::ENGINE]).code(&[
                code::NOT_FOUND,
                code::PERMISSION_DENIED,
                seen::CONNECTION_REFUSED,
                seen::CONNECTION_BROKEN,
                seen::TIMEOUT,
            ])],
            "no container engine answers at `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "ENGINE_ERROR",
        title: "The engine reports an error of its own",
        meaning: "The engine answers and fails at the work for a reason that has nothing to do with logins. Its words are in \
                  the message.",
        signal: "500 without a word of authorisation",
        near_miss: "500 with such words repeats a registry, and gives the registry's cause, such as REGISTRY_REFUSED",
        repair: Repair::Human,
        remedy: Remedy { text: "read the engine's words and its log", stack: "", plain: "docker info" },
        rules: &[certain(
            &[failed(&[check::ENGINE_PULL, check::ENGINE_START]).http(&[500]).code(&[code::ENGINE_FAILED])],
            "the engine failed at `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "ENGINE_NO_GPU",
        title: "The engine has no GPU to give",
        meaning: "A container with a GPU needs the vendor's driver on this machine and its runtime in the engine. One of the \
                  two is not there.",
        signal: "the engine finds no driver or runtime for the request of a GPU",
        near_miss: "a program that cannot be started in the container gives RUN_EXITED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "install driver and container runtime of the GPU, or start without one",
            stack: "mops env up --gpu none",
            plain: "nvidia-smi",
        },
        rules: &[certain(
            &[failed(&[check::ENGINE_START]).code(&[code::NO_GPU])],
            "the engine has no GPU for `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "ENGINE_DISK_FULL",
        title: "The engine's disk is full",
        meaning: "Images of models need tens of gigabytes, and twice that while they are unpacked. The disk of the engine has \
                  not got it.",
        signal: "the engine says that no space is left; the size that is needed is shown where it is known",
        near_miss: "another failure of the engine gives ENGINE_ERROR",
        repair: Repair::Human,
        remedy: Remedy {
            text: "remove images and containers that nobody needs, or give the engine a larger disk",
            stack: "",
            plain: "docker system df",
        },
        rules: &[certain(
            &[failed(&[check::ENGINE_PULL, check::ENGINE_START]).code(&[code::NO_SPACE])],
            "the engine's disk has no room for `{target}`: {detail}",
        )],
        ..CAUSE
    },
];

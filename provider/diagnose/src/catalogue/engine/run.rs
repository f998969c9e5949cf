//! The container that was started.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "RUN_PORT_BUSY",
        title: "The port is taken",
        meaning: "Something else on this machine listens at the address and port that the container was to have.",
        signal: "the very address and port are in use; a free port is named",
        near_miss: "the same port at another address of this machine is free to use and gives nothing",
        repair: Repair::Human,
        remedy: Remedy { text: "give another port, such as the free one in the message", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[check::ENGINE_PORT]).code(&[code::BUSY])],
            "something else listens at `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "RUN_EXITED",
        title: "The container ended at once",
        meaning: "The container was started, and its program ended or could not be found. Its last lines say why.",
        signal: "the container is over right after its start; the exit code and its last lines are shown",
        near_miss: "an installer that fails in a container that runs gives RUN_REQUIREMENTS",
        repair: Repair::Human,
        remedy: Remedy {
            text: "read the container's last lines",
            stack: "mops env logs",
            plain: "docker logs {target}",
        },
        rules: &[certain(
            &[failed(&[check::ENGINE_RUN]).code(&[code::EXITED])],
            "container `{target}` ended right after its start: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "RUN_REQUIREMENTS",
        title: "The requirements could not be installed",
        meaning: "The container runs, and pip could not install what the project asks for. A container that this run made \
                  was removed again.",
        signal: "pip ends with an error inside a container that runs",
        near_miss: "a container that ends by itself gives RUN_EXITED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "correct the line of the file that pip names, then start again",
            stack: "mops env up",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[check::ENGINE_REQUIREMENTS]).code(&[code::INSTALL_FAILED])],
            "pip could not install `{target}`: {detail}",
        )],
        ..CAUSE
    },
];

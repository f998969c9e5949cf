//! What a job makes of the tokens.

use mops_probe::observation::code as seen;

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SLURM_NOT_LOADED",
        title: "The job never read the token file",
        meaning: "The file on the host is good, and the job's script does not read it. SLURM hands a job no file by itself.",
        signal: "the file is there, and the job's log lacks the line that the loader prints",
        near_miss: "the loader's warning in the log says that it ran and found no file: SLURM_ENV_MISSING",
        repair: Repair::Human,
        remedy: Remedy {
            text: "put the loader at the beginning of the job's script",
            stack: "mops tokens loader",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::SLURM_JOB_LOG]).code(&[code::NOT_LOADED]), passed(&[check::SLURM_FILE])],
            "the file of tokens is good, and job `{target}` did not load it",
        )],
        ..CAUSE
    },
    Cause {
        id: "SLURM_NODE_NO_EGRESS",
        title: "Compute nodes cannot reach the service",
        meaning: "The login node reaches the service and the nodes on which jobs run do not. Many clusters keep those off the \
                  internet.",
        signal: "the service answers on the login node and not in a short job",
        near_miss: "a service that the login node does not reach either is the network's matter, such as \
                    SERVICE_UNREACHABLE",
        repair: Repair::Human,
        remedy: Remedy {
            text: "use the cluster's proxy in jobs, or fetch the files on the login node first",
            stack: "",
            plain: "",
        },
        rules: &[certain(
            &[
                failed(&[check::SLURM_JOB_REACH]).code(&[
                    seen::NAME_NOT_RESOLVED,
                    seen::CONNECTION_REFUSED,
                    seen::CONNECTION_BROKEN,
                    seen::TIMEOUT,
                ]),
                passed(&[check::SLURM_LOGIN_REACH]).near(Near::Target),
            ],
            "the login node reaches `{target}`, a job on a compute node does not: {detail}",
        )
        .over(&["SERVICE_UNREACHABLE"])],
        ..CAUSE
    },
];

//! The file of tokens on the host: there, private, ours, and the same as here.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, Severity, certain, failed};

/// The file is written anew, whole and private.
const fn sync(text: &'static str) -> Remedy {
    Remedy { text, stack: "mops tokens sync", plain: "" }
}

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SLURM_ENV_MISSING",
        title: "The host has no tokens",
        meaning: "Jobs read their tokens from a file on the host. The file is not there, or it has no line for the name.",
        signal: "no file, no such name in it, or a job that warned that it found none",
        near_miss: "a name with nothing behind it gives SLURM_TOKEN_EMPTY",
        repair: Repair::Apply,
        remedy: sync("send the tokens to the host"),
        rules: &[
            certain(
                &[failed(&[check::SLURM_FILE]).code(&[code::NOT_FOUND])],
                "there is no `{target}`, from which jobs read their tokens",
            ),
            certain(
                &[failed(&[check::SLURM_TOKEN]).code(&[code::NOT_FOUND])],
                "the host's file has no line for `{target}`: {detail}",
            ),
            certain(
                &[failed(&[check::SLURM_JOB_LOG]).code(&[code::NO_FILE])],
                "job `{target}` found no file of tokens when it ran: {detail}",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "SLURM_TOKEN_EMPTY",
        title: "A token on the host is blank",
        meaning: "The host's file has the name and nothing behind it. Programs take that for a wrong token rather than for \
                  none.",
        signal: "the line is there and its value is blank",
        near_miss: "a line that is commented out is no line: SLURM_ENV_MISSING",
        repair: Repair::Apply,
        remedy: sync("fill it in the local file, then send the tokens to the host"),
        rules: &[certain(
            &[failed(&[check::SLURM_TOKEN]).code(&[code::EMPTY])],
            "`{target}` is in the host's file and is blank",
        )],
        ..CAUSE
    },
    Cause {
        id: "SLURM_ENV_MODE",
        title: "Others on the host can read the tokens",
        meaning: "A cluster has many users. The mode or an access list of this file lets others in.",
        signal: "a mode that gives anything to group or others, or an access list that names somebody",
        near_miss: "mode 400 is as private as 600 and gives nothing",
        repair: Repair::Apply,
        remedy: sync("write the file again, for you alone; tokens that others may have seen should be made anew"),
        rules: &[certain(
            &[failed(&[check::SLURM_FILE_MODE]).code(&[code::OPEN_MODE, code::ACCESS_LIST])],
            "others can read `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "SLURM_ENV_OWNER",
        title: "The token file belongs to somebody else",
        meaning: "The file or its folder is another user's, who can read it, change it and swap it.",
        signal: "another owner than the user who is logged in, or a write that the system does not permit",
        near_miss: "your own file that others can read gives SLURM_ENV_MODE; a full quota gives SLURM_QUOTA",
        repair: Repair::Apply,
        remedy: sync("put the file into a folder of your own, then send the tokens there"),
        rules: &[
            certain(
                &[failed(&[check::SLURM_FILE_OWNER]).code(&[code::OTHER_OWNER])],
                "`{target}` belongs to another user: {detail}",
            ),
            certain(
                &[failed(&[check::SLURM_WRITE]).code(&[code::PERMISSION_DENIED])],
                "you may not write `{target}` on the host; the old file is as it was: {detail}",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "SLURM_TOKEN_DIFFERS",
        title: "The host has another token than you",
        meaning: "The token was renewed here or there, and jobs use the one of the host.",
        signal: "the hashes of both, made with the same nonce, differ",
        near_miss: "other quotes around the same value are the same value and give nothing",
        severity: Severity::Warning,
        repair: Repair::Apply,
        remedy: sync("send the local tokens, if those are the newer ones"),
        rules: &[certain(
            &[failed(&[check::SLURM_TOKEN]).code(&[code::DIFFERS])],
            "`{target}` on the host is not the one that you have here",
        )],
        ..CAUSE
    },
    Cause {
        id: "SLURM_QUOTA",
        title: "Your quota on the host is full",
        meaning: "The host has no room left for you, so the new file could not be written. The old one is as it was.",
        signal: "the system says that the disk quota is exceeded",
        near_miss: "a write that is not permitted gives SLURM_ENV_OWNER",
        repair: Repair::Human,
        remedy: Remedy { text: "free space on the host, then send the tokens again", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[check::SLURM_WRITE]).code(&[code::QUOTA])],
            "there is no room for `{target}`; the old file is as it was: {detail}",
        )],
        ..CAUSE
    },
];

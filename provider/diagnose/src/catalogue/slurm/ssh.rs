//! The way to the host. Nothing is accepted by itself, and no prompt is waited for.

use mops_probe::observation::code as seen;

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SSH_HOST_KEY",
        title: "The host's key is not the expected one",
        meaning: "A host proves who it is by its key. This one is new to you, or another than last time, which a rebuilt \
                  host and an impostor have in common. Nothing was sent.",
        signal: "the key is not among the known ones, or differs from the one there",
        near_miss: "a host that accepts its key and refuses yours gives SSH_AUTH",
        repair: Repair::Human,
        remedy: Remedy {
            text: "compare the fingerprint with the one that the host's operators publish, then add or replace it yourself",
            stack: "",
            plain: "ssh-keygen -l -F {target}",
        },
        rules: &[certain(
            &[failed(&[check::SSH_SESSION]).code(&[code::HOST_KEY_UNKNOWN, code::HOST_KEY_CHANGED])],
            "`{target}` shows a key that is not the known one; nothing was sent: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "SSH_AUTH",
        title: "The host refuses your key",
        meaning: "The host is the right one and does not accept any key that was offered for this user.",
        signal: "the host's key is accepted, and yours are refused",
        near_miss: "a key that is taken, with a second question after it, gives SSH_MFA_REQUIRED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check user and key file of this host, and whether the agent holds the key",
            stack: "",
            plain: "ssh -G {target}",
        },
        rules: &[certain(
            &[failed(&[check::SSH_SESSION]).code(&[code::KEY_REFUSED])],
            "`{target}` accepts none of your keys: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "SSH_MFA_REQUIRED",
        title: "The host wants a second factor",
        meaning: "The host takes the key and then asks a person for something: usual on university clusters. Log in once by \
                  hand and leave the connection open; everything here then goes over it.",
        signal: "the key is accepted, and the host asks further questions",
        near_miss: "a key that is refused gives SSH_AUTH",
        repair: Repair::Human,
        remedy: Remedy {
            text: "open a connection by hand, answer the question, then run again",
            stack: "",
            plain: "ssh -fNM -S ~/.ssh/mops-%C {target}",
        },
        rules: &[high(
            &[failed(&[check::SSH_SESSION]).code(&[code::SECOND_FACTOR])],
            "`{target}` takes your key and wants a second factor: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "SSH_UNREACHABLE",
        title: "No connection to the host",
        meaning: "No session with the host came about, or one in which nothing of ours came back.",
        signal: "the name, the connection or the session fails before a command could run",
        near_miss: "a command of ours that fails on the host is the host's matter, such as SLURM_ENV_MISSING",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check the host's name, the private network and the proxy command",
            stack: "",
            plain: "ssh -v -o BatchMode=yes {target} true",
        },
        rules: &[
            certain(
                &[failed(&[check::SSH_SESSION]).code(&[
                    seen::NAME_NOT_RESOLVED,
                    seen::CONNECTION_REFUSED,
                    seen::CONNECTION_BROKEN,
                    seen::TIMEOUT,
                ])],
                "no connection to `{target}`: {detail}",
            ),
            certain(
                &[failed(&[check::SSH_COMMAND]).code(&[code::NO_MARKERS])],
                "`{target}` opens a session and runs no command in it: {detail}",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "SSH_SHELL_NOISE",
        title: "The login profile prints things",
        meaning: "A line of the profile writes to standard output whenever somebody logs in. Ours is told apart by marks \
                  around it; other tools mix the two up.",
        signal: "something stands before or after the marked output",
        near_miss: "with no mark at all nothing ran: SSH_UNREACHABLE",
        severity: Severity::Note,
        remedy: Remedy {
            text: "let the profile print in interactive shells only",
            stack: "",
            plain: "ssh -o BatchMode=yes {target} true",
        },
        rules: &[certain(
            &[passed(&[check::SSH_COMMAND]).code(&[code::NOISE])],
            "the login profile of `{target}` prints around the output of commands: {detail}",
        )],
        ..CAUSE
    },
];

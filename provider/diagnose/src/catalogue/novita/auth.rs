//! The registry logins that Novita keeps for images.

use super::REFERENCE;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NOVITA_AUTH_NOT_FOUND",
        title: "No registry login has this id",
        meaning: "The template names a registry login by its id, and the account's list has none with exactly this id.",
        signal: "a good list without the id; the nearest ids are printed",
        near_miss: "a list that cannot be read says nothing about ids: NOVITA_BAD_RESPONSE",
        repair: Repair::Human,
        remedy: Remedy {
            text: "write the id of one that exists; upper and lower case count",
            stack: "mops novita auth list",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[check::NOVITA_AUTH]).code(&[code::NOT_FOUND]), passed(&[check::NOVITA_AUTHS])],
            "the account has no registry login `{target}`; nearest: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NOVITA_PASSWORD_MASKED",
        title: "Novita shows stars instead of the password",
        meaning: "The service keeps registry passwords and gives stars back. A request that repeats them would send the \
                  stars as the password.",
        signal: "mask characters only, or one value for logins of several users, where a password is needed",
        near_miss: "a password that has stars beside other characters is a password and gives nothing",
        repair: Repair::Apply,
        unconfirmed: true,
        sources: &[REFERENCE],
        remedy: Remedy {
            text: "name the login by its id in `imageAuthId`, and send no password",
            stack: "mops novita auth list",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::NOVITA_PASSWORD]).code(&[code::MASKED])],
            "Novita gives the password of registry login `{target}` as mask characters",
        )],
        ..CAUSE
    },
];

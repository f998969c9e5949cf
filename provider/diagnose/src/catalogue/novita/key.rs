//! The key of the API.

use super::REFERENCE;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, certain, failed, high};

/// Where a person makes a key.
const KEY_PAGE: &str = "https://novita.ai/settings/key-management";

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NOVITA_KEY_MISSING",
        title: "There is no key for Novita",
        meaning: "NOVITA_API_KEY is not set, so no request was made.",
        signal: "the variable is not set or blank",
        near_miss: "a key that the service refuses gives NOVITA_KEY_INVALID",
        repair: Repair::Human,
        page: KEY_PAGE,
        remedy: Remedy { text: "set NOVITA_API_KEY", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[check::NOVITA_KEY]).code(&[code::NOT_SET])],
            "`{target}` is not set; nothing was sent",
        )],
        ..CAUSE
    },
    Cause {
        id: "NOVITA_KEY_INVALID",
        title: "Novita does not accept this key",
        meaning: "The key was deleted, has ended or was copied in part.",
        signal: "401, whatever its text",
        near_miss: "403 takes the key and refuses the action: NOVITA_FORBIDDEN",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &[REFERENCE],
        page: KEY_PAGE,
        remedy: Remedy { text: "make a new key, and set NOVITA_API_KEY", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::NOVITA_AUTHS, check::NOVITA_INSTANCE]).http(&[401])],
            "Novita does not accept the key (401 for `{target}`): {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NOVITA_FORBIDDEN",
        title: "The key may not do this at Novita",
        meaning: "The key is accepted. Its account may not do what was asked, or may not do it here.",
        signal: "403 that speaks of no quota and no limit",
        near_miss: "403 with a word of quota, limit or too little gives NOVITA_CAPACITY",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &[REFERENCE],
        remedy: Remedy { text: "use a key of an account that may, or ask the account's owner", stack: "", plain: "" },
        rules: &[high(
            &[failed(&[check::NOVITA_AUTHS, check::NOVITA_INSTANCE]).http(&[403]).code(&[code::FORBIDDEN])],
            "Novita accepts the key and refuses `{target}` (403): {detail}",
        )],
        ..CAUSE
    },
];

//! How the API answers, or does not.

use mops_probe::observation::code as seen;

use super::REFERENCE;
use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::services::{check, code};
use crate::rule::{Remedy, failed, high};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NOVITA_BAD_RESPONSE",
        title: "Novita's answer has not its form",
        meaning: "Something answered with success, and the list that was due is not in it. A proxy may have answered, or the \
                  API has changed.",
        signal: "an answer without a list where one is due",
        near_miss: "an empty list is a good one: an id that it lacks gives NOVITA_AUTH_NOT_FOUND",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &[REFERENCE],
        remedy: Remedy {
            text: "check NOVITA_API_BASE_URL and proxies; if both are right, report it with this answer",
            stack: "mops novita check",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::NOVITA_AUTHS]).code(&[code::MALFORMED])],
            "`{target}` answers, and not with a list of registry logins: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NOVITA_NETWORK",
        title: "No connection to Novita",
        meaning: "The name was not resolved, or the connection was refused or broke, before any answer.",
        signal: "look-up or connection fails",
        near_miss: "a certificate that is not trusted gives TLS_UNTRUSTED or another cause of TLS",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &[REFERENCE],
        remedy: Remedy {
            text: "check NOVITA_API_BASE_URL, the resolver, firewalls and proxies",
            stack: "mops novita check",
            plain: "",
        },
        rules: &[high(
            &[failed(&[check::NOVITA_AUTHS, check::NOVITA_INSTANCE]).code(&[
                seen::NAME_NOT_RESOLVED,
                seen::CONNECTION_REFUSED,
                seen::CONNECTION_BROKEN,
                seen::TIMEOUT,
            ])],
            "no answer from Novita for `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NOVITA_CAPACITY",
        title: "Novita has no machine to give",
        meaning: "No machine of this kind is free, or the account has reached its limit. The request itself is in order.",
        signal: "400 with the service's code for too few resources, or 403 that speaks of a quota or limit",
        near_miss: "another 400 is a mistake in the request and stays UNCLASSIFIED with the service's words",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &[REFERENCE],
        remedy: Remedy {
            text: "take another product or region, wait, or have the account's limit raised",
            stack: "",
            plain: "",
        },
        rules: &[
            high(
                &[failed(&[check::NOVITA_INSTANCE]).http(&[400]).code(&[code::INSUFFICIENT_RESOURCE])],
                "Novita has no free machine for `{target}`: {detail}",
            ),
            high(
                &[failed(&[check::NOVITA_INSTANCE]).http(&[403]).code(&[code::LIMIT])],
                "Novita refuses `{target}` for a limit of the account: {detail}",
            ),
        ],
        ..CAUSE
    },
];

//! Blob storage and the SAS: its text against the server's clock, and the service's own codes.

use mops_probe::observation::{check as probe, code as seen};

use crate::rule::Confidence::{Certain, High, Medium};
use crate::rule::{Confidence, Need, Remedy, Rule, Severity};

/// Makes a new SAS and gives it to the workers.
const RENEW: &str = "mops infra up {file} -c storage,workspace";
const REFUSED: &[&str] = &["SAS_SIGNATURE"];

const fn rule(
    id: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    over: &'static [&'static str],
    text: [&'static str; 2],
) -> Rule {
    let remedy = Remedy { text: text[1], stack: RENEW, plain: "kubectl -n {namespace} get secrets" };
    Rule { id, family: "storage", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

const fn read() -> Need {
    Need::failed(&[probe::STORAGE_READ])
}

const fn sas(code: &'static [&'static str]) -> Need {
    Need::failed(&[probe::STORAGE_SAS]).code(code)
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "SAS_MALFORMED",
        Certain,
        &[sas(&[seen::MALFORMED])],
        REFUSED,
        ["{place}: the SAS lacks what every SAS must have: {detail}", "make a new SAS"],
    ),
    rule(
        "SAS_EXPIRED",
        Certain,
        &[sas(&[seen::EXPIRED]), read().http(&[403])],
        REFUSED,
        ["{place}: the SAS has expired: {detail}", "make a new SAS"],
    ),
    rule(
        "SAS_EXPIRED",
        High,
        &[sas(&[seen::EXPIRED])],
        REFUSED,
        ["{place}: the SAS has expired: {detail}", "make a new SAS"],
    ),
    rule(
        "SAS_NOT_YET_VALID",
        Certain,
        &[sas(&[seen::NOT_YET_VALID]), read().http(&[403])],
        REFUSED,
        [
            "{place}: the SAS is not valid yet: {detail}",
            "make a new SAS, and check the clock of the machine that makes it",
        ],
    ),
    rule(
        "SAS_PERMISSION",
        Certain,
        &[read().http(&[403]).code(&["AuthorizationPermissionMismatch"])],
        REFUSED,
        ["{place}: the SAS does not allow to list `{target}`: {detail}", "make a SAS with read and list"],
    ),
    rule(
        "SAS_SCOPE",
        Certain,
        &[read().http(&[403]).code(&["AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch"])],
        REFUSED,
        ["{place}: the SAS is for another kind of resource than container `{target}`", "make a SAS for the container"],
    ),
    rule(
        "SAS_IP",
        Certain,
        &[read().http(&[403]).code(&["AuthorizationSourceIPMismatch"])],
        REFUSED,
        ["{place}: the SAS does not allow this address", "widen the range of addresses"],
    ),
    rule(
        "SAS_PROTOCOL",
        Certain,
        &[read().http(&[403]).code(&["AuthorizationProtocolMismatch"])],
        REFUSED,
        ["{place}: the SAS does not allow this protocol", "use https"],
    ),
    rule(
        "SAS_SIGNATURE",
        Medium,
        &[read().http(&[403]).code(&["AuthenticationFailed", "AuthorizationFailure"])],
        &[],
        [
            "{place}: the storage refuses the SAS ({code}): signed with an old key, altered, or blocked by a firewall",
            "make a new SAS; if that is refused too, check the account's network rules",
        ],
    ),
    rule(
        "CONTAINER_NOT_FOUND",
        Certain,
        &[read().http(&[404]).code(&["ContainerNotFound"])],
        &[],
        ["{place}: the container `{target}` does not exist", "create it"],
    ),
    rule(
        "SAS_TOO_BROAD",
        Certain,
        &[Need::failed(&[probe::STORAGE_WRITE_REFUSED]).code(&[seen::WRITE_ACCEPTED])],
        &[],
        [
            "{place}: a worker can write to `{target}`, and should only read: {detail}",
            "make a SAS with read and list only",
        ],
    ),
    Rule {
        severity: Severity::Warning,
        ..rule(
            "SAS_TOO_BROAD",
            Certain,
            &[Need::passed(&[probe::STORAGE_SAS]).code(&[seen::TOO_BROAD])],
            &[],
            ["{place}: the SAS gives more than read and list: {detail}", "make a SAS with read and list only"],
        )
    },
];

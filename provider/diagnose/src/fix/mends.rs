//! The causes that are mended here: one small file each, from the wiring outwards. What has no sound source of its value
//! in the cluster or the stack is not among them.

use super::edit::Edit;
use super::ground::Ground;
use crate::finding::Finding;

mod acr_password_rotated;
mod env_missing;
pub(super) mod env_stale;
mod envfrom_missing;
mod identity;
mod key_malformed;
mod pull_secret_login;
mod pull_secret_missing;
pub(super) mod pull_secret_not_linked;
mod pull_secret_username;
mod secret_key_missing;
mod secret_wrong_namespace;
mod secret_wrong_type;
mod secrets_disagree;

/// The order in which causes are mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// An object is there.
    Object,
    /// It has its type.
    Type,
    /// It holds what it should.
    Content,
    /// The workload refers to it.
    Link,
    /// The pods have read it.
    Restart,
}

/// How one cause is mended.
pub(crate) struct Mend {
    pub(crate) cause: &'static str,
    pub(crate) layer: Layer,
    /// The changes; an error says why there are none.
    pub(crate) edits: fn(&Finding, &Ground<'_>) -> Result<Vec<Edit>, String>,
}

/// All of them.
pub(crate) const ALL: &[Mend] = &[
    secret_wrong_namespace::MEND,
    pull_secret_missing::MEND,
    secret_wrong_type::MEND,
    secret_key_missing::MEND,
    key_malformed::MEND,
    pull_secret_login::MALFORMED,
    pull_secret_login::NO_CREDENTIAL,
    pull_secret_login::HOST_MISMATCH,
    pull_secret_username::MEND,
    acr_password_rotated::MEND,
    secrets_disagree::MEND,
    env_missing::MISSING,
    env_missing::EMPTY,
    envfrom_missing::MEND,
    pull_secret_not_linked::MEND,
    identity::ACCOUNT,
    identity::LABEL,
    env_stale::MEND,
];

/// How a cause is mended.
pub(crate) fn of(cause: &str) -> Option<&'static Mend> {
    ALL.iter().find(|mend| mend.cause == cause)
}

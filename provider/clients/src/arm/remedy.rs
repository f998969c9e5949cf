//! What can be done about an error besides telling the user. The one place that looks at message texts, and
//! only where a code has several meanings (AKS answers `OperationNotAllowed` for "busy", for quota and for
//! "unsupported").

use mops_wire::retry::is_no_json;

use super::answer::Answer;
use super::error::ArmError;

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: tell the user.
    None,
    /// The same request again after a pause.
    BackOff,
    /// Somebody else writes to the same parent: wait longer, read again before a merge.
    Serialise,
    /// Register the resource provider, then again.
    Register,
    /// Right after our own create or grant it may pass; otherwise it is final.
    Consistency,
    /// Quota or capacity: only the user can get more.
    AskForMore,
    /// The name belongs to somebody.
    TakenName,
    /// A lock or policy of the subscription forbids it.
    Policy,
}

const TRANSIENT: [&str; 8] = [
    "AnotherOperationInProgress",
    "ServerTimeout",
    "ServiceUnavailable",
    "StorageAccountOperationInProgress",
    "StorageAccountIsNotProvisioned",
    "StorageAccountBeingCreated",
    "AccountBeingCreated",
    "ContainerBeingDeleted",
];
const BUSY: [&str; 3] =
    ["EtagMismatch", "OriginalEtagNotExpect", "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"];
const CAPACITY: [&str; 8] = [
    "QuotaExceeded",
    "ErrCode_InsufficientVCPUQuota",
    "InsufficientVCPUQuota",
    "SkuNotAvailable",
    "AllocationFailed",
    "ZonalAllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
];
const TAKEN: [&str; 4] = ["AlreadyInUse", "AlreadyExists", "StorageAccountAlreadyTaken", "RoleAssignmentExists"];
const UNSEEN: [&str; 3] = ["PrincipalNotFound", "AuthorizationFailed", "LinkedAuthorizationFailed"];
const FORBIDDEN: [&str; 2] = ["ScopeLocked", "RequestDisallowedByPolicy"];

impl Remedy {
    pub(super) fn of(error: &ArmError) -> Self {
        let any = |codes: &[&str]| codes.iter().any(|code| error.is(code));
        if any(&FORBIDDEN) {
            return Self::Policy;
        }
        if any(&CAPACITY) {
            return Self::AskForMore;
        }
        if error.is("OperationNotAllowed") {
            return by_message(&error.message);
        }
        if any(&BUSY) {
            return Self::Serialise;
        }
        if error.is("MissingSubscriptionRegistration") {
            return Self::Register;
        }
        if any(&TAKEN) {
            return Self::TakenName;
        }
        if any(&UNSEEN) {
            return Self::Consistency;
        }
        let transient = any(&TRANSIENT) || error.code.to_ascii_lowercase().starts_with("retryableerror");
        let by_status = matches!(error.status, 408 | 429) || error.status >= 500;
        if transient || by_status { Self::BackOff } else { Self::None }
    }
}

fn by_message(message: &str) -> Remedy {
    let text = message.to_ascii_lowercase();
    if text.contains("in progress") || text.contains("another operation") {
        Remedy::Serialise
    } else if text.contains("quota") || text.contains("exceeding") {
        Remedy::AskForMore
    } else {
        Remedy::None
    }
}

/// For the wire layer: whether the code in an error body asks for the same request again, or a success is not the
/// JSON that all of ARM's are.
pub(super) fn is_transient(status: http::StatusCode, headers: &http::HeaderMap, body: &[u8]) -> bool {
    if is_no_json(status, headers, body) {
        return true;
    }
    if !matches!(status.as_u16(), 400 | 409) {
        return false;
    }
    let answer = Answer::read(status.as_u16(), headers, body, time::OffsetDateTime::UNIX_EPOCH);
    Remedy::of(&ArmError::of(&answer)) == Remedy::BackOff
}

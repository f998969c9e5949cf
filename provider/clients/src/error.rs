//! The one error of this crate. [`ClientError::into_core`] gives it its sentence; evidence and the one thing to
//! do follow from what it is.

use std::time::Duration;

use crate::arm::{ArmError, NotAnId, Remedy};
use mops_core::{Class, Error};
use mops_wire::WireError;

/// What went wrong between us and Azure or a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// ARM, or a service behind it, said no.
    #[error(transparent)]
    Arm(#[from] Box<ArmError>),
    /// The answer never came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No token.
    #[error("signing in as {identity} failed: {reason}")]
    SignIn {
        /// Which identity was tried.
        identity: String,
        /// The AADSTS code and sentence, or why it could not be tried.
        reason: String,
    },
    /// Something that signing in needs is not there, or not built in this version.
    #[error("{summary}")]
    Configuration {
        /// One sentence.
        summary: String,
        /// What to do.
        hint: String,
    },
    /// ARM named another host for the rest of an operation; our token does not go there.
    #[error("ARM named the host `{host}` for the rest of the operation, which is not the configured ARM host")]
    ForeignOperation {
        /// As named.
        host: String,
    },
    /// Waited as long as the resource allows.
    #[error("the operation was still `{state}` after {} min", waited.as_secs() / 60)]
    TimedOut {
        /// The service's last word.
        state: String,
        /// How long.
        waited: Duration,
    },
    /// The run was interrupted.
    #[error("interrupted; the operation goes on at Azure and the next run resumes it")]
    Canceled,
    /// An answer without something that every answer has.
    #[error("the answer of {what} has no `{field}`")]
    Unreadable {
        /// Which call.
        what: &'static str,
        /// What is missing.
        field: &'static str,
    },
    /// A success that is not JSON, however often it was asked for: something between us and the service answers.
    #[error("`{host}` answers with something that is not JSON")]
    NotJson {
        /// Who was asked.
        host: String,
    },
    /// See [`NotAnId`].
    #[error(transparent)]
    Id(#[from] NotAnId),
}

impl From<ArmError> for ClientError {
    fn from(error: ArmError) -> Self {
        Self::Arm(Box::new(error))
    }
}

impl ClientError {
    /// Decides retry, exit code and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Arm(error) => error.class(),
            Self::Wire(error) => error.class(),
            Self::SignIn { .. } => Class::Auth,
            Self::Configuration { .. } | Self::Id(_) => Class::User,
            Self::ForeignOperation { .. } => Class::Auth,
            Self::TimedOut { .. } | Self::NotJson { .. } => Class::Transient,
            Self::Canceled => Class::Canceled,
            Self::Unreadable { .. } => Class::Bug,
        }
    }

    /// The answer of ARM behind it, if there was one.
    #[must_use]
    pub fn arm(&self) -> Option<&ArmError> {
        match self {
            Self::Arm(error) => Some(error),
            _ => None,
        }
    }

    /// Whether ARM says that the thing is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.arm().is_some_and(|e| e.status == 404)
    }

    /// The error for the user: `summary` says what was tried with what, this adds why and what next.
    #[must_use]
    pub fn into_core(self, summary: impl Into<String>) -> Error {
        let mut error = Error::new(self.class(), summary).note(self.to_string());
        if let Some(hint) = self.hint() {
            error = error.hint(hint);
        }
        error.caused_by(self)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Configuration { hint, .. } => Some(hint.clone()),
            Self::Arm(error) => Some(arm_hint(error).to_owned()),
            Self::Wire(error) => error.hint(),
            Self::TimedOut { .. } => Some("run the same command again: it goes on waiting".to_owned()),
            Self::SignIn { .. } => Some("check tenant, client id and secret, or run `az login`".to_owned()),
            Self::NotJson { .. } => {
                Some("look for a sign-in page or a proxy between this machine and Azure".to_owned())
            }
            _ => None,
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let summary = error.to_string();
        let plain = Self::new(error.class(), summary);
        let hinted = match error.hint() {
            Some(hint) => plain.hint(hint),
            None => plain,
        };
        hinted.caused_by(error)
    }
}

/// The one thing to do about a refusal; what was done before it stays, so the same command goes on from there.
fn arm_hint(error: &ArmError) -> &'static str {
    match error.remedy() {
        Remedy::AskForMore => "ask for quota in the portal under `Quotas`, or choose another size or region",
        Remedy::Register => "let an owner of the subscription register the provider that the message names",
        Remedy::TakenName => "choose another name: this one is taken",
        Remedy::Policy => "a lock or policy of the subscription forbids it; its owner can lift it",
        Remedy::Serialise => "wait until the other operation has ended, then run the same command again",
        Remedy::BackOff => "Azure is busy: wait some minutes, then run the same command again",
        _ if error.status == 403 => "give the identity the role Contributor on the resource group",
        Remedy::Consistency => "look whether the principal exists; a new one is known everywhere after some minutes",
        Remedy::None => hint_of_status(error),
    }
}

fn hint_of_status(error: &ArmError) -> &'static str {
    match error.status {
        401 => "check tenant, client id and secret, or run `az login`",
        404 | 410 => "look in the portal whether it is still there, then run the same command again",
        409 | 412 => "look at the resource that the message names, then run the same command again",
        _ if error.operation => "look at what the message names, then run the same command again",
        _ => "correct what the message names in the stack file, then run the same command again",
    }
}

//! How far a rotation is, in `rotation/` below the home folder. Promises: it is written, whole and with mode 0600, before
//! the step that it names; it holds no credential, only a keyed hash of the one that is to go, so that a run that was
//! ended anywhere is taken up by the same command (`tests/rotate.rs`).

use std::io;
use std::path::PathBuf;

use mops_core::keyed_hash::{KeyedHash, Nonce};
use mops_core::{Class, Error, Secret, StackId};
use mops_host::{fsx, random};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::exit::Failure;

/// Raised when a field changes its meaning.
const VERSION: u32 = 1;

/// What is done now, or was when the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// The new one is made, and written wherever the old one is.
    Distribute,
    /// Everything that uses it shows that it works; the old one is valid.
    Prove,
    /// The old one is taken back.
    Revoke,
    /// What was moved aside for it goes back to where the file has it.
    Return,
}

/// What the file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    version: u32,
    /// `acr`, `storage`, `sp`, `ngc`.
    pub(super) kind: String,
    /// `PROJECT.STACK`; empty for what no stack has.
    stack: String,
    /// Whose credential it is; another one of the same name that was made since is no matter of this rotation.
    pub(super) subject: String,
    /// The step.
    pub(super) step: Step,
    /// What the hash is made under.
    nonce: String,
    /// Of what is to go; empty where nobody knew it.
    before: Vec<KeyedHash>,
    /// Of what takes its place, where a person gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<KeyedHash>,
    /// The service's own id of what is to go, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revokes: Option<String>,
    /// Of what is to go, as a host computes it that has a shell and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Namespaces that get it, where no stack says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) spaces: Vec<String>,
}

impl Entry {
    /// The first one of a rotation.
    pub(super) fn new(kind: &str, stack: &StackId, subject: String, before: &[Secret<String>]) -> Self {
        Self::of(kind, &stack.to_string(), subject, before)
    }

    /// The same of a rotation that a stack may have no part in.
    pub(super) fn of(kind: &str, stack: &str, subject: String, before: &[Secret<String>]) -> Self {
        let nonce = Nonce::new(random::bytes::<32>());
        Self {
            version: VERSION,
            kind: kind.to_owned(),
            stack: stack.to_owned(),
            subject,
            step: Step::Distribute,
            before: before.iter().map(|key| nonce.hash(key)).collect(),
            nonce: nonce.text(),
            after: None,
            revokes: None,
            digest: None,
            spaces: Vec::new(),
        }
    }

    /// With what takes its place.
    pub(super) fn with_after(self, credential: &Secret<String>) -> Self {
        let after = self.hash(credential);
        Self { after, ..self }
    }

    /// With the service's own id of what is to go.
    pub(super) fn revoking(self, id: String) -> Self {
        Self { revokes: Some(id), ..self }
    }

    /// The service's own id of what is to go.
    pub(super) fn revokes(&self) -> Option<&str> {
        self.revokes.as_deref()
    }

    /// What tells this rotation from others, for names; no secret.
    pub(super) fn mark(&self) -> String {
        self.nonce.chars().take(12).collect()
    }

    /// With what a host knows the one that is to go by.
    pub(super) fn with_digest(self, old: &Secret<String>) -> Self {
        let digest = Some(mops_tokens::sync::keyed(&self.nonce, old.expose()));
        Self { digest, ..self }
    }

    /// What a host computes of the one that is to go, and under which number.
    pub(super) fn digest(&self) -> (&str, Option<&String>) {
        (&self.nonce, self.digest.as_ref())
    }

    /// Whether this is the credential that takes its place.
    pub(super) fn is_after(&self, credential: &Secret<String>) -> bool {
        self.after.is_some() && self.hash(credential) == self.after
    }

    /// Whether this is the credential that is to go.
    pub(super) fn is_before(&self, credential: &Secret<String>) -> bool {
        self.hash(credential).is_some_and(|hash| self.before.contains(&hash))
    }

    /// The beginning of the hash of the one that is to go.
    pub(super) fn before(&self) -> Option<String> {
        self.before.first().map(KeyedHash::short)
    }

    /// The beginning of a credential's hash, to be compared with [`Self::before`].
    pub(super) fn short(&self, credential: &Secret<String>) -> Option<String> {
        self.hash(credential).map(|hash| hash.short())
    }

    fn hash(&self, credential: &Secret<String>) -> Option<KeyedHash> {
        Some(Nonce::parse(&self.nonce)?.hash(credential))
    }
}

/// The file of one rotation.
pub(super) struct Journal(PathBuf);

impl Journal {
    pub(super) fn of(app: &App, kind: &str, stack: &StackId) -> Result<Self, Failure> {
        Ok(Self(app.home()?.join("rotation").join(format!("{kind}-{}.{}.json", stack.project, stack.stack))))
    }

    /// That of a rotation on this machine.
    pub(super) fn of_machine(app: &App, kind: &str) -> Result<Self, Failure> {
        Ok(Self(app.home()?.join("rotation").join(format!("{kind}.json"))))
    }

    /// What an earlier run has left; one about another credential is of no use any more.
    pub(super) fn read(&self, subject: &str) -> Result<Option<Entry>, Failure> {
        let text = match fsx::read_text(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", error)),
            Ok(text) => text,
        };
        let entry: Entry = serde_json::from_str(&text).map_err(|error| {
            let text = format!("`{}` is not the journal of a rotation", self.0.display());
            let hint = "delete it; the rotation begins anew, and the old credential stays valid until it is proven";
            Failure::from(Error::new(Class::User, text).hint(hint).caused_by(error))
        })?;
        Ok(Some(entry).filter(|entry| entry.subject == subject && entry.version == VERSION))
    }

    /// Before a step is begun.
    pub(super) fn begin(&self, entry: &mut Entry, step: Step) -> Result<(), Failure> {
        entry.step = step;
        let text = serde_json::to_vec_pretty(entry)
            .map_err(|error| Error::new(Class::Bug, "a journal cannot be written as JSON").caused_by(error))?;
        let folder = self.0.parent().map_or(Ok(()), fsx::create_dir_all);
        folder.and_then(|()| fsx::replace(&self.0, &text)).map_err(|error| self.failed("written", error))
    }

    /// There is nothing left to do.
    pub(super) fn close(&self) -> Result<(), Failure> {
        fsx::remove(&self.0).map_err(|error| self.failed("removed", error))
    }

    fn failed(&self, what: &str, error: io::Error) -> Failure {
        let text = format!("`{}` cannot be {what}: {}", self.0.display(), fsx::reason(&error));
        Failure::could_not_run(Error::new(Class::User, text).caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_the_old_one_from_another_and_holds_neither() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let old = Secret::from("canary-password");
        let entry = Entry::new("acr", &stack, "token".into(), std::slice::from_ref(&old));
        assert!(entry.is_before(&old) && !entry.is_before(&Secret::from("canary-passwore")));
        assert!(!Entry::new("acr", &stack, "token".into(), &[]).is_before(&old));
        assert!(!serde_json::to_string(&entry).unwrap().contains("canary"));
    }
}

//! Where the passphrase of a stack is: `PULUMI_CONFIG_PASSPHRASE`, the file that `PULUMI_CONFIG_PASSPHRASE_FILE` names,
//! a file that was generated for this salt by `passphrase rotate`, or the generated file of the home folder.
//!
//! A generated file of a stack carries a digest of its salt in its name: so the snapshot alone decides which phrase
//! belongs to it, and a rotation that is killed at any moment leaves the right one in place (`tests/passphrase.rs`).

use std::path::{Path, PathBuf};

use mops_core::{Secret, StackId};
use mops_host::env::Env;
use mops_host::fsx;
use sha2::{Digest as _, Sha256};

use super::keyfile::made_once;
use super::load::folder;
use super::seal::{SealError, Sealer};

pub(crate) const VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE";
pub(crate) const FILE_VARIABLE: &str = "PULUMI_CONFIG_PASSPHRASE_FILE";
/// How the files of a stack begin.
const PREFIX: &str = "passphrase-";

/// The places, in their order.
#[derive(Clone)]
pub(crate) struct Phrases {
    home: PathBuf,
    folder: PathBuf,
    env: Env,
}

impl Phrases {
    pub(crate) fn new(home: &Path, stack: &StackId, env: &Env) -> Self {
        Self { home: home.to_owned(), folder: folder(home, stack), env: env.clone() }
    }

    /// The phrase for a salt and where it came from. Without a salt there is no secret yet, and a phrase may be made.
    pub(crate) fn find(&self, salt: Option<&str>) -> Result<(Secret<String>, &'static str), SealError> {
        // Set and empty is a passphrase on purpose, as it is for Pulumi.
        if let Some((_, phrase)) = self.env.iter().find(|(name, _)| *name == VARIABLE) {
            return Ok((Secret::from(phrase), VARIABLE));
        }
        if let Some(path) = self.env.get(FILE_VARIABLE) {
            return Ok((read_file(&self.env.path(path))?, FILE_VARIABLE));
        }
        if let Some(own) = salt.map(|s| self.file_of(s)).filter(|p| p.exists()) {
            return Ok((read_file(&own)?, "the generated file of the stack"));
        }
        let path = self.home.join("passphrase");
        if !path.exists() && salt.is_some() {
            return Err(SealError::NoPassphrase);
        }
        let phrase = made_once(&self.home, "passphrase").map_err(|error| failed(&path, &error.to_string()))?;
        Ok((phrase, "the generated file"))
    }

    /// A sealer that looks for its phrase here.
    pub(crate) fn sealer(&self, salt: Option<String>) -> Sealer {
        Sealer::found(self.clone(), salt)
    }

    /// The variable that is set, if one is: it goes before every generated file.
    pub(crate) fn variable(&self) -> Option<&'static str> {
        let set = |name| self.env.iter().any(|(n, _)| n == name);
        [VARIABLE, FILE_VARIABLE].into_iter().find(|name| set(*name))
    }

    /// The generated file that belongs to a salt.
    pub(crate) fn file_of(&self, salt: &str) -> PathBuf {
        let digest = Sha256::digest(salt);
        let short: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        self.folder.join(format!("{PREFIX}{short}"))
    }

    /// Keeps a generated phrase for a salt, durable when it returns.
    pub(crate) fn keep(&self, salt: &str, phrase: &Secret<String>) -> Result<PathBuf, SealError> {
        let path = self.file_of(salt);
        let text = format!("{}\n", phrase.expose());
        fsx::replace(&path, text.as_bytes()).map_err(|error| failed(&path, &error.to_string()))?;
        Ok(path)
    }

    /// Removes the generated files of every other salt.
    pub(crate) fn sweep(&self, salt: Option<&str>) -> std::io::Result<()> {
        let kept = salt.map(|s| self.file_of(s));
        let entries = std::fs::read_dir(&self.folder)?.filter_map(|e| Some(e.ok()?.path()));
        let ours = |p: &PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(PREFIX));
        entries.filter(|p| ours(p) && Some(p) != kept.as_ref()).try_for_each(|p| fsx::remove(&p))
    }
}

fn read_file(path: &Path) -> Result<Secret<String>, SealError> {
    fsx::read_private(path).map_err(|error| failed(path, &error.to_string()))
}

fn failed(path: &Path, reason: &str) -> SealError {
    SealError::File { path: path.display().to_string(), reason: reason.to_owned() }
}

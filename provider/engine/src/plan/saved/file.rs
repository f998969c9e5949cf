//! The plan file: JSON, private, checked as a whole before anything of it is believed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_host::fsx::{self, FsError};
use serde::Deserialize;

use super::{Digester, SavedPlan, VERSION};
use crate::error::EngineError;
use crate::state::made_once;

/// The key of all plans of a home folder.
pub(crate) const KEY_FILE: &str = "plan.key";

/// What every version of the file has.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    version: u32,
}

/// The key with which plans of this home folder are made and checked; made when there is none.
pub(crate) fn key(home: &Path) -> Result<Secret<String>, EngineError> {
    made_once(home, KEY_FILE).map_err(|error| unusable(&home.join(KEY_FILE), error.to_string()))
}

/// A short name of a key, which says nothing about it.
pub(crate) fn key_name(key: &Secret<String>) -> String {
    Digester::new(key, "name").bytes("key", &[])[..12].to_owned()
}

fn unusable(path: &Path, reason: impl Into<String>) -> EngineError {
    EngineError::UnusablePlan { file: path.display().to_string(), reason: reason.into() }
}

impl SavedPlan {
    /// Writes the file, mode 0600, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EngineError> {
        let text = serde_json::to_string_pretty(self).map_err(|e| EngineError::Bug(e.to_string()))?;
        fsx::replace(path, format!("{text}\n").as_bytes())
            .map_err(|error| unusable(path, format!("it cannot be written: {error}")))
    }

    /// Reads a file that was saved with this home folder.
    ///
    /// # Errors
    /// [`EngineError::UnusablePlan`]: others can read or change it, a newer mops wrote it, it was saved with another
    /// home folder, or it is not as it was written.
    pub fn read(path: &Path, home: &Path) -> Result<Self, EngineError> {
        let text = fsx::read_private(path).map_err(|error| match error {
            FsError::Io(source) if source.kind() == std::io::ErrorKind::NotFound => {
                unusable(path, "there is no such file")
            }
            other => unusable(path, other.to_string()),
        })?;
        let plan = Self::parse(text.expose()).map_err(|reason| unusable(path, reason))?;
        let key = key(home)?;
        if plan.key != key_name(&key) {
            return Err(unusable(path, "it was saved with another home folder"));
        }
        if plan.proof != plan.prove(&key)? {
            return Err(unusable(path, "it was changed after it was saved"));
        }
        Ok(plan)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let head: Head = serde_json::from_str(text).map_err(|_| "it is not a plan, or damaged")?;
        if head.kind != "plan" {
            return Err("it is not a plan".into());
        }
        if head.version > VERSION {
            return Err(format!("a newer mops saved it (format {}, this one reads up to {VERSION})", head.version));
        }
        serde_json::from_str(text).map_err(|_| "it is damaged".into())
    }

    /// The digest of everything else in the plan.
    pub(crate) fn prove(&self, key: &Secret<String>) -> Result<String, EngineError> {
        let bare = Self { proof: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).map_err(|e| EngineError::Bug(e.to_string()))?;
        Ok(Digester::new(key, &self.salt).bytes("plan", &text))
    }
}

/// A salt for one plan.
pub(crate) fn salt() -> String {
    STANDARD.encode(mops_host::random::bytes::<16>())
}

//! `meta.json`: made last by the first run; its presence means that the stack exists. It holds what the stack is about,
//! so that another file for the same stack is noticed.

use mops_core::StackId;
use mops_host::fsx;
use serde::{Deserialize, Serialize};

use super::journal::Files;
use crate::error::StateError;
use crate::program::Scope;

const FORMAT: u64 = 1;

/// The content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    format: u64,
    project: String,
    stack: String,
    pub(crate) scope: Scope,
}

impl Meta {
    pub(crate) fn new(stack: &StackId, scope: Scope) -> Self {
        Self { format: FORMAT, project: stack.project.clone(), stack: stack.stack.clone(), scope }
    }

    pub(crate) fn read(files: &Files) -> Result<Option<Self>, StateError> {
        let path = files.meta();
        let file = path.display().to_string();
        let bytes = match fsx::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Read { file, source }),
        };
        let meta: Self = serde_json::from_slice(&bytes).map_err(|e| StateError::Damaged {
            file: file.clone(),
            offset: e.column().saturating_sub(1) as u64,
            reason: "it does not describe a stack".into(),
        })?;
        if meta.format > FORMAT {
            return Err(StateError::Newer { file, found: meta.format, known: FORMAT });
        }
        Ok(Some(meta))
    }

    pub(crate) fn write(&self, files: &Files) -> Result<(), StateError> {
        let bytes = serde_json::to_vec(self).map_err(|e| StateError::Bug(e.to_string()))?;
        fsx::replace(&files.meta(), &bytes)
            .map_err(|source| StateError::Write { file: files.meta().display().to_string(), source })
    }

    /// Refuses a file that is about something else; gives what is known of both.
    pub(crate) fn agree(&self, stack: &StackId, scope: &Scope) -> Result<Scope, StateError> {
        let mut merged = self.scope.clone();
        let parts = [
            ("subscription", &mut merged.subscription, &scope.subscription),
            ("resource group", &mut merged.resource_group, &scope.resource_group),
            ("cluster", &mut merged.cluster, &scope.cluster),
            ("registry", &mut merged.registry, &scope.registry),
        ];
        for (what, ours, theirs) in parts {
            match (&*ours, theirs) {
                (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b) => {
                    return Err(StateError::OtherScope {
                        stack: stack.to_string(),
                        what,
                        ours: a.clone(),
                        theirs: b.clone(),
                    });
                }
                (None, Some(b)) => *ours = Some(b.clone()),
                _ => {}
            }
        }
        Ok(merged)
    }
}

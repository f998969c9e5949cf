//! The file of tokens on this machine, of which a rotation writes one value.

use std::path::{Path, PathBuf};

use mops_core::{Class, Error, Secret};
use mops_host::fsx;
use mops_tokens::written;

use crate::app::App;
use crate::exit::Failure;
use crate::token_file;

/// The file by its whole path.
pub(super) struct LocalFile {
    path: PathBuf,
}

impl LocalFile {
    /// The file that is named, else the usual one; refused where git would carry it away.
    pub(super) fn find(app: &App, given: Option<&Path>) -> Result<Self, Failure> {
        token_file::read(app, given, Some(false))?;
        let path =
            given.map_or_else(|| PathBuf::from(token_file::FILE), |given| app.env.path(&given.display().to_string()));
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Self { path })
    }

    /// As people name it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn text(&self) -> Result<String, Failure> {
        fsx::read_text(&self.path).map_err(|error| self.failed("read", error))
    }

    /// The value of a variable; the last line counts.
    pub(super) fn value(&self, name: &str) -> Result<Option<Secret<String>>, Failure> {
        let (variables, _) = mops_tokens::envfile::parse(&self.text()?).map_err(|wrong| {
            Failure::usage(format!("`{}`: {wrong}", self.name()), "lines are NAME=VALUE, with quotes round blanks")
        })?;
        Ok(variables.into_iter().rev().find(|(known, _)| known == name).map(|(_, value)| value))
    }

    /// Puts another value in, whole or not at all; every other line stays.
    pub(super) fn write(&self, name: &str, value: &Secret<String>) -> Result<(), Failure> {
        if self.value(name)?.as_ref() == Some(value) {
            return Ok(());
        }
        let text = written::replaced(&self.text()?, name, value)
            .map_err(|wrong| Failure::usage(wrong.to_string(), "a line of the file holds one value"))?;
        fsx::replace(&self.path, text.expose().as_bytes()).map_err(|error| self.failed("written", error))
    }

    fn failed(&self, what: &str, error: std::io::Error) -> Failure {
        let text = format!("`{}` cannot be {what}: {}", self.name(), fsx::reason(&error));
        Failure::could_not_run(Error::new(Class::User, text).hint("check its permissions").caused_by(error))
    }
}

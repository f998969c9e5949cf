//! `--offline`: what the files of this machine say. Nobody is asked.

use mops_diagnose::{Capture, Command};
use mops_host::Env;

use super::{Subject, request};
use crate::app::App;
use crate::bundle_env;
use crate::commands::bundle_env_path;
use crate::exit::Failure;

/// Reads the file that the stack's last run handed over.
pub(super) fn look(app: &App, command: Command, subject: &Subject<'_>) -> Result<Capture, Failure> {
    let request = request::of(app, subject)?;
    let path = bundle_env_path(app, &subject.snapshot.stack, subject.pointed)?;
    let handed = bundle_env::read(&path).map(Env::of);
    Ok(mops_diagnose::offline(command, &request, handed.as_ref()))
}

//! What a stack wrote is taken away again, and nothing else: its lines, and the file when that was all
//! (`tests/env_file.rs`).

use mops_core::{Mark, Secret};
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use crate::ssh::{self, Host, Script};
use crate::sync::{self, LIMIT, Refused};

/// What is taken away.
#[derive(Debug)]
pub struct Removal<'a> {
    /// The file.
    pub path: &'a str,
    /// The variables of the stack.
    pub names: &'a [String],
    /// Whose they are; a file without it is left as it is.
    pub mark: &'a Mark,
}

/// What came of it, and what was seen on the way.
#[derive(Debug)]
pub struct Taken {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// Whether lines of others are left in the file.
    pub left: Result<bool, Refused>,
}

/// Takes it away; a file that is gone already is success.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn carry_out(env: &Env, host: &Host, removal: &Removal<'_>) -> Result<Taken, ProcError> {
    let script = Script {
        set: vec![
            ("given", removal.path.to_owned()),
            ("nonce", String::new()),
            ("names", removal.names.join(" ")),
            ("stack", removal.mark.stack.to_string()),
        ],
        body: include_str!("sh/remove.sh").to_owned(),
    };
    let session = ssh::run(env, host, &script, &Secret::from(""), LIMIT).await?;
    let mut seen = session.seen.clone();
    if session.lines.is_none() {
        return Ok(Taken { seen, left: Err(Refused::Seen) });
    }
    let target = format!("{}:{}", host.name(), session.line("path").unwrap_or(removal.path));
    if let Some((more, refused)) = sync::refusal(&session, &target) {
        seen.extend(more);
        return Ok(Taken { seen, left: Err(refused) });
    }
    let left = match session.line("removed") {
        Some(word) => Ok(word == "lines"),
        None => Err(sync::because("failed", "the host did not say what it took away")),
    };
    Ok(Taken { seen, left })
}

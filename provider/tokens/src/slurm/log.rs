//! What a job has written: the file that its record names, whole or as it grows until the job ends.

use std::time::Duration;

use mops_core::Secret;
use mops_diagnose::observed::services::{check, code, variant};
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use super::{LIMIT, PROGRAM, Refused, refused};
use crate::pieces::Piece;
use crate::snippet;
use crate::ssh::{self, Host, Script, Session};

const RECORD: &str = include_str!("../sh/record.sh");
/// Longer than any job.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// What is asked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The job's number.
    pub job: &'a str,
    /// The folder of jobs, for one that SLURM has forgotten.
    pub workdir: &'a str,
    /// Go on until the job ends.
    pub follow: bool,
    /// Only the last lines of what is there.
    pub tail: Option<u64>,
}

/// What is told on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// The file.
    File(&'a str),
    /// SLURM has forgotten the job, and this is where logs usually are.
    Guessed,
    /// A state, and the reason for it; both may be empty.
    State(&'a str, &'a str),
    /// More of the file.
    Bytes(&'a [u8]),
}

/// What was seen, and how it ended.
#[derive(Debug)]
pub struct Read {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// Whether there was a file, or why there is no answer.
    pub there: Result<bool, Refused>,
}

/// Reads.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn read(
    env: &Env,
    host: &Host,
    wanted: &Wanted<'_>,
    mut each: impl FnMut(Told<'_>),
) -> Result<Read, ProcError> {
    let mut script = script(wanted.job, wanted.workdir, include_str!("../sh/log.sh"));
    script.set.extend([
        ("follow", if wanted.follow { "yes".to_owned() } else { String::new() }),
        ("lines", wanted.tail.map(|lines| lines.to_string()).unwrap_or_default()),
    ]);
    let limit = if wanted.follow { LONGEST } else { LIMIT };
    let hand_on = |piece: Piece<'_>| match piece {
        Piece::Bytes(bytes) => each(Told::Bytes(bytes)),
        Piece::Line(line) => {
            if let Some(path) = line.strip_prefix("log ") {
                each(Told::File(path));
            } else if let Some((state, reason)) = line.strip_prefix("state ").and_then(|rest| rest.split_once(' ')) {
                each(Told::State(state, if reason == "None" { "" } else { reason }));
            } else if line == "guessed yes" {
                each(Told::Guessed);
            }
        }
    };
    let session = ssh::follow(env, host, &script, limit, hand_on).await?;
    let there = problem(&session).map_or_else(|| Ok(session.line("empty").is_none()), Err);
    Ok(Read { seen: session.seen, there })
}

/// Whether a job's log has the line of the loader.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn loaded(
    env: &Env,
    host: &Host,
    job: &str,
    workdir: &str,
) -> Result<(Vec<Observation>, Option<Refused>), ProcError> {
    let mut script = script(job, workdir, include_str!("../sh/loaded.sh"));
    script.set.extend([("said", snippet::SAID.to_owned()), ("missed", snippet::MISSED.to_owned())]);
    let session = ssh::run(env, host, &script, &Secret::from(""), LIMIT).await?;
    let problem = problem(&session);
    let failed = |code: &str| Observation::failed(check::SLURM_JOB_LOG, variant::HOST, job, code);
    let told = match session.line("loaded") {
        Some("yes") => Some(Observation::ok(check::SLURM_JOB_LOG, variant::HOST, job)),
        Some("missed") => Some(failed(code::NO_FILE).detail("its log says that tokens may be unavailable")),
        Some(_) => Some(failed(code::NOT_LOADED)),
        None => None,
    };
    let none = || Refused::Because(format!("job {job} has no log yet"), "wait until it has started");
    let problem = problem.or_else(|| told.is_none().then(none));
    Ok((session.seen.into_iter().chain(told).collect(), problem))
}

fn script(job: &str, workdir: &str, body: &str) -> Script {
    let set = vec![("given", format!("{}/jobs", workdir.trim_end_matches('/'))), ("job", job.to_owned())];
    Script { set, body: [PROGRAM, RECORD, body].concat() }
}

fn problem(session: &Session) -> Option<Refused> {
    let because = |text: String, hint: &'static str| Some(Refused::Because(text, hint));
    match session.line("refused").and_then(|line| line.split_once(' ')) {
        Some(("unknown", job)) => because(
            format!("the host knows no job {job}"),
            "`mops slurm status` lists those that it knows; one that ended long ago is forgotten without accounting",
        ),
        Some(("array", job)) => because(
            format!("job {job} is an array, and each of its tasks has a log"),
            "name a task as `mops slurm status` shows it, JOB_TASK",
        ),
        Some(("unreadable", path)) => because(format!("`{path}` cannot be read by this user"), "ask who owns the job"),
        _ => refused(session),
    }
}

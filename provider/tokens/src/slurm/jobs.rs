//! Jobs and how they are: those that SLURM still knows, then those of its accounting, where a host keeps one.

use mops_core::Secret;
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use super::{LIMIT, PROGRAM, Refused, refused};
use crate::ssh::{self, Host, Script, Session};

/// A job in SLURM's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Its number; that of a task of an array with the task's.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `PENDING`, `RUNNING`, `COMPLETED`, `FAILED` and so on.
    pub state: String,
    /// How long it has run.
    pub elapsed: String,
    /// How long it may run.
    pub limit: String,
    /// How many nodes.
    pub nodes: String,
    /// Which, once it has some.
    pub node_list: String,
    /// Why it waits or has ended; empty where there is nothing to say.
    pub reason: String,
}

/// What was seen, and the jobs.
#[derive(Debug)]
pub struct Asked {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// The jobs, or why there is no answer.
    pub jobs: Result<Vec<Job>, Refused>,
    /// Whether the host keeps an account of what has ended.
    pub accounting: bool,
}

/// Asks for jobs by their numbers, or for all of the user.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn ask(env: &Env, host: &Host, ids: &[String]) -> Result<Asked, ProcError> {
    let body = [PROGRAM, include_str!("../sh/jobs.sh")].concat();
    let script = Script { set: vec![("given", String::new()), ("ids", ids.join(","))], body };
    let session = ssh::run(env, host, &script, &Secret::from(""), LIMIT).await?;
    let accounting = session.line("accounting").is_some();
    let jobs = refused(&session).map_or_else(|| Ok(jobs(&session)), Err);
    Ok(Asked { seen: session.seen, jobs, accounting })
}

/// What the queue says of a job counts more than what the account does.
fn jobs(session: &Session) -> Vec<Job> {
    let mut found: Vec<Job> = Vec::new();
    let lines = |word: &'static str| session.lines.iter().flatten().filter_map(move |line| line.strip_prefix(word));
    let queued = lines("job ").filter_map(|line| job(line, false));
    for one in queued.chain(lines("past ").filter_map(|line| job(line, true))) {
        if !found.iter().any(|known| known.id == one.id) {
            found.push(one);
        }
    }
    found
}

/// The name comes last: it may hold anything.
fn job(line: &str, past: bool) -> Option<Job> {
    let fields: Vec<&str> = line.splitn(8, '|').collect();
    let &[id, state, elapsed, limit, nodes, list, reason, name] = fields.as_slice() else { return None };
    let said =
        |text: &str| if matches!(text, "None" | "None assigned" | "(null)") { String::new() } else { text.to_owned() };
    Some(Job {
        id: id.to_owned(),
        name: name.to_owned(),
        // `CANCELLED by 1000`.
        state: if past { state.split(' ').next().unwrap_or(state) } else { state }.to_owned(),
        elapsed: elapsed.to_owned(),
        limit: limit.to_owned(),
        nodes: nodes.to_owned(),
        node_list: said(list),
        reason: said(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_comes_before_the_account() {
        let lines = [
            "job 7|RUNNING|0:01|UNLIMITED|1|g1|None|a|b c",
            "past 7|COMPLETED|00:00:03|UNLIMITED|1|g1|None|a|b c",
            "past 5|CANCELLED by 1000|00:00:03|01:00:00|1|None assigned|Resources|x",
            "past half a line",
        ];
        let session = Session { seen: Vec::new(), lines: Some(lines.map(str::to_owned).to_vec()) };
        let found = jobs(&session);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].state.as_str(), found[0].name.as_str(), found[0].reason.as_str()),
            ("RUNNING", "a|b c", "")
        );
        let past = (found[1].state.as_str(), found[1].node_list.as_str(), found[1].reason.as_str());
        assert_eq!(past, ("CANCELLED", "", "Resources"));
    }
}

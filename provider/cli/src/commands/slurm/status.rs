//! `mops slurm status`: how jobs are, in SLURM's own words (`e2e::slurm`, K-21).

use mops_core::{Class, Error};
use mops_tokens::slurm::jobs::{self, Job};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refusal, unless_canceled};
use crate::app::App;
use crate::args::SlurmStatusArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::login_node;
use crate::printer::Table;

/// A longer reason may be clipped in the table, and is told behind it.
const SHORT: usize = 16;

/// A job of a SLURM host.
#[derive(Serialize, JsonSchema)]
pub(crate) struct JobLine {
    /// Its number; that of a task of an array with the task's.
    id: String,
    /// Its name.
    name: String,
    /// SLURM's word: `PENDING`, `RUNNING`, `COMPLETED`, `FAILED` and so on.
    state: String,
    /// How long it has run, in SLURM's form.
    elapsed: String,
    /// How long it may run, in SLURM's form.
    limit: String,
    /// How many nodes it has or asks for.
    nodes: String,
    /// Which, once it has some.
    #[serde(skip_serializing_if = "String::is_empty")]
    node_list: String,
    /// Why it waits, or has ended.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

pub(crate) fn run(app: &App, args: &SlurmStatusArgs) -> Outcome {
    let node = login_node::named(app, &args.host)?;
    let asked = app.wait_for(unless_canceled(app, async {
        jobs::ask(&app.env, &node.host, &args.ids).await.map_err(login_node::no_ssh)
    }))?;
    let found = match asked.jobs {
        Ok(found) => found,
        Err(refused) => return Err(refusal(refused, &asked.seen)),
    };
    login_node::notes(app, &asked.seen);
    show(app, &found);
    found.iter().for_each(|job| app.printer.event(&line(job)));
    let unknown: Vec<&str> = args.ids.iter().map(String::as_str).filter(|id| !has(&found, id)).collect();
    match unknown.as_slice() {
        [] => Ok(Exit::Ok),
        ids => Err(forgotten(ids, asked.accounting)),
    }
}

/// Whether a job is among them: itself, a task of it, or a range of its tasks.
fn has(found: &[Job], id: &str) -> bool {
    found.iter().any(|job| {
        job.id == id
            || job.id.split(['_', '+']).next() == Some(id)
            || job.id.starts_with(&format!("{}_[", id.split('_').next().unwrap_or(id)))
    })
}

fn forgotten(ids: &[&str], accounting: bool) -> Failure {
    let text = format!("the host knows no job {}", ids.join(", "));
    let hint = match accounting {
        true => "`mops slurm status` without a number lists those of the user",
        false => "it keeps no accounting: a job that has ended is forgotten after some minutes",
    };
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::NotFound, text).hint(hint)))
}

fn show(app: &App, found: &[Job]) {
    if app.printer.look().json {
        return;
    }
    if found.is_empty() {
        return app.printer.tell("no job is there");
    }
    let mut table = Table::new(&["ID", "NAME", "STATE", "ELAPSED", "LIMIT", "NODES", "REASON"]);
    for job in found {
        let nodes = if job.node_list.is_empty() { &job.nodes } else { &job.node_list };
        table.row([&job.id, &plain(&job.name), &job.state, &job.elapsed, &job.limit, nodes, &job.reason]);
    }
    app.printer.data(&table.render(app.printer.look().width));
    for job in found.iter().filter(|job| job.reason.chars().count() > SHORT) {
        app.printer.note(&format!("job {}: {}", job.id, job.reason));
    }
}

/// A name may hold anything; what moves a terminal's cursor is not shown to it.
fn plain(name: &str) -> String {
    let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(24).collect();
    if shown.chars().count() < name.chars().count() { format!("{shown}…") } else { shown }
}

fn line(job: &Job) -> JobLine {
    let Job { id, name, state, elapsed, limit, nodes, node_list, reason } = job.clone();
    JobLine { id, name, state, elapsed, limit, nodes, node_list, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_found_by_its_own_number_or_its_arrays() {
        let jobs: Vec<Job> =
            ["7", "4_1", "9_[2-5]"].map(|id| Job { id: id.to_owned(), ..Job::default() }).into_iter().collect();
        assert!(["7", "4", "4_1", "9", "9_3"].into_iter().all(|id| has(&jobs, id)));
        assert!(["1", "70", "4_2", "8"].into_iter().all(|id| !has(&jobs, id)));
    }
}

//! A script on the host, whole, and SLURM's word on it; one session for both.

use mops_core::Secret;
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use super::{LIMIT, PROGRAM, Refused, refused};
use crate::ssh::{self, Host, Session};
use crate::sync;
use crate::written::in_single_quotes;

/// What can be done about a folder.
const ELSEWHERE: &str = "mend that on the host, or name another folder of jobs with `--workdir`";

/// What is submitted.
#[derive(Debug)]
pub struct Order<'a> {
    /// The script.
    pub script: &'a str,
    /// What it is called there.
    pub name: &'a str,
    /// The folder of jobs; scripts go into its `jobs`.
    pub workdir: &'a str,
    /// The folder of data; that of jobs where it is empty.
    pub data: &'a str,
    /// Options of `sbatch`.
    pub options: &'a [String],
    /// What the script is started with.
    pub args: &'a [String],
    /// Variables that a job should have from the file of tokens alone.
    pub tokens: &'a [String],
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: String,
    /// The cluster, where a host has several.
    pub cluster: Option<String>,
    /// The script there.
    pub script: String,
    /// The folders that the job was told.
    pub code_root: String,
    /// The same for data.
    pub data_root: String,
    /// What `sbatch` said beside that.
    pub said: Vec<String>,
    /// Tokens that the session on the host has in its environment.
    pub inherited: Vec<String>,
}

/// What was seen, and the job.
#[derive(Debug)]
pub struct Submitted {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// It, or why there is none.
    pub job: Result<Job, Refused>,
}

/// Submits.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn send(env: &Env, host: &Host, order: &Order<'_>) -> Result<Submitted, ProcError> {
    let path = format!("{}/jobs/{}", order.workdir.trim_end_matches('/'), order.name);
    let text = Secret::from(order.script);
    let file = sync::Order { path: &path, text: &text, merge: None, mark: None };
    let mut script = sync::script(&file);
    script.set.extend([("data", order.data.to_owned()), ("tokens", order.tokens.join(" "))]);
    script.body = [&script.body, "\n", PROGRAM, &words(order), include_str!("../sh/submit.sh")].concat();
    let session = ssh::run(env, host, &script, &text, LIMIT).await?;
    Ok(judged(session, &host.name(), &path))
}

/// Sets the words of `sbatch`; whatever is in them, no shell reads anything into it.
fn words(order: &Order<'_>) -> String {
    let quoted = |words: &[String]| words.iter().map(|word| format!(" {}", in_single_quotes(word))).collect::<String>();
    format!("set --{} \"$path\"{}\n", quoted(order.options), quoted(order.args))
}

fn judged(session: Session, host: &str, path: &str) -> Submitted {
    if let Some(found @ (Refused::Seen | Refused::Absent(_))) = refused(&session) {
        return Submitted { seen: session.seen, job: Err(found) };
    }
    let all = |word: &'static str| {
        session.lines.iter().flatten().filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '))
    };
    let owned = |word: &'static str| all(word).map(str::to_owned).collect::<Vec<_>>();
    let (said, inherited) = (owned("said"), owned("inherited"));
    let id = all("job").find_map(|line| {
        let (id, cluster) = line.split_once(';').map_or((line, None), |(id, cluster)| (id, Some(cluster.to_owned())));
        super::is_id(id).then(|| (id.to_owned(), cluster))
    });
    let root = |word: &str| session.line(word).map(str::to_owned);
    let (code, data) = (root("code"), root("data").unwrap_or_default());
    let sent = sync::judged(session, host, path);
    let job = match (sent.written, id) {
        (Err(sync::Refused::Seen), _) => Err(Refused::Seen),
        (Err(sync::Refused::Because(text, _)), _) => Err(Refused::Because(text, ELSEWHERE)),
        (Ok(file), Some((id, cluster))) => Ok(Job {
            id,
            cluster,
            script: file.path,
            code_root: code.unwrap_or_default(),
            data_root: data,
            said,
            inherited,
        }),
        // SLURM's own words, if it came to them.
        (Ok(_), None) if code.is_some() => Err(Refused::Said(told(&said))),
        (Ok(_), None) => Err(Refused::Because("the folder of jobs cannot be entered".into(), ELSEWHERE)),
    };
    Submitted { seen: sent.seen, job }
}

fn told(said: &[String]) -> String {
    let text: Vec<&str> = said.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if text.is_empty() { "it said nothing".to_owned() } else { text.join("\n") }
}

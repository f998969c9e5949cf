//! The file on the host against the one here: the host computes hashes with a nonce, and no value crosses
//! (`tests/tokens_check.rs`, K-04, K-05, K-06, E-09).

use std::collections::{BTreeMap, BTreeSet};

use mops_core::Secret;
use mops_diagnose::observed::services::{check, code, variant};
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use crate::envfile::Variables;
use crate::ssh::{self, Host, Script, Session};
use crate::sync::{LIMIT, keyed, nonce, octal};

/// What a name is on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No line has it.
    Missing,
    /// A line has it, and nothing behind it.
    Empty,
    /// It has the value that it has here.
    Same,
    /// It has another value.
    Differs,
    /// It has a value, and none here.
    Set,
}

impl State {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Same | Self::Differs | Self::Set => "set",
        }
    }

    /// Against the value of this machine.
    #[must_use]
    pub const fn against(self) -> &'static str {
        match self {
            Self::Same => "= local",
            Self::Differs => "≠ local",
            Self::Set => "not here",
            Self::Missing | Self::Empty => "",
        }
    }
}

/// The file there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    /// Its whole path.
    pub path: String,
    /// Its mode, in octal digits.
    pub mode: String,
    /// Its owner's name.
    pub owner: String,
    /// Days since it was written.
    pub age: u64,
    /// Each name that was asked for.
    pub tokens: Vec<(String, State)>,
}

/// What is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The file there.
    pub path: &'a str,
    /// The names, in the order of the answer.
    pub names: &'a [String],
    /// Those that must have a value.
    pub required: &'a BTreeSet<String>,
    /// The values of this machine.
    pub local: &'a Variables,
}

/// What was seen, and the file if there is one.
#[derive(Debug)]
pub struct Looked {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// The file.
    pub file: Option<HostFile>,
}

/// Looks at the file.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn look(env: &Env, host: &Host, asked: &Asked<'_>) -> Result<Looked, ProcError> {
    let nonce = nonce();
    let session = session(env, host, (asked.path, &nonce), asked.names).await?;
    Ok(judged(session, &host.name(), asked, &nonce))
}

async fn session(env: &Env, host: &Host, file: (&str, &str), names: &[String]) -> Result<Session, ProcError> {
    let (path, nonce) = file;
    let script = Script {
        set: vec![("given", path.to_owned()), ("nonce", nonce.to_owned()), ("names", names.join(" "))],
        body: include_str!("sh/check.sh").to_owned(),
    };
    ssh::run(env, host, &script, &Secret::from(""), LIMIT).await
}

/// The file as a stack knows it again: whose it says that it is, and the hashes of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamped {
    /// Its whole path.
    pub path: String,
    /// Its mode, in octal digits.
    pub mode: String,
    /// Its owner's name.
    pub owner: String,
    /// What stands in its first line, when a stack wrote that.
    pub stamp: Option<String>,
    /// A hash for each name that is there; none for one that is blank.
    pub hashes: BTreeMap<String, Option<String>>,
}

/// The file with hashes under a nonce that is known; nothing when it is not there.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn stamped(
    env: &Env,
    host: &Host,
    (path, nonce): (&str, &str),
    names: &[String],
) -> Result<Result<Option<Stamped>, Vec<Observation>>, ProcError> {
    let session = session(env, host, (path, nonce), names).await?;
    let Some(lines) = &session.lines else { return Ok(Err(session.seen)) };
    if let Some(refused) = session.line("refused") {
        let target = format!("{}:{path}", host.name());
        return Ok(Err(vec![
            Observation::failed(check::SLURM_WRITE, variant::HOST, &target, code::PERMISSION_DENIED).detail(refused),
        ]));
    }
    let fields: Vec<&str> = session.line("file").unwrap_or_default().splitn(5, ' ').collect();
    let &[mode, _, _, _, owner] = fields.as_slice() else { return Ok(Ok(None)) };
    let hash =
        |name: &String| Some((name.clone(), of_name(lines, name)?.split_once(' ').map(|(_, hash)| hash.to_owned())));
    Ok(Ok(Some(Stamped {
        path: session.line("path").unwrap_or(path).to_owned(),
        mode: octal(mode),
        owner: owner.to_owned(),
        stamp: session.line("stamp").map(str::to_owned),
        hashes: names.iter().filter_map(hash).collect(),
    })))
}

fn judged(session: Session, host: &str, asked: &Asked<'_>, nonce: &str) -> Looked {
    let mut seen = session.seen.clone();
    let Some(lines) = &session.lines else { return Looked { seen, file: None } };
    let path = session.line("path").unwrap_or(asked.path).to_owned();
    let target = format!("{host}:{path}");
    let failed = |check: &str, code: &str| Observation::failed(check, variant::HOST, &target, code);
    let passed = |check: &str| Observation::ok(check, variant::HOST, &target);
    let fields: Vec<&str> = session.line("file").unwrap_or_default().splitn(5, ' ').collect();
    let &[mode, uid, me, age, owner] = fields.as_slice() else {
        seen.push(failed(check::SLURM_FILE, code::NOT_FOUND));
        return Looked { seen, file: None };
    };
    seen.push(passed(check::SLURM_FILE));
    let digits = octal(mode);
    let open = !digits.ends_with("00");
    seen.push(match (open, mode.ends_with('+')) {
        (true, _) => failed(check::SLURM_FILE_MODE, code::OPEN_MODE).detail(&format!("mode {digits}")),
        (false, true) => {
            failed(check::SLURM_FILE_MODE, code::ACCESS_LIST).detail("it has an access list beside its mode")
        }
        (false, false) => passed(check::SLURM_FILE_MODE),
    });
    seen.push(match uid == me {
        true => passed(check::SLURM_FILE_OWNER),
        false => failed(check::SLURM_FILE_OWNER, code::OTHER_OWNER).detail(&format!("its owner is {owner}")),
    });
    let tokens: Vec<(String, State)> =
        asked.names.iter().map(|name| (name.clone(), state(lines, name, asked.local, nonce))).collect();
    seen.extend(tokens.iter().filter_map(|(name, state)| told(name, *state, asked.required.contains(name))));
    let file = HostFile { path, mode: digits, owner: owner.to_owned(), age: age.parse().unwrap_or_default(), tokens };
    Looked { seen, file: Some(file) }
}

/// The last line of a name counts. A word is a name only as a whole.
fn state(lines: &[String], name: &str, local: &Variables, nonce: &str) -> State {
    let mine = of_name(lines, name);
    let here = local.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
    match (mine.as_deref().map(|rest| rest.split_once(' ')), here) {
        (None, _) => State::Missing,
        (Some(None), _) => State::Empty,
        (Some(Some(_)), None) => State::Set,
        (Some(Some((_, hash))), Some(value)) if hash == keyed(nonce, value.expose()) => State::Same,
        (Some(Some(_)), Some(_)) => State::Differs,
    }
}

/// What the host says of a name: its word, and the hash behind it.
fn of_name(lines: &[String], name: &str) -> Option<String> {
    lines.iter().rev().find_map(|line| match line.split(' ').collect::<Vec<_>>().as_slice() {
        ["token", found, rest @ ..] if *found == name => Some(rest.join(" ")),
        _ => None,
    })
}

/// What is optional may be absent.
fn told(name: &str, state: State, required: bool) -> Option<Observation> {
    let failed = |code: &str, detail: &str| {
        Some(Observation::failed(check::SLURM_TOKEN, variant::HOST, name, code).detail(detail))
    };
    match state {
        State::Same | State::Set => Some(Observation::ok(check::SLURM_TOKEN, variant::HOST, name)),
        State::Differs => failed(code::DIFFERS, "the hashes differ"),
        State::Missing if required => failed(code::NOT_FOUND, "jobs would run without it"),
        State::Empty if required => failed(code::EMPTY, "nothing stands behind it"),
        State::Missing | State::Empty => None,
    }
}

/// A request that the host makes with its own value.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The file there.
    pub path: &'a str,
    /// Whose value.
    pub name: &'a str,
    /// The address.
    pub url: String,
    /// `bearer`, or `basic` with the user `api`.
    pub kind: &'static str,
    /// The body, for one that has one.
    pub body: &'static str,
}

/// What a service said to the host: its status and whether it named somebody; or why it was not asked.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn ask(env: &Env, host: &Host, question: &Question<'_>) -> Result<Result<(u16, bool), String>, ProcError> {
    let script = Script {
        set: vec![
            ("given", question.path.to_owned()),
            ("nonce", String::new()),
            ("wanted", question.name.to_owned()),
            ("url", question.url.clone()),
            ("kind", question.kind.to_owned()),
            ("body", question.body.to_owned()),
        ],
        body: include_str!("sh/ask.sh").to_owned(),
    };
    let session = ssh::run(env, host, &script, &Secret::from(""), LIMIT).await?;
    let line = session.line("asked").unwrap_or("none the host did not say").to_owned();
    let (first, rest) = line.split_once(' ').unwrap_or((&line, ""));
    Ok(first.parse().map(|status| (status, rest == "named")).map_err(|_| rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str], name: &str, local: &[(&str, &str)]) -> State {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let local = local.iter().map(|(n, v)| ((*n).to_owned(), Secret::from(*v))).collect();
        state(&lines, name, &local, "n")
    }

    #[test]
    fn e_09_a_name_counts_as_a_whole_and_its_last_line() {
        let hash = keyed("n", "x");
        let line = format!("token HF_TOKEN set {hash}");
        assert_eq!(of(&[&line], "HF_TOKEN", &[("HF_TOKEN", "x")]), State::Same);
        assert_eq!(of(&[&line], "HF_TOKEN", &[("HF_TOKEN", "y")]), State::Differs);
        assert_eq!(of(&[&line], "HF_TOKEN", &[]), State::Set);
        assert_eq!(of(&[&line], "TOKEN", &[]), State::Missing);
        assert_eq!(of(&["token HF_TOKEN_NOT_SET set 1"], "HF_TOKEN", &[]), State::Missing);
        assert_eq!(of(&[&line, "token HF_TOKEN empty"], "HF_TOKEN", &[("HF_TOKEN", "x")]), State::Empty);
    }

    #[test]
    fn what_is_optional_may_be_absent() {
        assert!(told("WANDB_PROJECT", State::Missing, false).is_none());
        assert!(told("HF_TOKEN", State::Missing, true).is_some_and(|seen| seen.has_code(code::NOT_FOUND)));
        assert!(told("HF_TOKEN", State::Empty, true).is_some_and(|seen| seen.has_code(code::EMPTY)));
    }
}

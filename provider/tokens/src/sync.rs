//! The file on the host, written anew: the old one or the new one is there at every moment, whole and for its owner alone
//! (`tests/tokens_sync.rs`, K-01, K-03, K-13, M-10).

use std::fmt::Write as _;
use std::time::Duration;

use mops_core::{Mark, Secret};
use mops_diagnose::observed::services::{check, code, variant};
use mops_host::proc::ProcError;
use mops_host::{Env, random};
use mops_probe::Observation;
use sha2::{Digest as _, Sha256};

use crate::ssh::{self, Host, Script, Session};
use crate::stamp;

/// Longest time of the whole.
pub const LIMIT: Duration = Duration::from_secs(120);

/// What is written where.
#[derive(Debug)]
pub struct Order<'a> {
    /// The file; `~/` is the home folder of the user there.
    pub path: &'a str,
    /// Its lines.
    pub text: &'a Secret<String>,
    /// Where only some variables are replaced: which; all lines of others stay.
    pub merge: Option<Vec<String>>,
    /// The stack that writes it, for the first line; a file of another stack is left as it is in any case.
    pub mark: Option<&'a Mark>,
}

/// The file as it was read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Its whole path.
    pub path: String,
    /// Its mode, such as `600`.
    pub mode: String,
    /// Its owner.
    pub owner: String,
    /// Its bytes.
    pub size: u64,
    /// The file or folder that has an access list beside its mode.
    pub access_list: Option<String>,
}

/// Why the old file is still there.
#[derive(Clone, Debug)]
pub enum Refused {
    /// For a cause of the catalogue.
    Seen,
    /// For this reason; the second is what can be done.
    Because(String, &'static str),
}

/// What came of it, and what was seen on the way.
#[derive(Debug)]
pub struct Sent {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// The file, or why not.
    pub written: Result<Written, Refused>,
}

/// Sends the lines.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn send(env: &Env, host: &Host, order: &Order<'_>) -> Result<Sent, ProcError> {
    let session = ssh::run(env, host, &script(order), &text(order), LIMIT).await?;
    Ok(judged(session, &host.name(), order.path))
}

/// All lines: with that of a stack before them.
fn text(order: &Order<'_>) -> Secret<String> {
    match order.mark.map(stamp::line) {
        None => order.text.clone(),
        Some(mark) => Secret::new(format!("{mark}\n{}", order.text.expose())),
    }
}

/// What writes the file there, from standard input.
pub(crate) fn script(order: &Order<'_>) -> Script {
    let nonce = nonce();
    let (mark, text) = (order.mark.map(stamp::line).unwrap_or_default(), text(order));
    Script {
        set: vec![
            ("given", order.path.to_owned()),
            ("nonce", nonce.clone()),
            ("size", text.expose().len().to_string()),
            ("hash", keyed(&nonce, text.expose())),
            ("names", order.merge.as_ref().map(|names| names.join(" ")).unwrap_or_default()),
            ("stack", order.mark.map(|mark| mark.stack.to_string()).unwrap_or_default()),
            ("mark", mark),
        ],
        body: include_str!("sh/sync.sh").to_owned(),
    }
}

/// Drawn anew for each run, so that its hashes say nothing to anybody else.
#[must_use]
pub fn nonce() -> String {
    random::hex::<32>()
}

/// What the host computes of the same text.
#[must_use]
pub fn keyed(nonce: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(nonce);
    hash.update(text);
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `-rw-r-----` as `640`.
#[must_use]
pub fn octal(mode: &str) -> String {
    let bits: Vec<char> = mode.chars().skip(1).take(9).collect();
    let digit = |three: &[char]| {
        let weights = [4_u8, 2, 1];
        let bits = three.iter().zip(weights).filter(|(c, _)| !matches!(c, '-' | 'S' | 'T'));
        bits.map(|(_, weight)| weight).sum::<u8>().to_string()
    };
    bits.chunks(3).map(digit).collect()
}

/// What came of it.
pub(crate) fn judged(session: Session, host: &str, path: &str) -> Sent {
    let mut seen = session.seen.clone();
    if session.lines.is_none() {
        return Sent { seen, written: Err(Refused::Seen) };
    }
    let whole = session.line("path").unwrap_or(path).to_owned();
    let target = format!("{host}:{whole}");
    if let Some((more, refused)) = refusal(&session, &target) {
        seen.extend(more);
        return Sent { seen, written: Err(refused) };
    }
    let fields: Vec<&str> = session.line("written").unwrap_or_default().split(' ').collect();
    let &[mode, _, size, owner] = fields.as_slice() else {
        return Sent { seen, written: Err(because("failed", "the host did not say what it wrote")) };
    };
    let written = Written {
        path: whole,
        mode: octal(mode),
        owner: owner.to_owned(),
        size: size.parse().unwrap_or_default(),
        access_list: session.line("acl").map(str::to_owned),
    };
    Sent { seen, written: Ok(written) }
}

/// Why the host has left the file as it was.
pub(crate) fn refusal(session: &Session, target: &str) -> Option<(Vec<Observation>, Refused)> {
    let (word, told) = session.line("refused")?.split_once(' ')?;
    let failed = |check: &str, code: &str| vec![Observation::failed(check, variant::HOST, target, code).detail(told)];
    Some(match word {
        "owner" => (failed(check::SLURM_FILE_OWNER, code::OTHER_OWNER), Refused::Seen),
        "denied" => (failed(check::SLURM_WRITE, code::PERMISSION_DENIED), Refused::Seen),
        "quota" => (failed(check::SLURM_WRITE, code::QUOTA), Refused::Seen),
        _ => (Vec::new(), because(word, told)),
    })
}

pub(crate) fn because(word: &str, told: &str) -> Refused {
    let (text, hint) = match word {
        "link" => (
            format!("`{told}` on the host is a link, which somebody could turn elsewhere"),
            "name the real place with `--remote-path`",
        ),
        "writable" => (
            format!("group or others may write `{told}` on the host, and could swap the file"),
            "take that right away there (`chmod go-w`), or name another place with `--remote-path`",
        ),
        "file" => (format!("`{told}` on the host is no regular file"), "name another place with `--remote-path`"),
        "stack" => (
            format!("stack `{told}` keeps the file on the host, and its next run would write over this"),
            "put the new values where its stack file takes them from, and run `mops infra up`",
        ),
        "unmarked" => (
            format!("`{told}` on the host no longer says that this stack keeps it"),
            "delete the lines there by hand, or take it out of the state with `mops infra state forget`",
        ),
        "cut" => (format!("the file arrived in part: {told}"), "the old file is as it was; run the same command again"),
        _ => (
            format!("the file could not be written: {told}"),
            "the old file is as it was; mend the host, then run again",
        ),
    };
    Refused::Because(text, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_told_in_digits() {
        for (mode, want) in
            [("-rw-------", "600"), ("-rw-r--r--+", "644"), ("-r--------.", "400"), ("drwxrwxrwt", "777")]
        {
            assert_eq!(octal(mode), want);
        }
    }

    #[test]
    fn a_hash_is_that_of_sha256sum() {
        assert_eq!(keyed("a", "bc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

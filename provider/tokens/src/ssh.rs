//! A command on a host by the system's own `ssh`: its configuration, jumps, agents and open control connections are
//! followed. No prompt is waited for and no host is taken on trust; what we send, script and content, goes by standard
//! input, so that no process list shows it (`tests/tokens_ssh.rs`, R16, K-06, K-11).

use std::path::PathBuf;
use std::time::Duration;

use mops_core::Secret;
use mops_diagnose::observed::services::{check, code, variant};
use mops_host::proc::{Command, Output, ProcError};
use mops_host::{Env, random};
use mops_probe::Observation;
use mops_probe::observation::code as seen;

use crate::pieces::{Piece, Pieces};
use crate::snippet;

/// The program.
pub const PROGRAM: &str = "ssh";
/// Longest time until a host answers, in seconds.
const CONNECT: u32 = 20;
/// An answer is a few lines; a login message may be longer.
const LONGEST: usize = 1 << 20;
/// What the program needs to find its files, its agent and a ticket.
const NEEDED: &[&str] =
    &["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "KRB5CCNAME", "XDG_RUNTIME_DIR", "TMPDIR", "DISPLAY"];
/// The control connection that the advice for hosts with a second factor opens.
const CONTROL: &str = "~/.ssh/mops-%C";
/// Whatever a user's files say: nobody is asked, a host is known or refused, nothing of ours is forwarded, and why a
/// connection failed is said in the words that we read.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "NoHostAuthenticationForLocalhost=no",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "LogLevel=VERBOSE",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
];

/// A host and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name, or an alias of the configuration.
    pub host: String,
    /// The user there.
    pub user: String,
    /// Another port than the configuration's.
    pub port: Option<u16>,
    /// A key file.
    pub identity_file: Option<PathBuf>,
    /// A command whose standard streams are the connection.
    pub proxy_command: Option<String>,
    /// Another file than `~/.ssh/config`.
    pub config: Option<PathBuf>,
}

impl Host {
    /// As a person names it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    fn words(&self, env: &Env) -> Vec<String> {
        let mut words = vec!["-T".to_owned(), "-x".to_owned()];
        let mut option = |text: String| words.extend(["-o".to_owned(), text]);
        OPTIONS.iter().for_each(|&text| option(text.to_owned()));
        option(format!("ConnectTimeout={CONNECT}"));
        if let Some(proxy) = &self.proxy_command {
            option(format!("ProxyCommand={proxy}"));
        }
        if has_control(env) {
            option(format!("ControlPath={CONTROL}"));
        }
        let mut flag = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if let Some(config) = &self.config {
            flag("-F", config.display().to_string());
        }
        if let Some(port) = self.port {
            flag("-p", port.to_string());
        }
        if let Some(identity) = &self.identity_file {
            flag("-i", identity.display().to_string());
        }
        flag("-l", self.user.clone());
        flag("--", self.host.clone());
        words
    }
}

/// Whether somebody opened a control connection of ours by hand.
fn has_control(env: &Env) -> bool {
    let folder = env.user_home().map(|home| home.join(".ssh"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    entries.into_iter().flatten().flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("mops-"))
}

/// What runs on a host: words of a POSIX shell, with values that are set before them.
#[derive(Clone, Debug)]
pub struct Script {
    /// Names and values; never a secret token.
    pub set: Vec<(&'static str, String)>,
    /// The words.
    pub body: String,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The session and its command, as they were seen.
    pub seen: Vec<Observation>,
    /// The lines that the script wrote; `None` when it did not come to its end.
    pub lines: Option<Vec<String>>,
}

impl Session {
    /// The rest of the first line that begins with this word.
    #[must_use]
    pub fn line(&self, word: &str) -> Option<&str> {
        self.lines.iter().flatten().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
    }
}

/// Runs a script on a host, whatever the login shell there is, with `input` on its standard input.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn run(
    env: &Env,
    host: &Host,
    script: &Script,
    input: &Secret<String>,
    limit: Duration,
) -> Result<Session, ProcError> {
    let run = random::hex::<8>();
    match command(env, host, &run, script, input, limit).run().await {
        Ok(output) => Ok(read(&host.name(), &run, &output)),
        Err(error) => without_answer(host, error),
    }
}

/// The same for a script that may run for long: each line of ours and each piece of a file is handed on as it comes.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn follow(
    env: &Env,
    host: &Host,
    script: &Script,
    limit: Duration,
    mut each: impl FnMut(Piece<'_>),
) -> Result<Session, ProcError> {
    let run = random::hex::<8>();
    let mut pieces = Pieces::new(&run);
    let command = command(env, host, &run, script, &Secret::from(""), limit);
    match command.stream(|bytes| pieces.push(bytes, &mut each)).await {
        Ok(output) => Ok(read(&host.name(), &run, &Output { stdout: pieces.rest(), ..output })),
        Err(error) => without_answer(host, error),
    }
}

fn command(env: &Env, host: &Host, run: &str, script: &Script, input: &Secret<String>, limit: Duration) -> Command {
    let text = whole(run, script);
    // The shell reads what it runs byte by byte, so that it leaves the rest to whoever reads next. No shell reads
    // anything into these words: neither csh nor fish has a use for them inside single quotes.
    let command = format!("exec /bin/sh -c 'eval \"$(dd bs=1 count={} 2>/dev/null)\"'", text.len());
    Command {
        program: PROGRAM.to_owned(),
        args: host.words(env).into_iter().chain([command]).collect(),
        env: [env.only(NEEDED), vec![("LC_ALL".to_owned(), "C".to_owned())]].concat(),
        stdin: Some(Secret::new(text + input.expose())),
        timeout: limit,
        max_output: LONGEST,
    }
}

fn without_answer(host: &Host, error: ProcError) -> Result<Session, ProcError> {
    match error {
        ProcError::Timeout { limit, .. } => {
            let told = format!("no end within {} s", limit.as_secs());
            Ok(without(session_failed(&host.name(), seen::TIMEOUT).detail(&told)))
        }
        ProcError::TooMuch { .. } => {
            let failed = Observation::failed(check::SSH_COMMAND, variant::HOST, &host.name(), code::NO_MARKERS);
            Ok(without(failed.detail("it prints without an end")))
        }
        other => Err(other),
    }
}

/// Markers round everything that the script prints; a shell of its own, which it may leave.
fn whole(run: &str, script: &Script) -> String {
    let set: String = script
        .set
        .iter()
        .map(|(name, value)| format!("{name}={}\n", crate::written::in_single_quotes(value)))
        .collect();
    format!(
        "printf '%s\\n' 'mops-{run}-begin'\n(\nrun={run}\n{set}{}{}{}\n)\nprintf '%s\\n' 'mops-{run}-end'\n",
        snippet::PAIR,
        include_str!("sh/host.sh"),
        script.body
    )
}

fn without(seen: Observation) -> Session {
    Session { seen: vec![seen], lines: None }
}

fn session_failed(host: &str, code: &str) -> Observation {
    Observation::failed(check::SSH_SESSION, "", host, code)
}

fn read(host: &str, run: &str, output: &Output) -> Session {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let session = Observation::ok(check::SSH_SESSION, "", host);
    let command = |code: &str| Observation::failed(check::SSH_COMMAND, "", host, code);
    let Some((before, rest)) = text.split_once(&format!("mops-{run}-begin\n")) else {
        if output.code == Some(255) {
            return without(refusal(host, &errors));
        }
        let told = last(&errors).unwrap_or_else(|| format!("it ended with {:?}", output.code));
        return Session { seen: vec![session, command(code::NO_MARKERS).detail(&told)], lines: None };
    };
    let Some((ours, after)) = rest.split_once(&format!("mops-{run}-end")) else {
        let told = last(&errors).unwrap_or_else(|| "the connection ended in the middle".to_owned());
        return without(session_failed(host, seen::CONNECTION_BROKEN).detail(&told));
    };
    let mut ran = Observation::ok(check::SSH_COMMAND, "", host);
    let noise = [before, after].into_iter().flat_map(str::lines).find(|line| !line.trim().is_empty());
    if let Some(noise) = noise {
        ran = ran.code(code::NOISE).detail(noise);
    }
    Session { seen: vec![session, ran], lines: Some(ours.lines().map(str::to_owned).collect()) }
}

/// Why no session came about, from the words of the program.
fn refusal(host: &str, errors: &str) -> Observation {
    let has = |words: &[&str]| words.iter().any(|word| errors.contains(word));
    let code = if has(&["IDENTIFICATION HAS CHANGED", "REVOKED HOST KEY", "was revoked", "is marked as revoked"]) {
        code::HOST_KEY_CHANGED
    } else if has(&["Host key verification failed", "host key is known for", "authenticity of host"]) {
        code::HOST_KEY_UNKNOWN
    } else if errors.contains("partial success") || asks_a_person(errors) {
        code::SECOND_FACTOR
    } else if has(&["Permission denied (", "Too many authentication failures", "No supported authentication"]) {
        code::KEY_REFUSED
    } else if errors.contains("Could not resolve hostname") {
        seen::NAME_NOT_RESOLVED
    } else if errors.contains("Connection refused") {
        seen::CONNECTION_REFUSED
    } else if has(&["timed out", "Timeout"]) {
        seen::TIMEOUT
    } else {
        seen::CONNECTION_BROKEN
    };
    session_failed(host, code).detail(&telling(errors, code))
}

/// Nothing that a key could open is left of the ways to sign in.
fn asks_a_person(errors: &str) -> bool {
    let ways = errors.rsplit_once("Permission denied (").and_then(|(_, rest)| rest.split_once(')'));
    ways.is_some_and(|(ways, _)| ways.contains("keyboard-interactive") && !ways.contains("publickey"))
}

/// The one line that says it best.
fn telling(errors: &str, code: &str) -> String {
    let word = match code {
        code::HOST_KEY_CHANGED => "HAS CHANGED",
        code::HOST_KEY_UNKNOWN => "host key is known",
        code::SECOND_FACTOR | code::KEY_REFUSED => "Permission denied",
        _ => "",
    };
    let bare = |line: &str| line.trim_matches(|c: char| c == '@' || c.is_whitespace()).to_owned();
    let revoked = errors.lines().find(|line| line.contains("revoked") || line.contains("REVOKED"));
    let fitting = revoked.or_else(|| errors.lines().find(|line| !word.is_empty() && line.contains(word)));
    fitting.map(bare).or_else(|| last(errors)).unwrap_or_else(|| "the program said nothing".to_owned())
}

fn last(errors: &str) -> Option<String> {
    errors.lines().rfind(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32, out: &str, err: &str) -> Session {
        read("me@koa", "7", &Output { code: Some(code), stdout: out.into(), stderr: err.into() })
    }

    #[test]
    fn the_words_of_the_program_tell_why() {
        let row = |words: &str, want: &str| {
            let session = said(255, "", words);
            assert!(session.lines.is_none() && session.seen[0].has_code(want), "{words}: {:?}", session.seen);
        };
        row(
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            code::HOST_KEY_CHANGED,
        );
        row(
            "No ED25519 host key is known for koa and you have requested strict checking.\nHost key verification failed.",
            code::HOST_KEY_UNKNOWN,
        );
        row("@ WARNING: REVOKED HOST KEY DETECTED! @\nHost key verification failed.", code::HOST_KEY_CHANGED);
        row("me@koa: Permission denied (publickey).", code::KEY_REFUSED);
        row(
            "Authenticated using \"publickey\" with partial success.\nPermission denied (publickey,keyboard-interactive).",
            code::SECOND_FACTOR,
        );
        row("me@koa: Permission denied (keyboard-interactive).", code::SECOND_FACTOR);
        row("ssh: Could not resolve hostname koa: Name or service not known", seen::NAME_NOT_RESOLVED);
        row("ssh: connect to host koa port 22: Connection refused", seen::CONNECTION_REFUSED);
        row("ssh: connect to host koa port 22: Connection timed out", seen::TIMEOUT);
        row("kex_exchange_identification: Connection closed by remote host", seen::CONNECTION_BROKEN);
    }

    #[test]
    fn our_lines_stand_between_marks() {
        let session = said(0, "hello\nmops-7-begin\npath /a b\nmops-7-end\n", "");
        assert_eq!(session.line("path"), Some("/a b"));
        assert!(session.seen[1].has_code(code::NOISE) && session.seen[1].detail == "hello");
        let quiet = said(0, "mops-7-begin\nmops-7-end\n", "");
        assert_eq!((quiet.seen[1].code.clone(), quiet.lines), (None, Some(Vec::new())));
        assert!(said(1, "no shell\n", "").seen[1].has_code(code::NO_MARKERS));
        assert!(said(255, "mops-7-begin\npath /a\n", "").seen[0].has_code(seen::CONNECTION_BROKEN));
    }
}

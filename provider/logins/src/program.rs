//! A credential program of docker: asked for one host within its time, with an environment that holds none of our
//! secrets. Whatever it does wrong is told by its name; what it prints is shown to nobody (`tests`, R17).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mops_core::Secret;
use mops_host::Env;
use mops_host::proc::{Command, Output, ProcError};
use mops_probe::Observation;
use mops_probe::dockerconfig::{self, Login};
use mops_probe::observation::{code as seen, variant};
use serde::Deserialize;

use super::Kept;
use crate::{check, code};

/// Longest time of one program.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer in bytes; a login is never as long.
const LONGEST: usize = 64 * 1024;
/// What a program needs to find itself, its store and the person whose it is.
const NEEDED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "GNUPGHOME",
    "GPG_TTY",
    "PASSWORD_STORE_DIR",
    "DOCKER_CONFIG",
    "AZURE_CONFIG_DIR",
    "CLOUDSDK_CONFIG",
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
];
/// The words with which every program says that it has no login for a host.
const NONE: &str = "credentials not found";
/// The user name that stands for an identity token.
const TOKEN: &str = "<token>";

/// How a JWT begins: `{"`, in base64.
const JWT: &str = "eyJ";
/// The parts of one that is encrypted, whose second part is no JSON.
const JWE_PARTS: usize = 5;
/// What the credential manager of Windows keeps of a secret, in characters.
const WINDOWS_LIMIT: usize = 2560;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default, rename = "ServerURL")]
    server: String,
    username: String,
    secret: Secret<String>,
}

/// What a program did wrong: the code and the words.
type Wrong = (&'static str, String);

/// Runs a program for one of its verbs.
async fn ask(env: &Env, name: &str, verb: &str, stdin: Secret<String>, within: Duration) -> Result<Output, Wrong> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err((code::PROGRAM_FAILED, "the name is not that of a program".to_owned()));
    }
    let command = Command {
        program: program(name),
        args: vec![verb.to_owned()],
        env: env.only(NEEDED),
        stdin: Some(stdin),
        timeout: within,
        max_output: LONGEST,
    };
    command.run().await.map_err(|error| match error {
        ProcError::NotFound { .. } => (code::NOT_INSTALLED, "it is in no folder of `PATH`".to_owned()),
        error @ ProcError::Timeout { .. } => (seen::TIMEOUT, error.to_string()),
        error => (code::PROGRAM_FAILED, error.to_string()),
    })
}

/// How a program is called.
pub(super) fn program(name: &str) -> String {
    format!("docker-credential-{name}")
}

/// The login that a program keeps for a server; none when it has none, or does not work.
pub(super) async fn get(env: &Env, name: &str, server: &str, within: Duration) -> (Observation, Option<Kept>) {
    let program = program(name);
    let failed = |code: &str, words: &str| {
        (Observation::failed(check::CREDENTIAL_PROGRAM, variant::LOCAL, &program, code).detail(words), None)
    };
    let output = match ask(env, name, "get", Secret::from(server), within).await {
        Ok(output) => output,
        Err((code, words)) => return failed(code, &words),
    };
    match read(&output, server) {
        // It is sent all the same: only the registry knows.
        Ok(Some(kept)) if cut(&kept).is_some() => {
            let (failed, _) = failed(code::TRUNCATED, &cut(&kept).unwrap_or_default());
            (failed, Some(kept))
        }
        Ok(kept) => (Observation::ok(check::CREDENTIAL_PROGRAM, variant::LOCAL, &program), kept),
        Err(words) => failed(code::PROGRAM_FAILED, &words),
    }
}

/// Gives a program a login to keep. What it says when it will not is shown to nobody: it may repeat the password.
pub(super) async fn store(env: &Env, name: &str, server: &str, kept: &Kept, within: Duration) -> Result<(), String> {
    let (username, secret) = match kept {
        Kept::Login(login) => (login.username.as_str(), &login.password),
        Kept::Identity(token) => (TOKEN, token),
    };
    let text = serde_json::json!({"ServerURL": server, "Username": username, "Secret": secret.expose()}).to_string();
    let output = ask(env, name, "store", Secret::new(text), within).await.map_err(|(_, words)| words)?;
    if output.success() { Ok(()) } else { Err(ended(&output)) }
}

/// Has a program forget the login of a server; one that it does not have is as good.
pub(super) async fn erase(env: &Env, name: &str, server: &str, within: Duration) -> Result<(), String> {
    let output = ask(env, name, "erase", Secret::from(server), within).await.map_err(|(_, words)| words)?;
    let none = String::from_utf8_lossy(&output.stdout).contains(NONE);
    if output.success() || none { Ok(()) } else { Err(ended(&output)) }
}

fn ended(output: &Output) -> String {
    let how = output.code.map_or_else(|| "was ended by a signal".to_owned(), |c| format!("ended with exit code {c}"));
    format!("it {how}")
}

fn read(output: &Output, server: &str) -> Result<Option<Kept>, String> {
    if !output.success() {
        let none = String::from_utf8_lossy(&output.stdout).contains(NONE);
        return if none { Ok(None) } else { Err(ended(output)) };
    }
    let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| "its answer is not a login".to_owned())?;
    if !answer.server.is_empty() && dockerconfig::host_of(&answer.server) != dockerconfig::host_of(server) {
        return Err("it answers with the login of another host".to_owned());
    }
    if answer.username.is_empty() || answer.secret.expose().is_empty() {
        return Err("its answer lacks the user or the password".to_owned());
    }
    Ok(Some(match answer.username.as_str() {
        TOKEN => Kept::Identity(answer.secret),
        _ => Kept::Login(Login { username: answer.username, password: answer.secret }),
    }))
}

/// What shows that a token came back without its end: the parts of a JWT that are missing or not to be read, or a length
/// that is the limit of a store.
fn cut(kept: &Kept) -> Option<String> {
    let token = match kept {
        Kept::Login(login) => login.password.expose(),
        Kept::Identity(token) => token.expose(),
    };
    if !token.starts_with(JWT) {
        return None;
    }
    let parts: Vec<&str> = token.split('.').collect();
    let payload = parts.get(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let whole = parts.len() == 3 && payload.is_some_and(|p| serde_json::from_slice::<serde_json::Value>(&p).is_ok());
    let characters = token.chars().count();
    match whole {
        false if parts.len() != JWE_PARTS => Some(format!("{characters} characters, not to be parsed")),
        _ => {
            (characters == WINDOWS_LIMIT).then(|| format!("{characters} characters, which is all that its store keeps"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use mops_host::fsx;
    use mops_probe::observation::Outcome;

    use super::*;

    fn program(folder: &Path, script: &str) -> Env {
        let path = folder.join("docker-credential-kept");
        fsx::replace(&path, format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        Env::of([("PATH", path.as_str()), ("REGISTRY_PASSWORD", "canary-env")])
    }

    fn answer(server: &str, user: &str) -> String {
        format!("echo '{{\"ServerURL\": \"{server}\", \"Username\": \"{user}\", \"Secret\": \"canary\"}}'")
    }

    #[test]
    fn a_token_without_its_end_is_known_by_its_parts_or_its_length() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let (head, body) = (part(r#"{"alg":"RS256"}"#), part(r#"{"exp":1800000000,"sub":"a-user-of-the-registry"}"#));
        let whole = format!("{head}.{body}.{}", "s".repeat(342));
        let cut_of = |token: &str| cut(&Kept::Login(Login { username: "u".into(), password: token.into() }));
        assert_eq!((cut_of(&whole), cut_of("plain"), cut_of(&"x".repeat(WINDOWS_LIMIT))), (None, None, None));
        let end = head.len() + body.len() / 2;
        assert_eq!(cut_of(&whole[..end]), Some(format!("{end} characters, not to be parsed")));
        let long = format!("{head}.{body}.{}", "s".repeat(WINDOWS_LIMIT));
        assert!(cut_of(&long[..WINDOWS_LIMIT]).is_some_and(|words| words.contains("2560")));
        assert!(cut(&Kept::Identity(whole[..end].into())).is_some());
        assert_eq!(cut_of(&format!("{head}.a.b.c.d")), None, "an encrypted one");
    }

    #[tokio::test]
    async fn whatever_a_program_does_wrong_is_told_by_its_name() {
        let rows = [
            (answer("reg.io", "u"), "", true),
            (answer("https://reg.io/v1/", "<token>"), "", true),
            ("echo 'credentials not found in native keychain'; exit 1".to_owned(), "", false),
            ("echo canary >&2; echo canary; exit 1".to_owned(), code::PROGRAM_FAILED, false),
            ("echo 'canary, no JSON'".to_owned(), code::PROGRAM_FAILED, false),
            ("yes canary | head -c 10000000".to_owned(), code::PROGRAM_FAILED, false),
            (answer("evil.io", "u"), code::PROGRAM_FAILED, false),
            (answer("reg.io", ""), code::PROGRAM_FAILED, false),
            ("sleep 600".to_owned(), seen::TIMEOUT, false),
            ("kill -9 $$".to_owned(), code::PROGRAM_FAILED, false),
            // It is given the host on its standard input, and none of our secrets.
            (format!("test -z \"$REGISTRY_PASSWORD\" || exit 9; {}", answer("reg.io", "u")), "", true),
            (format!("read host; test $host = reg.io || exit 9; {}", answer("reg.io", "u")), "", true),
        ];
        for (script, want, has) in &rows {
            let folder = tempfile::tempdir().unwrap();
            let env = program(folder.path(), script);
            let within = if script.starts_with("sleep") { Duration::from_millis(200) } else { TIMEOUT };
            let (seen, kept) = get(&env, "kept", "reg.io", within).await;
            assert_eq!((seen.code.as_deref().unwrap_or_default(), kept.is_some()), (*want, *has), "{script}: {seen:?}");
            assert_eq!(seen.target, "docker-credential-kept");
            assert_eq!(seen.outcome == Outcome::Ok, want.is_empty());
            assert!(!format!("{seen:?}{kept:?}").contains("canary"), "{script}: {seen:?}");
        }
        let (seen, _) = get(&Env::of([("PATH", "/nowhere")]), "kept", "reg.io", TIMEOUT).await;
        assert!(seen.has_code(code::NOT_INSTALLED), "{seen:?}");
        let (seen, _) = get(&Env::of([("PATH", "/bin")]), "../kept", "reg.io", TIMEOUT).await;
        assert!(seen.has_code(code::PROGRAM_FAILED), "{seen:?}");
    }
}

//! Commands in a container over a WebSocket: our probe and what was said to be in the image are really run, with the
//! environment with which the container began; everything else is refused as the runtime refuses a program that the
//! image does not have. Output is sent when the command has ended.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use mops_core::Secret;
use mops_host::proc::{Command, Output};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::KubernetesFake;
use super::kubelet::is_probe;
use super::serve::Ask;
use super::status::Refusal;
use super::store::text;
use crate::registry::content::digest;
use crate::websocket::{CHANNELS, Message, Side, accept, read, write};

const PROBE: &str = "mops-probe";
/// The longest that a command may run.
const LIMIT: Duration = Duration::from_secs(60);
/// The first byte of a message says what it is.
const INPUT: u8 = 0;
const OUTPUT: u8 = 1;
const ERRORS: u8 = 2;
const STATUS: u8 = 3;
/// The channel that the second byte names is closed.
const CLOSED: u8 = 255;

/// What is run, and where.
struct Run {
    words: Vec<String>,
    /// The program on this machine, when the image has it.
    program: Option<String>,
    env: Vec<(String, String)>,
    /// Whether the client has something to say to it.
    listens: bool,
}

/// Answers with the upgrade, or says why there is none.
pub(super) fn exec(fake: &Arc<KubernetesFake>, ask: &Ask, pod: &Json) -> Result<Response<Body>, Refusal> {
    let container = super::log::container(pod, ask.query("container"))?;
    if text(pod, "/spec/nodeName").is_empty() {
        let message = format!("pod {} does not have a host assigned", text(pod, "/metadata/name"));
        return Err(Refusal::bad_request(&message));
    }
    let words: Vec<String> =
        ask.query.iter().filter(|(name, _)| name == "command").map(|(_, word)| word.clone()).collect();
    let upgrade = ask.upgrade.clone().filter(|_| offers(&ask.headers));
    let upgrade = upgrade.ok_or_else(|| Refusal::bad_request("Upgrade request required"))?;
    let began = (text(pod, "/metadata/uid").to_owned(), text(&container, "/name").to_owned());
    let env = fake.store().environments.get(&began).cloned().unwrap_or_default();
    let program = program(fake, &container, words.first().map_or("", String::as_str));
    let run = Run { words, program, env: env.into_iter().collect(), listens: ask.flag("stdin") };
    tokio::spawn(talk(Arc::clone(fake), upgrade, run));
    let key = ask.headers.get("sec-websocket-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header("sec-websocket-accept", accept(key))
        .header("sec-websocket-protocol", CHANNELS);
    answer.body(Body::empty()).map_err(|error| Refusal::internal(&error.to_string()))
}

/// What is run for a command: the probe of the test, or a program of this machine by its name.
fn program(fake: &KubernetesFake, container: &Json, word: &str) -> Option<String> {
    let name = word.rsplit('/').next().unwrap_or_default();
    let image = text(container, "/image").to_owned();
    let has = fake.store().programs.contains(&(image, name.to_owned()));
    match name {
        PROBE if has || is_probe(container) => Some(fake.options.probe.clone()?.display().to_string()),
        _ => has.then(|| name.to_owned()),
    }
}

/// Whether a client speaks our dialect.
fn offers(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase();
    said("upgrade") == "websocket" && said("sec-websocket-protocol").split(',').any(|one| one.trim() == CHANNELS)
}

async fn talk(fake: Arc<KubernetesFake>, upgrade: OnUpgrade, run: Run) {
    // A client that goes away ends the talk, and is no fault of the server.
    if let Ok(upgraded) = upgrade.await {
        let _ = converse(&fake, &mut TokioIo::new(upgraded), run).await;
    }
}

async fn converse(
    fake: &KubernetesFake,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    run: Run,
) -> std::io::Result<()> {
    let input = if run.listens { Some(listen(stream).await?) } else { None };
    let (output, status) = run_program(fake, run, input).await;
    if let Some(output) = output {
        for (channel, bytes) in [(OUTPUT, output.stdout), (ERRORS, output.stderr)] {
            if !bytes.is_empty() {
                send(stream, channel, &bytes).await?;
            }
        }
    }
    if fake.store().commands_break {
        // Neither a status nor a word of farewell.
        return Ok(());
    }
    send(stream, STATUS, status.to_string().as_bytes()).await?;
    write(stream, Side::Server, &Message::Close).await
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), channel: u8, bytes: &[u8]) -> std::io::Result<()> {
    write(stream, Side::Server, &Message::Binary([&[channel], bytes].concat())).await
}

/// What the client says, until it closes its side.
async fn listen(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut input = Vec::new();
    loop {
        match read(stream).await? {
            Message::Binary(bytes) => match bytes.split_first() {
                Some((&INPUT, more)) => input.extend_from_slice(more),
                Some((&CLOSED, [INPUT])) => return Ok(input),
                _ => {}
            },
            Message::Close => return Ok(input),
        }
    }
}

async fn run_program(fake: &KubernetesFake, run: Run, input: Option<Vec<u8>>) -> (Option<Output>, Json) {
    let first = run.words.first().cloned().unwrap_or_default();
    let Some(program) = run.program else { return (None, absent(&first)) };
    // An image sets its own; a later one counts.
    let path = ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
    let env = std::iter::once(path).chain(run.env).chain(fake.options.probe_env.iter().cloned());
    let command = Command {
        program,
        args: run.words.into_iter().skip(1).collect(),
        env: env.collect(),
        stdin: input.map(|bytes| Secret::new(String::from_utf8_lossy(&bytes).into_owned())),
        timeout: LIMIT,
        max_output: 1 << 20,
    };
    match command.run().await {
        Ok(output) => {
            let status = ended(output.code.unwrap_or(137));
            (Some(output), status)
        }
        Err(error) => (None, Refusal::internal(&error.to_string()).body),
    }
}

fn ended(code: i32) -> Json {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    let message = format!("command terminated with non-zero exit code: command terminated with exit code {code}");
    json!({"metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}})
}

/// The words of containerd and runc.
fn absent(program: &str) -> Json {
    let id = digest(program.as_bytes()).replace("sha256:", "");
    let message = format!(
        "Internal error occurred: error executing command in container: failed to exec in container: failed to start \
         exec \"{id}\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"{program}\": \
         executable file not found in $PATH"
    );
    json!({"metadata": {}, "status": "Failure", "message": format!("Internal error occurred: {message}"),
        "reason": "InternalError", "details": {"causes": [{"message": message}]}, "code": 500})
}

//! Ports of pods over a WebSocket, as the kubelet and containerd forward them: the node connects for each, and says so in
//! its own words when nobody listens there. What listens is what a container's program would open: Dask's scheduler does, and a server of a model.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncWrite};

use super::KubernetesFake;
use super::serve::Ask;
use super::status::Refusal;
use super::store::text;
use crate::websocket::{Message, Side, accept, read, write};

/// The only dialect of ports.
const DIALECT: &str = "v4.channel.k8s.io";
/// Where Dask's scheduler waits for others to speak, and where it answers over HTTP.
const COMM: u16 = 8786;
const DASHBOARD: u16 = 8787;
/// Where a server of a model does.
const MODEL: u16 = 8000;

/// What a port does that should be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Nobody listens.
    Deaf,
    /// It connects, and nobody ever answers.
    Mute,
    /// It answers that it is not well.
    Unwell,
}

impl KubernetesFake {
    /// What a scheduler's port does from now on.
    pub fn quiet(&self, port: u16, how: Quiet) {
        self.store().quiet.insert(port, how);
    }
}

/// Answers with the upgrade, or says why there is none.
pub(super) fn forward(fake: &Arc<KubernetesFake>, ask: &Ask, pod: &Json) -> Result<Response<Body>, Refusal> {
    if text(pod, "/spec/nodeName").is_empty() {
        let message = format!("pod {} does not have a host assigned", text(pod, "/metadata/name"));
        return Err(Refusal::bad_request(&message));
    }
    let asked = ask.query("ports").to_owned();
    let ports: Option<Vec<u16>> = asked.split(',').map(|port| port.parse().ok().filter(|port| *port > 0)).collect();
    let ports = ports.ok_or_else(|| Refusal::bad_request("query parameter \"ports\" is required"))?;
    let said = |name: &str| ask.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let offers = said("upgrade").eq_ignore_ascii_case("websocket")
        && said("sec-websocket-protocol").split(',').any(|one| one.trim() == DIALECT);
    let upgrade = ask.upgrade.clone().filter(|_| offers);
    let upgrade = upgrade.ok_or_else(|| Refusal::bad_request("Upgrade request required"))?;
    let listening = ports.into_iter().map(|port| (port, listens(fake, pod, port))).collect();
    tokio::spawn(talk(upgrade, listening, text(pod, "/metadata/uid").to_owned()));
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header("sec-websocket-accept", accept(said("sec-websocket-key")))
        .header("sec-websocket-protocol", DIALECT);
    answer.body(Body::empty()).map_err(|error| Refusal::internal(&error.to_string()))
}

/// How a port of a pod behaves; nobody listens where no running program opens it.
fn listens(fake: &KubernetesFake, pod: &Json, port: u16) -> Option<Quiet> {
    let containers = pod["spec"]["containers"].as_array();
    let scheduler = containers.into_iter().flatten().any(|c| c["command"][0] == "dask-scheduler");
    let server =
        pod["spec"]["containers"].as_array().into_iter().flatten().any(|c| text(c, "/image").contains("/nim/"));
    let own: &[u16] = if scheduler { &[COMM, DASHBOARD] } else { &[MODEL] };
    let opens = (scheduler || server) && text(pod, "/status/phase") == "Running" && own.contains(&port);
    match fake.store().quiet.get(&port).copied() {
        _ if !opens => Some(Quiet::Deaf),
        quiet => quiet,
    }
}

async fn talk(upgrade: OnUpgrade, ports: Vec<(u16, Option<Quiet>)>, pod: String) {
    // A client that goes away ends the talk, and is no fault of the server.
    if let Ok(upgraded) = upgrade.await {
        let _ = converse(&mut TokioIo::new(upgraded), &ports, &pod).await;
    }
}

/// Two channels a port, each begun by the port's number; what comes in is answered where the port has an answer.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ports: &[(u16, Option<Quiet>)],
    pod: &str,
) -> std::io::Result<()> {
    for (channel, (port, how)) in (0..).step_by(2).zip(ports) {
        for channel in [channel, channel + 1] {
            send(stream, channel, &port.to_le_bytes()).await?;
        }
        if *how == Some(Quiet::Deaf) {
            send(stream, channel + 1, refusal(*port, pod).as_bytes()).await?;
        }
    }
    while let Message::Binary(bytes) = read(stream).await? {
        let Some((channel, said)) = bytes.split_first() else { continue };
        let answer = ports.get(usize::from(channel / 2)).and_then(|(port, how)| answer(*port, *how, said));
        if let Some(answer) = answer {
            send(stream, *channel, answer.as_bytes()).await?;
        }
    }
    write(stream, Side::Server, &Message::Close).await
}

/// What the dashboard answers, or a server of a model; a request comes in one piece.
fn answer(port: u16, how: Option<Quiet>, said: &[u8]) -> Option<String> {
    if port == MODEL {
        let status = match (said.strip_prefix(b"GET /v1/health/"), how) {
            (_, Some(Quiet::Deaf | Quiet::Mute)) => return None,
            (Some(rest), None) if rest.starts_with(b"live ") || rest.starts_with(b"ready ") => "200 OK",
            (Some(rest), Some(Quiet::Unwell)) if rest.starts_with(b"live ") => "200 OK",
            (Some(rest), Some(Quiet::Unwell)) if rest.starts_with(b"ready ") => "503 Service Unavailable",
            _ => "404 Not Found",
        };
        return Some(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    }
    let healthy = said.starts_with(b"GET /health HTTP/1.1\r\n");
    let (status, body) = match how {
        _ if port != DASHBOARD => return None,
        Some(Quiet::Deaf | Quiet::Mute) => return None,
        Some(Quiet::Unwell) => ("500 Internal Server Error", "500: Internal Server Error"),
        None if healthy => ("200 OK", "ok"),
        None => ("404 Not Found", "404: Not Found"),
    };
    Some(format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// The kubelet's words around containerd's.
fn refusal(port: u16, pod: &str) -> String {
    format!(
        "error forwarding port {port} to pod {pod}, uid : failed to execute portforward in network namespace \
         \"/var/run/netns/cni-{pod}\": failed to connect to localhost:{port} inside namespace \"{pod}\", IPv4: dial tcp4 \
         127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found "
    )
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), channel: u8, bytes: &[u8]) -> std::io::Result<()> {
    write(stream, Side::Server, &Message::Binary([&[channel], bytes].concat())).await
}

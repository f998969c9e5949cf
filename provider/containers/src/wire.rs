//! HTTP on the engine's socket: a connection a call, so that a stream that is left early disturbs nobody.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mops_core::Secret;
use serde_json::Value as Json;
use tokio::net::{TcpStream, UnixStream};

use crate::failure::EngineError;
use crate::socket::Endpoint;

/// Nothing that is read as a whole is longer.
const LIMIT: usize = 8 << 20;
/// How long the head of an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Json>,
    login: Option<Secret<String>>,
    upgrade: bool,
    patience: Duration,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, login: None, upgrade: false, patience: PATIENCE }
    }

    pub(crate) fn body(self, body: Json) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The value of `X-Registry-Auth`.
    pub(crate) fn login(self, login: Option<Secret<String>>) -> Self {
        Self { login, ..self }
    }

    /// Asks for the connection itself.
    pub(crate) fn upgrade(self) -> Self {
        Self { upgrade: true, ..self }
    }

    pub(crate) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn request(self, at: &Endpoint) -> Result<Request<Full<Bytes>>, EngineError> {
        let wrong = |why: String| EngineError::Broken { at: at.to_string(), why };
        let mut request = Request::builder().method(self.method).uri(self.path).header(HOST, "engine");
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if self.upgrade {
            request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        if let Some(login) = &self.login {
            let mut value = hyper::header::HeaderValue::from_str(login.expose()).map_err(|e| wrong(e.to_string()))?;
            value.set_sensitive(true);
            request = request.header("x-registry-auth", value);
        }
        let body = self.body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        request.body(Full::new(body)).map_err(|error| wrong(error.to_string()))
    }
}

/// Sends a call; the answer is a success or an error of the engine.
pub(crate) async fn send(at: &Endpoint, call: Call) -> Result<Response<Incoming>, EngineError> {
    let broken = |error: hyper::Error| EngineError::Broken { at: at.to_string(), why: words(&error) };
    let patience = call.patience;
    let request = call.request(at)?;
    let answer = async {
        let mut sender = match at {
            Endpoint::Unix(path) => connected(UnixStream::connect(path).await.map_err(|e| unreachable(at, &e))?).await,
            Endpoint::Loopback(address) => {
                connected(TcpStream::connect(address).await.map_err(|e| unreachable(at, &e))?).await
            }
        }
        .map_err(broken)?;
        sender.send_request(request).await.map_err(broken)
    };
    let response = tokio::time::timeout(patience, answer).await.map_err(|_| EngineError::Broken {
        at: at.to_string(),
        why: format!("no answer in {} s", patience.as_secs()),
    })??;
    match response.status() {
        status if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS => Ok(response),
        _ => Err(refused(at, response).await?),
    }
}

async fn connected<S>(stream: S) -> Result<hyper::client::conn::http1::SendRequest<Full<Bytes>>, hyper::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

fn unreachable(at: &Endpoint, error: &std::io::Error) -> EngineError {
    EngineError::Unreachable { at: at.to_string(), why: mops_host::fsx::reason(error) }
}

fn words(error: &hyper::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// `{"message": …}` of both engines; what is no JSON is quoted as it is.
async fn refused(at: &Endpoint, response: Response<Incoming>) -> Result<EngineError, EngineError> {
    let status = response.status().as_u16();
    let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = whole(at, response).await?;
    let text = String::from_utf8_lossy(&body);
    let message =
        serde_json::from_slice::<Json>(&body).ok().and_then(|json| Some(json["message"].as_str()?.to_owned()));
    Ok(EngineError::answer(status, message.as_deref().unwrap_or(&text), pause.map(Duration::from_secs)))
}

/// The body of an answer.
pub(crate) async fn whole(at: &Endpoint, mut response: Response<Incoming>) -> Result<Bytes, EngineError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next(at, &mut response).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LIMIT {
            return Err(EngineError::Broken { at: at.to_string(), why: "the answer is too long".into() });
        }
    }
    Ok(bytes.freeze())
}

/// The next part of a body.
pub(crate) async fn next(at: &Endpoint, response: &mut Response<Incoming>) -> Result<Option<Bytes>, EngineError> {
    loop {
        match response.body_mut().frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(EngineError::Broken { at: at.to_string(), why: words(&error) }),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

//! The `kube` client's transport: every request goes through our own pipeline, with the
//! credential bound to the API server's origin.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream as _, TryStreamExt as _};
use http::{Extensions, HeaderMap, Method, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt as _;
use kube::client::Body;
use mops_core::{Cancel, Secret};
use mops_wire::retry::{Tries, is_no_json};
use mops_wire::{BodyStream, Credential, Http, Origin, Redirects, Request, Retry, Url, WireError};

use super::access::Auth;
use super::error::{KubernetesError, is_untyped};

/// What the tower service answers errors with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<Response<Answered>, BoxError>> + Send>>;

/// How an answer is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Whole,
    Coming,
    /// As a connection of its own protocol.
    Upgraded,
}

/// Clones share one connection pool.
#[derive(Clone)]
pub(super) struct Transport {
    pub(super) http: Http,
    /// For commands in containers, whose connections become WebSockets.
    pub(super) upgrading: Http,
    pub(super) server: Url,
    pub(super) auth: Auth,
}

/// A body that is there, or one that is still coming.
pub(super) enum Answered {
    Whole(Option<Bytes>),
    Coming(BodyStream),
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Coming(stream) => Pin::new(stream).poll_next(cx).map(|next| next.map(|r| r.map(Frame::data))),
        }
    }
}

impl Transport {
    /// Who we are, as a bearer token; none for a certificate. `refused` is a token that the server did not take.
    async fn token(&self, refused: Option<Secret<String>>) -> Result<Option<Secret<String>>, KubernetesError> {
        match &self.auth {
            Auth::Token(token) => Ok(Some(token.clone())),
            Auth::Entra(source) => source(refused).await.map(Some).map_err(|e| KubernetesError::Token(Box::new(e))),
            Auth::Certificate(..) => Ok(None),
        }
    }

    /// Sends with our token. One of Entra that is refused has run out on the server's clock: the request goes once
    /// more with another, because nothing was done by the first.
    async fn signed(&self, request: Request, taken: Taken) -> Result<Response<Answered>, BoxError> {
        let token = self.token(None).await?;
        let answer = self.sent(request.clone(), token.as_ref(), taken).await?;
        match (&self.auth, token) {
            (Auth::Entra(_), Some(refused)) if answer.status() == StatusCode::UNAUTHORIZED => {
                let token = self.token(Some(refused)).await?;
                self.sent(request, token.as_ref(), taken).await
            }
            _ => Ok(answer),
        }
    }

    async fn sent(
        &self,
        request: Request,
        token: Option<&Secret<String>>,
        taken: Taken,
    ) -> Result<Response<Answered>, BoxError> {
        let origin = Origin::of(&self.server);
        let request = request.credential(origin.zip(token).map(|(origin, token)| Credential::bearer(origin, token)));
        let (status, headers, body, extensions) = match taken {
            Taken::Whole => {
                let answer = self.http.send(request).await?;
                (answer.status, answer.headers, Answered::Whole(Some(answer.body)), Extensions::new())
            }
            Taken::Coming | Taken::Upgraded => {
                let http = if taken == Taken::Upgraded { &self.upgrading } else { &self.http };
                let answer = http.send_streaming(request).await?;
                (answer.status, answer.headers, Answered::Coming(answer.body), answer.extensions)
            }
        };
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut(), *response.extensions_mut()) = (status, headers, extensions);
        Ok(response)
    }

    async fn send(self, request: http::Request<Body>) -> Result<Response<Answered>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(BoxError::from)?.to_bytes();
        let mut url = self.server.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{}", parts.uri.path()));
        url.set_query(parts.uri.query());
        let streams = parts.uri.query().is_some_and(|q| q.contains("watch=true") || q.contains("follow=true"));
        let taken = match (parts.headers.contains_key(header::UPGRADE), streams) {
            (true, _) => Taken::Upgraded,
            (false, true) => Taken::Coming,
            (false, false) => Taken::Whole,
        };
        let mut ours = Request::new(parts.method.clone(), url);
        ours.headers = parts.headers;
        ours.headers.remove(header::AUTHORIZATION);
        ours.body = body;
        ours.redirects = Redirects::Return;
        let upgraded = taken == Taken::Upgraded;
        // A command is not run twice.
        ours.retry = if upgraded { Retry::OnlyIfUnsent } else { repeatable(&parts.method, &ours.headers) };
        ours.settled = Some(is_settled);
        // Logs are the one thing that is read whole and is text.
        ours.transient = (!upgraded && !parts.uri.path().ends_with("/log")).then_some(is_no_json);
        ours.max_body = 64 << 20;
        ours.cancel = parts.extensions.get::<Cancel>().cloned();
        if let Some(Tries(most)) = parts.extensions.get() {
            ours.tries = *most;
        }
        self.signed(ours, taken).await
    }
}

/// A field that its kind does not have is answered with 500: another try gets the same answer.
fn is_settled(status: StatusCode, _: &HeaderMap, body: &[u8]) -> bool {
    let status_object = || serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    status == StatusCode::INTERNAL_SERVER_ERROR && is_untyped(status_object()["message"].as_str().unwrap_or_default())
}

/// An apply says what shall be: saying it twice changes nothing.
fn repeatable(method: &Method, headers: &HeaderMap) -> Retry {
    let apply = headers.get(header::CONTENT_TYPE).is_some_and(|v| v == "application/apply-patch+yaml");
    let safe = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE].contains(method);
    if safe || apply { Retry::Idempotent } else { Retry::OnlyIfUnsent }
}

impl tower::Service<http::Request<Body>> for Transport {
    type Response = Response<Answered>;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        Box::pin(self.clone().send(request))
    }
}

/// The whole body of an answer.
pub(super) async fn collect(body: Body) -> Result<Vec<u8>, KubernetesError> {
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(part) = stream.try_next().await.map_err(|e| broken(e.into()))? {
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// The reason inside an error that went through the `kube` library.
pub(super) fn broken(error: BoxError) -> KubernetesError {
    let error = match error.downcast::<KubernetesError>() {
        Ok(ours) => return *ours,
        Err(other) => other,
    };
    let error = match error.downcast::<WireError>() {
        Ok(wire) => return KubernetesError::Wire(*wire),
        Err(other) => other,
    };
    match error.downcast::<kube::Error>() {
        Ok(library) => match *library {
            kube::Error::Service(inner) => broken(inner),
            other => KubernetesError::Wire(WireError::Build { reason: other.to_string() }),
        },
        Err(other) => KubernetesError::Wire(WireError::Build { reason: other.to_string() }),
    }
}

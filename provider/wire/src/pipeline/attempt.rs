//! One try: send, follow redirects without the credential, take the body within its limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION, RANGE,
    WWW_AUTHENTICATE,
};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use mops_core::Cancel;
use reqwest::tls::TlsInfo;
use time::OffsetDateTime;
use url::Url;

use super::Http;
use crate::certificate;
use crate::error::WireError;
use crate::fault::{Call, Fault};
use crate::logins;
use crate::origin::{Origin, check_scheme, is_loopback, is_metadata_service, names_own_network};
use crate::redact;
use crate::request::{Redirects, Request};
use crate::response::{BodyStream, Response, StreamingResponse};

/// Most redirects that are followed.
const HOPS: usize = 5;
/// Room for the reasons of a refusal, also where little content is wanted.
const REASONS: usize = 64 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Whole,
    Stream,
}

enum Body {
    Whole(Bytes),
    Stream(BodyStream),
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    url: Url,
    certificate_ends: Option<OffsetDateTime>,
    body: Body,
    extensions: Extensions,
}

impl Answer {
    /// In place of what the host would say to a login that it has refused before.
    pub(super) fn held(request: &Request) -> Self {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (WWW_AUTHENTICATE, HeaderValue::from_static(logins::CHALLENGE)),
        ];
        Self {
            status: StatusCode::UNAUTHORIZED,
            headers: HeaderMap::from_iter(headers),
            url: request.url.clone(),
            certificate_ends: None,
            body: Body::Whole(Bytes::from_static(logins::REFUSAL.as_bytes())),
            extensions: Extensions::new(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::Stream(_) => &[],
        }
    }

    pub(super) fn into_whole(self) -> Response {
        let body = match self.body {
            Body::Whole(bytes) => bytes,
            Body::Stream(_) => Bytes::new(),
        };
        Response {
            status: self.status,
            headers: self.headers,
            body,
            url: self.url,
            certificate_ends: self.certificate_ends,
        }
    }

    pub(super) fn into_stream(self) -> StreamingResponse {
        let body = match self.body {
            Body::Whole(bytes) => BodyStream(futures::stream::iter([Ok(bytes)]).boxed()),
            Body::Stream(stream) => stream,
        };
        StreamingResponse {
            status: self.status,
            headers: self.headers,
            url: self.url,
            body,
            extensions: self.extensions,
        }
    }
}

/// Refuses what must not be sent at all.
pub(super) fn check(http: &Http, request: &Request) -> Result<Origin, WireError> {
    let refused = |why| WireError::Refused { url: redact::url(&request.url), why };
    if !(request.metadata_service && is_metadata_service(&request.url)) {
        check_scheme(&request.url).map_err(refused)?;
    }
    check_reach(http, &request.url)?;
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        if request.headers.contains_key(&name) {
            return Err(WireError::Build { reason: format!("`{name}` is set by the pipeline only") });
        }
    }
    Origin::of(&request.url).ok_or_else(|| refused("it names no host"))
}

fn check_reach(http: &Http, url: &Url) -> Result<(), WireError> {
    let by_name = matches!(url.host(), Some(url::Host::Domain(_)));
    match http.config().this_machine_only && !by_name && !is_loopback(url) {
        true => Err(WireError::Refused { url: redact::url(url), why: "tests reach this machine only" }),
        false => Ok(()),
    }
}

pub(super) struct Attempt<'a> {
    pub(super) http: &'a Http,
    pub(super) request: &'a Request,
    pub(super) mode: Mode,
    pub(super) limit: Duration,
    pub(super) number: u32,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<Answer, WireError> {
        let call = Call { method: &self.request.method, url: &self.request.url, attempt: self.number };
        if let Some(fault) = self.http.fault(|layer| layer.before(call)) {
            return self.suffer(fault);
        }
        let answer = match tokio::time::timeout(self.limit, self.follow()).await {
            Ok(answer) => answer?,
            Err(_) => {
                return Err(WireError::Timeout { host: host(&self.request.url), after: self.limit });
            }
        };
        match self.http.fault(|layer| layer.after(call, answer.status)) {
            Some(fault) => self.suffer(fault),
            None => Ok(answer),
        }
    }

    fn suffer(&self, fault: Fault) -> Result<Answer, WireError> {
        let host = host(&self.request.url);
        match fault {
            Fault::Refused => Err(WireError::Connect { host, refused: true, reason: "refused on purpose".into() }),
            Fault::Reset => Err(WireError::Broken { host, reason: "reset on purpose".into() }),
            Fault::Hang => Err(WireError::Timeout { host, after: self.limit }),
            Fault::Answer { status, headers, body } => {
                let (url, body) = (self.request.url.clone(), Body::Whole(body.into()));
                let extensions = Extensions::new();
                Ok(Answer { status, headers, url, certificate_ends: None, body, extensions })
            }
        }
    }

    async fn follow(&self) -> Result<Answer, WireError> {
        let mut url = self.request.url.clone();
        let mut headers = self.request.headers.clone();
        let mut credential = self.request.credential.as_ref();
        let mut hops = 0;
        loop {
            let mut sent = headers.clone();
            if let Some(value) = credential.and_then(|credential| credential.header_for(&url)) {
                sent.insert(AUTHORIZATION, value);
            }
            let answer = self.send(&url, sent).await?;
            let Some(next) = self.redirect(&url, &answer, hops)? else {
                return self.take(url, answer).await;
            };
            if Origin::of(&next) != Origin::of(&url) {
                // Once away, for good: a way back would let any host on it send us home with it.
                credential = None;
                headers = harmless(&headers);
            }
            hops += 1;
            url = next;
        }
    }

    async fn send(&self, url: &Url, headers: HeaderMap) -> Result<reqwest::Response, WireError> {
        let (method, body) = (self.request.method.clone(), self.request.body.clone());
        let sent = self.http.transport()?.send(method, url.clone(), headers, body).await;
        sent.map_err(|error| {
            let config = self.http.config();
            let error = WireError::from_transport(&host(url), &error);
            match config.proxy.for_url(url, &config.connect) {
                Some(proxy) => error.by_proxy(&proxy),
                None => error,
            }
        })
    }

    /// Where to go next; none when this answer is for the caller.
    fn redirect(&self, url: &Url, answer: &reqwest::Response, hops: usize) -> Result<Option<Url>, WireError> {
        let follows = self.request.redirects == Redirects::Follow
            && (self.request.method == Method::GET || self.request.method == Method::HEAD)
            && matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = answer.headers().get(LOCATION).filter(|_| follows) else {
            return Ok(None);
        };
        let refused = |to: &str, why| WireError::Redirect { from: redact::url(url), to: to.to_owned(), why };
        let text = location.to_str().map_err(|_| refused(redact::MASK, "its address is not plain text"))?;
        let next = url.join(text).map_err(|_| refused(redact::MASK, "its address cannot be read"))?;
        let shown = redact::url(&next);
        if hops == HOPS {
            return Err(refused(&shown, "five redirects are the limit"));
        }
        check_scheme(&next).map_err(|why| refused(&shown, why))?;
        if next.scheme() != "https" && url.scheme() == "https" {
            return Err(refused(&shown, "it leaves https"));
        }
        if names_own_network(&next) {
            return Err(refused(&shown, "it leads into the machine's own network"));
        }
        check_reach(self.http, &next)?;
        Ok(Some(next))
    }

    async fn take(&self, url: Url, mut answer: reqwest::Response) -> Result<Answer, WireError> {
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        let shown = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let certificate_ends = shown.and_then(certificate::ends);
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        let extensions = if switched { std::mem::take(answer.extensions_mut()) } else { Extensions::new() };
        let body = if self.mode == Mode::Stream && (status.is_success() || switched) {
            Body::Stream(stream(host(&url), answer, self.request.cancel.clone()))
        } else {
            // The length that an answer to HEAD declares is that of a body which does not come.
            let declared = answer.content_length().filter(|_| self.request.method != Method::HEAD);
            let limit = if status.is_success() { self.request.max_body } else { self.request.max_body.max(REASONS) };
            Body::Whole(whole(&host(&url), answer, declared, limit).await?)
        };
        Ok(Answer { status, headers, url, certificate_ends, body, extensions })
    }
}

/// What may go to another origin.
fn harmless(headers: &HeaderMap) -> HeaderMap {
    let kept = [ACCEPT, ACCEPT_ENCODING, RANGE];
    kept.into_iter().filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect()
}

fn host(url: &Url) -> String {
    Origin::of(url).map(|origin| origin.authority()).unwrap_or_default()
}

async fn whole(
    host: &str,
    mut answer: reqwest::Response,
    declared: Option<u64>,
    limit: usize,
) -> Result<Bytes, WireError> {
    let too_large = || WireError::TooLarge { host: host.to_owned(), limit };
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| WireError::from_transport(host, &error))? {
        if chunk.len() > limit - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn stream(host: String, answer: reqwest::Response, cancel: Option<Cancel>) -> BodyStream {
    let cancel = cancel.unwrap_or_default();
    let pieces = futures::stream::unfold(Some((answer, host, cancel)), |state| async move {
        let (mut answer, host, cancel) = state?;
        let piece = tokio::select! {
            biased;
            () = cancel.canceled() => Err(WireError::Canceled { host: host.clone() }),
            piece = answer.chunk() => piece.map_err(|error| WireError::from_transport(&host, &error)),
        };
        match piece {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), Some((answer, host, cancel)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    BodyStream(pieces.boxed())
}

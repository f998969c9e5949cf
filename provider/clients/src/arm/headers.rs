//! Headers between our pipeline and the Azure crates, and the id of a run.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};

const CORRELATION: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");

/// Writes the one id of this run on every request, so that Azure's logs show them together.
#[derive(Debug)]
pub(super) struct RunIdPolicy(String);

impl RunIdPolicy {
    pub(super) fn new() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

#[async_trait]
impl Policy for RunIdPolicy {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        request.insert_header(CORRELATION, HeaderValue::from(self.0.clone()));
        onward(ctx, request, next).await
    }
}

/// Hands a request to the rest of its pipeline.
pub(super) async fn onward(ctx: &Context<'_>, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
    match next.split_first() {
        Some((first, rest)) => first.send(ctx, request, rest).await,
        None => Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Other, "a pipeline without end")),
    }
}

pub(super) fn to_map(headers: &Headers) -> http::HeaderMap {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_str(value.as_str()).ok()?))
    };
    headers.iter().filter_map(pair).collect()
}

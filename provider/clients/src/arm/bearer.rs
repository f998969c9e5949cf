//! The token on every request to ARM. The Azure crates' own policy keeps a token by the machine's time of day and
//! forgets it for each of many refusals; this one leaves both to [`Tokens`].

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};

use super::headers::onward;
use crate::identity::Tokens;

/// Signs requests with the token of one scope, and reports a token that was refused.
#[derive(Debug)]
pub(super) struct BearerPolicy {
    pub(super) tokens: Arc<Tokens>,
    pub(super) scope: String,
}

#[async_trait]
impl Policy for BearerPolicy {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let token = self.tokens.token(&self.scope).await?;
        let header = HeaderValue::from(format!("Bearer {}", token.expose()));
        request.insert_header(HeaderName::from_static("authorization"), header);
        let answer = onward(ctx, request, next).await?;
        if answer.status() == StatusCode::Unauthorized {
            self.tokens.refused(&self.scope, &token).await;
        }
        Ok(answer)
    }
}

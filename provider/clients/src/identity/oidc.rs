//! Signing in from a GitHub workflow: the workflow's own token, fetched when needed, is the assertion. The token
//! for fetching it goes to its own address only.

use std::fmt;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use mops_core::Secret;
use mops_wire::{Credential, Http, Origin, Redirects, Request};
use serde_json::Value as Json;
use url::Url;

use crate::error::ClientError;

const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The token service of a running workflow.
pub(super) struct Workflow {
    http: Http,
    url: Url,
    credential: Credential,
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl Workflow {
    pub(super) fn new(http: Http, url: &str, token: &Secret<String>) -> Result<Self, ClientError> {
        let bad = || ClientError::Configuration {
            summary: "`ACTIONS_ID_TOKEN_REQUEST_URL` is not an https address".to_owned(),
            hint: "give the workflow the permission `id-token: write`".to_owned(),
        };
        let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https").ok_or_else(bad)?;
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        let credential = Credential::bearer(Origin::of(&url).ok_or_else(bad)?, token);
        Ok(Self { http, url, credential })
    }
}

#[async_trait]
impl ClientAssertion for Workflow {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = Request::get(self.url.clone()).credential(Some(self.credential.clone()));
        request.redirects = Redirects::Return;
        let sent = self.http.send(request).await;
        let answer = sent.map_err(|error| azure_core::Error::new(ErrorKind::Io, error))?;
        let body: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = body.get("value").and_then(Json::as_str).filter(|_| answer.status.is_success());
        token.map(str::to_owned).ok_or_else(|| {
            let text = format!("the workflow's token service answered {} without a token", answer.status.as_u16());
            azure_core::Error::with_message(ErrorKind::Credential, text)
        })
    }
}

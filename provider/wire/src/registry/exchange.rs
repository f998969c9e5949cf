//! ACR's own step before the token protocol: an Entra token becomes a refresh token of the registry,
//! which then serves as the password of a user with an empty id.

use http::{Method, StatusCode};
use mops_core::Secret;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::error::{RegistryError, Step};
use crate::origin::Origin;
use crate::pipeline::Http;
use crate::request::{Redirects, Request};
use crate::retry::Retry;

/// The user name that goes with a refresh token as password.
pub const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

#[derive(Deserialize)]
struct Answer {
    refresh_token: Secret<String>,
}

/// Exchanges an Entra token at `HOST[:PORT]`; `service` comes from the registry's challenge, not from
/// the name that somebody typed. The refresh token lives about three hours.
///
/// # Errors
/// When the registry refuses the token (the tenant or the audience is wrong, no role on the registry).
pub async fn exchange(
    http: &Http,
    registry: &str,
    service: &str,
    entra: &Secret<String>,
) -> Result<Secret<String>, RegistryError> {
    let bad = |why| RegistryError::Challenge { registry: registry.chars().take(200).collect(), why };
    let origin = Origin::https(registry).ok_or_else(|| bad("that is not the name of a host"))?;
    let url = Url::parse(&format!("{origin}/oauth2/exchange")).map_err(|_| bad("the path is not valid"))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "access_token")
        .append_pair("service", service)
        .append_pair("access_token", entra.expose())
        .finish();
    let mut request = Request::new(Method::POST, url).body("application/x-www-form-urlencoded", form);
    // It makes nothing at the service, so it may be sent again.
    request.retry = Retry::Idempotent;
    request.redirects = Redirects::Return;
    request.max_body = 1 << 20;
    let answer = http.send(request).await?;
    if answer.status != StatusCode::OK {
        return Err(RegistryError::refused(registry, Step::Token, &answer));
    }
    let parsed: Result<Answer, _> = serde_json::from_slice(&answer.body);
    let why = "there is no refresh token in it".to_owned();
    parsed.map(|a| a.refresh_token).map_err(|_| RegistryError::Malformed {
        registry: registry.to_owned(),
        step: Step::Token,
        why,
    })
}

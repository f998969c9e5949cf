//! What a token says about whom it was given to. The token itself is not kept: what leaves here may be shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mops_core::Secret;
use serde::Deserialize;
use time::OffsetDateTime;

/// Whom a token was given to, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The directory.
    pub tenant: Option<String>,
    /// The application or identity that signed in.
    pub client: Option<String>,
    /// The principal that rights are given to.
    pub object: Option<String>,
    /// The name that a person signed in with.
    pub user: Option<String>,
    /// When it runs out.
    pub expires: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Payload {
    tid: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    exp: Option<i64>,
}

impl Claims {
    /// Reads a token of Azure's directory; nothing is known of one in another form.
    #[must_use]
    pub fn of(token: &Secret<String>) -> Self {
        Self::read(token.expose()).unwrap_or_default()
    }

    fn read(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let payload: Payload = serde_json::from_slice(&bytes).ok()?;
        Some(Self {
            tenant: payload.tid,
            client: payload.appid.or(payload.azp),
            object: payload.oid,
            user: payload.upn.or(payload.unique_name),
            expires: payload.exp.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_says_is_known_and_nothing_of_another() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"tid":"t","appid":"c","oid":"o","exp":1795000000}"#);
        let claims = Claims::of(&Secret::new(format!("head.{payload}.signature-canary")));
        assert_eq!((claims.tenant.as_deref(), claims.client.as_deref()), (Some("t"), Some("c")));
        assert!(claims.expires.is_some() && claims.user.is_none());
        assert!(!format!("{claims:?}").contains("canary"));
        assert_eq!(Claims::of(&Secret::from("opaque")), Claims::default());
    }
}

//! What an access token of a registry opens, read from the token itself: Azure's registries give one without rights
//! instead of a refusal. It is read to be shown, and never trusted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mops_core::Secret;
use serde::Deserialize;
use time::OffsetDateTime;

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it lets the repository that it was asked for be pulled.
    pub pulls: bool,
    /// Its end.
    pub ends: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<i64>,
    access: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "Type")]
    r#type: String,
    #[serde(alias = "Name")]
    name: String,
    #[serde(default, alias = "Actions")]
    actions: Vec<String>,
}

impl Access {
    /// Reads a token for a repository; none when it is not made of claims or does not list what it opens.
    pub(super) fn read(token: &Secret<String>, repository: &str) -> Option<Self> {
        let payload = token.expose().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&bytes).ok()?;
        let opens = |entry: &Entry| {
            let pull = entry.actions.iter().any(|action| action == "pull" || action == "*");
            entry.r#type == "repository" && entry.name == repository && pull
        };
        let ends = claims.exp.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        Some(Self { pulls: claims.access?.iter().any(opens), ends })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read(claims: &Json) -> Option<Access> {
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        Access::read(&Secret::new(format!("header.{payload}.signature")), "team/worker")
    }

    #[test]
    fn a_token_opens_what_it_lists() {
        let of = |name: &str, actions: Json| {
            read(&json!({"exp": 1_800_000_000, "access": [{"type": "repository", "name": name, "actions": actions}]}))
        };
        let ends = OffsetDateTime::from_unix_timestamp(1_800_000_000).ok();
        assert_eq!(of("team/worker", json!(["pull"])), Some(Access { pulls: true, ends }));
        assert_eq!(of("team/worker", json!(["push"])), Some(Access { pulls: false, ends }));
        assert_eq!(of("team/other", json!(["pull"])), Some(Access { pulls: false, ends }));
        assert_eq!(read(&json!({"access": []})), Some(Access { pulls: false, ends: None }));
        let capital = json!({"access": [{"Type": "repository", "Name": "team/worker", "Actions": ["*"]}]});
        assert_eq!(read(&capital).map(|access| access.pulls), Some(true));
    }

    #[test]
    fn a_token_that_says_nothing_is_not_read() {
        assert_eq!(read(&json!({"exp": 1})), None);
        for text in ["", "opaque", "a.b", "a.!!.c"] {
            assert_eq!(Access::read(&Secret::new(text.to_owned()), "team/worker"), None, "{text}");
        }
    }
}

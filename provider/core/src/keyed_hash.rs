//! How two places find out whether they hold the same key without showing it: each computes an HMAC-SHA256 under the
//! run's nonce where its key lives. With a nonce that is drawn for one run and kept nowhere, a hash says nothing about
//! a key of another run (`tests`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::fingerprint::digest;
use crate::secret::Secret;

/// What all places of one run mix into their hashes. Shown to nobody but the places that need it.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// From 32 random bytes, drawn by the caller for one run.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The text that a place gets; [`Nonce::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// From [`Nonce::text`]; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The hash of a key.
    #[must_use]
    pub fn hash(&self, key: &Secret<String>) -> KeyedHash {
        KeyedHash(STANDARD.encode(digest(&self.0, key)))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce")
    }
}

/// A key's hash under a [`Nonce`]; equal for equal keys of one run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyedHash(String);

impl KeyedHash {
    /// The text that another place gets; [`KeyedHash::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// From [`KeyedHash::text`]; `None` for what is no hash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (STANDARD.decode(text).ok()?.len() == 32).then(|| Self(text.to_owned()))
    }

    /// Its beginning, eight letters and digits, for people who compare two of them by eye.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.chars().filter(char::is_ascii_alphanumeric).take(8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_equal_hashes_within_one_run_only() {
        let (run, next) = (Nonce::new([7; 32]), Nonce::new([8; 32]));
        let key = || Secret::from("canary-key");
        assert_eq!(run.hash(&key()), run.hash(&key()));
        assert_ne!(run.hash(&key()), run.hash(&Secret::from("canary-kez")));
        assert_ne!(run.hash(&key()), next.hash(&key()));
        assert_eq!(Nonce::parse(&run.text()), Some(run.clone()));
        assert_eq!(Nonce::parse("short"), None);
        assert_eq!(KeyedHash::parse(run.hash(&key()).text()), Some(run.hash(&key())));
        assert_eq!(KeyedHash::parse("canary"), None);
        assert!(!format!("{run:?}{:?}", run.hash(&key())).contains("canary"));
        assert!(!format!("{run:?}").contains('7'));
    }
}

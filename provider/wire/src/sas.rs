//! Shared access signatures of accounts and of containers or blobs: the text that is signed, and the
//! query that carries it.
//!
//! Guarantees: the signed text is byte for byte what the service computes (`tests`, vectors of the
//! official SDK for Python), and nothing that is shown holds the signature ([`describe`]).
//!
//! The grammar is stable from version 2020-12-06 on; signatures by a user delegation key follow
//! another one and are not made here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use mops_core::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

/// The service version that signatures are made for: the newest that older clouds and emulators know.
pub const VERSION: &str = "2022-11-02";

/// Everything but unreserved characters is escaped in the query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Order in which permissions must stand.
const CONTAINER_ORDER: &str = "racwdxyltfmeopi";
const ACCOUNT_ORDER: &str = "rwdxylacupfti";

/// What a signature is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The blob service of an account: services, containers and objects.
    Account,
    /// One container.
    Container(String),
    /// One blob of a container.
    Blob(String, String),
}

/// What is to be signed. Times are `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The account's name.
    pub account: String,
    /// What for.
    pub scope: Scope,
    /// Letters in any order.
    pub permissions: String,
    /// Not valid before.
    pub start: Option<String>,
    /// Not valid after.
    pub expiry: String,
    /// Stored policy of the container.
    pub policy: Option<String>,
    /// `Content-Disposition` of the answer.
    pub disposition: Option<String>,
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SasError {
    /// A letter that no permission has.
    #[error("`{0}` is not a permission")]
    Permission(char),
    /// The account key is not base64.
    #[error("the account key is not base64")]
    Key,
}

impl Terms {
    /// Permissions in the order of the service, each once.
    ///
    /// # Errors
    /// The first letter that is none.
    pub fn ordered_permissions(&self) -> Result<String, SasError> {
        let order = if self.scope == Scope::Account { ACCOUNT_ORDER } else { CONTAINER_ORDER };
        if let Some(bad) = self.permissions.chars().find(|c| !order.contains(*c)) {
            return Err(SasError::Permission(bad));
        }
        Ok(order.chars().filter(|c| self.permissions.contains(*c)).collect())
    }

    /// The text that the key signs.
    ///
    /// # Errors
    /// A letter that is no permission.
    pub fn string_to_sign(&self) -> Result<String, SasError> {
        let sp = self.ordered_permissions()?;
        let (st, se) = (self.start.as_deref().unwrap_or_default(), &self.expiry);
        let si = self.policy.as_deref().unwrap_or_default();
        let rscd = self.disposition.as_deref().unwrap_or_default();
        let account = &self.account;
        let (path, sr) = match &self.scope {
            Scope::Account => return Ok(format!("{account}\n{sp}\nb\nsco\n{st}\n{se}\n\nhttps\n{VERSION}\n\n")),
            Scope::Container(container) => (container.clone(), "c"),
            Scope::Blob(container, blob) => (format!("{container}/{blob}"), "b"),
        };
        // The path is not escaped here; the empty fields are address range, snapshot, encryption scope and
        // the response headers that are not set.
        Ok(format!("{sp}\n{st}\n{se}\n/blob/{account}/{path}\n{si}\n\nhttps\n{VERSION}\n{sr}\n\n\n\n{rscd}\n\n\n"))
    }

    /// The query of the signature, without `?`.
    ///
    /// # Errors
    /// A letter that is no permission, or a key that is not base64.
    pub fn sign(&self, account_key: &Secret<String>) -> Result<Secret<String>, SasError> {
        let key = STANDARD.decode(account_key.expose()).map_err(|_| SasError::Key)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| SasError::Key)?;
        mac.update(self.string_to_sign()?.as_bytes());
        let sig = STANDARD.encode(mac.finalize().into_bytes());
        let sp = self.ordered_permissions()?;
        let mut fields = vec![("sv", VERSION)];
        match &self.scope {
            Scope::Account => fields.extend([("ss", "b"), ("srt", "sco")]),
            Scope::Container(_) => fields.push(("sr", "c")),
            Scope::Blob(..) => fields.push(("sr", "b")),
        }
        fields.extend(self.policy.as_deref().map(|v| ("si", v)));
        fields.push(("sp", &sp));
        fields.extend(self.start.as_deref().map(|v| ("st", v)));
        fields.extend([("se", self.expiry.as_str()), ("spr", "https")]);
        fields.extend(self.disposition.as_deref().map(|v| ("rscd", v)));
        fields.push(("sig", &sig));
        let pairs = fields.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
        Ok(Secret::new(query.join("&")))
    }
}

/// The fields of a signature that may be shown; never `sig`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Permissions.
    pub sp: Option<String>,
    /// Start.
    pub st: Option<String>,
    /// Expiry.
    pub se: Option<String>,
    /// Kind of resource of a service signature: `c` or `b`.
    pub sr: Option<String>,
    /// Services of an account signature.
    pub ss: Option<String>,
    /// Service version.
    pub sv: Option<String>,
    /// Whether there is a signature at all.
    pub signed: bool,
}

/// Reads what a signature promises, with or without its leading `?`.
#[must_use]
pub fn describe(query: &Secret<String>) -> Description {
    let mut found = Description::default();
    for pair in query.expose().trim_start_matches('?').split('&') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match name {
            "sp" => found.sp = Some(value),
            "st" => found.st = Some(value),
            "se" => found.se = Some(value),
            "sr" => found.sr = Some(value),
            "ss" => found.ss = Some(value),
            "sv" => found.sv = Some(value),
            "sig" => found.signed = !value.is_empty(),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;

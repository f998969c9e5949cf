//! Shared access signatures for blobs: what is signed, how, and what of one may be shown.
//!
//! Guarantees two things: the signed text is byte for byte that of Microsoft's own Python package
//! (`tests::golden_vectors`, made with azure-storage-blob 12.31.1), and [`SasView`] cannot hold a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use mops_core::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;
use time::OffsetDateTime;

mod view;

pub use view::{ConnectionString, ConnectionStringError, SasView};

/// The service version that signatures are made for; older clouds do not know the newest.
pub const DEFAULT_VERSION: &str = "2022-11-02";

const ACCOUNT_ORDER: &str = "rwdylxacupfti";
const CONTAINER_ORDER: &str = "racwdxyltfmeopi";
const BLOB_ORDER: &str = "racwdxytmeopi";
/// All but these are percent-encoded in the query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SasError {
    /// A permission that this kind of signature does not have, or one that stands twice.
    #[error("`{0}` is not a permission of this kind of signature, or stands twice")]
    Permission(char),
    /// The account key is not base64.
    #[error("the account key is not base64")]
    Key,
}

/// What both kinds have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Permissions in any order; put into the service's order.
    pub permissions: String,
    /// From when.
    pub start: Option<OffsetDateTime>,
    /// Until when; only a stored policy may leave it out.
    pub expiry: Option<OffsetDateTime>,
    /// An address or `FIRST-LAST`.
    pub ip: Option<String>,
    /// An encryption scope.
    pub encryption_scope: Option<String>,
    /// `sv`; [`DEFAULT_VERSION`] when absent.
    pub version: Option<String>,
    /// Whether http would do as well. We never ask for that.
    pub http_too: bool,
}

/// A signature over services of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSas {
    /// The account.
    pub account: String,
    /// `b`, `q`, `t`, `f` in that order.
    pub services: String,
    /// `s`, `c`, `o` in that order.
    pub resource_types: String,
    /// The rest.
    pub terms: Terms,
}

/// A signature over a container or a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSas {
    /// The account.
    pub account: String,
    /// The container.
    pub container: String,
    /// A blob in it; else the whole container.
    pub blob: Option<String>,
    /// A stored policy.
    pub policy: Option<String>,
    /// `rscc`, `rscd`, `rsce`, `rscl`, `rsct`: headers of the answer.
    pub answer_headers: [Option<String>; 5],
    /// The rest.
    pub terms: Terms,
}

type Pairs<'a> = Vec<(&'static str, String)>;

impl Terms {
    fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(DEFAULT_VERSION)
    }

    fn protocol(&self) -> &'static str {
        if self.http_too { "" } else { "https" }
    }

    fn permissions(&self, order: &str) -> Result<String, SasError> {
        let odd = |c: &char| !order.contains(*c) || self.permissions.matches(*c).count() > 1;
        match self.permissions.chars().find(odd) {
            Some(c) => Err(SasError::Permission(c)),
            None => Ok(order.chars().filter(|c| self.permissions.contains(*c)).collect()),
        }
    }

    fn common(&self, permissions: &str) -> Pairs<'_> {
        vec![
            ("sv", self.version().to_owned()),
            ("sp", permissions.to_owned()),
            ("st", moment(self.start)),
            ("se", moment(self.expiry)),
            ("sip", text(self.ip.as_ref())),
            ("spr", self.protocol().to_owned()),
            ("ses", text(self.encryption_scope.as_ref())),
        ]
    }
}

impl AccountSas {
    /// The text that is signed.
    ///
    /// # Errors
    /// For a permission that is none.
    pub fn string_to_sign(&self) -> Result<String, SasError> {
        let t = &self.terms;
        let fields = [
            self.account.clone(),
            t.permissions(ACCOUNT_ORDER)?,
            self.services.clone(),
            self.resource_types.clone(),
            moment(t.start),
            moment(t.expiry),
            text(t.ip.as_ref()),
            t.protocol().to_owned(),
            t.version().to_owned(),
            text(t.encryption_scope.as_ref()),
        ];
        // Every field ends with a newline here, the last one too.
        Ok(fields.map(|field| field + "\n").concat())
    }

    /// Signs with an account key and gives the query string.
    ///
    /// # Errors
    /// See [`SasError`].
    pub fn sign(&self, key: &Secret<String>) -> Result<Secret<String>, SasError> {
        let signature = signature(key, &self.string_to_sign()?)?;
        let mut pairs = self.terms.common(&self.terms.permissions(ACCOUNT_ORDER)?);
        pairs.extend([("ss", self.services.clone()), ("srt", self.resource_types.clone())]);
        Ok(query(pairs, &signature))
    }
}

impl ServiceSas {
    fn order(&self) -> &'static str {
        if self.blob.is_some() { BLOB_ORDER } else { CONTAINER_ORDER }
    }

    fn resource(&self) -> &'static str {
        if self.blob.is_some() { "b" } else { "c" }
    }

    /// The text that is signed.
    ///
    /// # Errors
    /// For a permission that is none.
    pub fn string_to_sign(&self) -> Result<String, SasError> {
        let t = &self.terms;
        let blob = self.blob.as_ref().map_or_else(String::new, |blob| format!("/{blob}"));
        let mut fields = vec![
            t.permissions(self.order())?,
            moment(t.start),
            moment(t.expiry),
            format!("/blob/{}/{}{blob}", self.account, self.container),
            text(self.policy.as_ref()),
            text(t.ip.as_ref()),
            t.protocol().to_owned(),
            t.version().to_owned(),
            self.resource().to_owned(),
            // The time of a snapshot, which we never sign for.
            String::new(),
            text(t.encryption_scope.as_ref()),
        ];
        fields.extend(self.answer_headers.iter().map(|header| text(header.as_ref())));
        Ok(fields.join("\n"))
    }

    /// Signs with an account key and gives the query string.
    ///
    /// # Errors
    /// See [`SasError`].
    pub fn sign(&self, key: &Secret<String>) -> Result<Secret<String>, SasError> {
        let signature = signature(key, &self.string_to_sign()?)?;
        let mut pairs = self.terms.common(&self.terms.permissions(self.order())?);
        pairs.extend([("sr", self.resource().to_owned()), ("si", text(self.policy.as_ref()))]);
        let names = ["rscc", "rscd", "rsce", "rscl", "rsct"];
        pairs.extend(names.into_iter().zip(self.answer_headers.iter().map(|header| text(header.as_ref()))));
        Ok(query(pairs, &signature))
    }
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

/// `YYYY-MM-DDThh:mm:ssZ`, in UTC, without fractions.
pub(crate) fn moment(at: Option<OffsetDateTime>) -> String {
    let Some(at) = at.map(|at| at.to_offset(time::UtcOffset::UTC)) else { return String::new() };
    let (date, hour, minute, second) = (at.date(), at.hour(), at.minute(), at.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

fn signature(key: &Secret<String>, text: &str) -> Result<String, SasError> {
    let key = Secret::new(STANDARD.decode(key.expose().trim()).map_err(|_| SasError::Key)?);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| SasError::Key)?;
    mac.update(text.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

fn query(pairs: Pairs<'_>, signature: &str) -> Secret<String> {
    let signed = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let all = signed.chain([("sig", signature.to_owned())]);
    let encoded = all.map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, PLAIN)));
    Secret::new(encoded.collect::<Vec<_>>().join("&"))
}

/// The decoded pairs of a query string.
fn pairs(token: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let split = |pair: &str| pair.split_once('=').map(|(name, value)| (decode(name), decode(value)));
    token.trim().trim_start_matches('?').split('&').filter_map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use time::macros::datetime;

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        string_to_sign: String,
        query: BTreeMap<String, String>,
    }

    fn key() -> Secret<String> {
        Secret::new(STANDARD.encode((0..64).collect::<Vec<u8>>()))
    }

    fn terms(permissions: &str, start: bool) -> Terms {
        Terms {
            permissions: permissions.into(),
            start: start.then_some(datetime!(2026-11-24 08:00 UTC)),
            expiry: Some(datetime!(2026-12-24 09:00 +1)),
            version: Some("2026-10-06".into()),
            ..Terms::default()
        }
    }

    fn service(blob: Option<&str>, terms: Terms) -> ServiceSas {
        let (account, container) = ("devacct".into(), "data".into());
        ServiceSas {
            account,
            container,
            blob: blob.map(Into::into),
            policy: None,
            answer_headers: Default::default(),
            terms,
        }
    }

    fn account(services: &str, resource_types: &str, terms: Terms) -> AccountSas {
        AccountSas {
            account: "devacct".into(),
            services: services.into(),
            resource_types: resource_types.into(),
            terms,
        }
    }

    /// The signed text and the token of each vector, by our own code.
    fn ours(name: &str) -> (String, String) {
        let token = |sas: Result<Secret<String>, SasError>| sas.unwrap().into_exposed();
        let of_service = |sas: ServiceSas| (sas.string_to_sign().unwrap(), token(sas.sign(&key())));
        let of_account = |sas: AccountSas| (sas.string_to_sign().unwrap(), token(sas.sign(&key())));
        match name {
            "account" => of_account(account("b", "sco", terms("lr", true))),
            "account_ip" => {
                let ip = Some("10.0.0.1-10.0.0.9".to_owned());
                of_account(account("bq", "o", Terms { ip, http_too: true, ..terms("acdlrw", false) }))
            }
            "container" => of_service(service(None, terms("lr", true))),
            "container_policy" => {
                let mut sas = service(None, Terms { expiry: None, ..terms("", false) });
                sas.policy = Some("nightly+1".into());
                of_service(sas)
            }
            "blob" => {
                let mut sas = service(Some("a folder/grün & blau.txt"), terms("wr", true));
                sas.answer_headers[1] = Some("attachment; filename=\"x y.txt\"".into());
                of_service(sas)
            }
            other => panic!("no such vector: {other}"),
        }
    }

    #[test]
    fn golden_vectors() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("sas/vectors.json")).unwrap();
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let (string_to_sign, token) = ours(&vector.name);
            assert_eq!(string_to_sign, vector.string_to_sign, "{}", vector.name);
            assert_eq!(pairs(&token).into_iter().collect::<BTreeMap<_, _>>(), vector.query, "{}", vector.name);
        }
    }

    /// Made with another key and at the default version; the signature alone is compared.
    #[test]
    fn signatures_at_the_default_version() {
        let key = Secret::from("bW9wcyBnb2xkZW4gdmVjdG9yIGtleSAwMTIzNDU2Nzg5");
        let terms = |permissions: &str, start: bool| Terms {
            permissions: permissions.into(),
            start: start.then_some(datetime!(2026-01-02 03:04:05 UTC)),
            expiry: Some(datetime!(2026-04-02 03:04:05 UTC)),
            ..Terms::default()
        };
        let service = |container: &str, blob: Option<&str>, terms| ServiceSas {
            account: "vectoracct".into(),
            container: container.into(),
            ..service(blob, terms)
        };
        let policy = ServiceSas { policy: Some("pol-1".into()), ..service("bundle-blobs", None, terms("rl", false)) };
        let mut blob = service("results", Some("dir/a bl\u{f6}b.txt"), terms("wrc", true));
        blob.answer_headers[1] = Some("attachment; filename=\"x y\"".into());
        let account = AccountSas { account: "vectoracct".into(), ..account("b", "sco", terms("lr", true)) };
        let rows = [
            (account.sign(&key), "QThIBwBymun9EXY8DorI/HW5WXfXMX6tUpjB3uKXDDM="),
            (
                service("bundle-blobs", None, terms("lr", true)).sign(&key),
                "504/3sJ8qve2JKtvQwvEEsGoo0QuBqetRjMmClYNang=",
            ),
            (policy.sign(&key), "9+Q8XrllHayunpxWOmQx+FQ/16N+5lATLn/IMkH7mDI="),
            (blob.sign(&key), "/pRIqpKm6lwp2tCX3x1cSwWVe/ctSMphCinjYQbDAd4="),
        ];
        for (token, signature) in rows {
            let pairs = pairs(token.unwrap().expose());
            assert_eq!(pairs.last(), Some(&("sig".to_owned(), signature.to_owned())));
        }
    }

    #[test]
    fn odd_permissions_and_keys_are_refused() {
        assert_eq!(service(Some("b"), terms("rl", true)).sign(&key()), Err(SasError::Permission('l')));
        assert_eq!(service(None, terms("rr", true)).sign(&key()), Err(SasError::Permission('r')));
        assert_eq!(service(None, terms("r", true)).sign(&Secret::from("canary!")), Err(SasError::Key));
    }
}

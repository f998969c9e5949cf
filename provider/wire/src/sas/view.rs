//! What of a signature may be shown, and the connection string that carries one.

use std::fmt;

use mops_core::Secret;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::pairs;

/// A signature without its signature: what it allows and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SasView {
    /// `sv`.
    pub version: String,
    /// `sr`: `c`, `b`; empty for an account signature.
    pub resource: String,
    /// `ss`: services of an account signature.
    pub services: String,
    /// `srt`: resource types of an account signature.
    pub resource_types: String,
    /// `sp`.
    pub permissions: String,
    /// `st`.
    pub start: Option<OffsetDateTime>,
    /// `se`.
    pub expiry: Option<OffsetDateTime>,
    /// `spr`.
    pub protocol: String,
    /// `sip`.
    pub ip: String,
    /// `si`: a stored policy holds the rest.
    pub policy: String,
    /// Whether a key of a directory identity signed it.
    pub by_delegation: bool,
    /// Whether there is a signature at all.
    pub signed: bool,
}

impl SasView {
    /// Reads a token, with or without question mark. Unknown fields and the signature are left out.
    #[must_use]
    pub fn of(token: &Secret<String>) -> Self {
        let mut view = Self::default();
        for (name, value) in pairs(token.expose()) {
            let moment = || OffsetDateTime::parse(&value, &Rfc3339).ok();
            match name.as_str() {
                "sv" => view.version = value,
                "sr" => view.resource = value,
                "ss" => view.services = value,
                "srt" => view.resource_types = value,
                "sp" => view.permissions = value,
                "st" => view.start = moment(),
                "se" => view.expiry = moment(),
                "spr" => view.protocol = value,
                "sip" => view.ip = value,
                "si" => view.policy = value,
                "skoid" => view.by_delegation = true,
                "sig" => view.signed = !value.is_empty(),
                _ => {}
            }
        }
        view
    }
}

impl fmt::Display for SasView {
    /// `sv=… sr=… sp=… st=… se=…`, what logs may keep.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
        let (st, se) = (moment(self.start), moment(self.expiry));
        let fields =
            [("sv", &self.version), ("sr", &self.resource), ("sp", &self.permissions), ("st", &st), ("se", &se)];
        let shown: Vec<_> = fields.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={v}")).collect();
        f.write_str(&shown.join(" "))
    }
}

/// `BlobEndpoint=…;SharedAccessSignature=…`.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// The blob endpoint.
    pub endpoint: Url,
    /// The signature.
    pub sas: Secret<String>,
}

/// Why a connection string is of no use; quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// No `BlobEndpoint`, and no `AccountName` to make one from.
    #[error("it names no blob endpoint")]
    NoEndpoint,
    /// The endpoint is no https address.
    #[error("its blob endpoint is not an https address")]
    BadEndpoint,
    /// A full account key, which pods must not have.
    #[error("it holds an account key instead of a shared access signature")]
    AccountKey,
    /// No `SharedAccessSignature`.
    #[error("it holds no shared access signature")]
    NoSignature,
}

impl ConnectionString {
    /// Reads a connection string.
    ///
    /// # Errors
    /// See [`ConnectionStringError`].
    pub fn parse(text: &Secret<String>) -> Result<Self, ConnectionStringError> {
        let parts: Vec<_> = text.expose().trim().split(';').filter_map(|part| part.split_once('=')).collect();
        let get = |name: &str| parts.iter().find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        if get("AccountKey").is_some() {
            return Err(ConnectionStringError::AccountKey);
        }
        let endpoint = match (get("BlobEndpoint"), get("AccountName")) {
            (Some(endpoint), _) => endpoint.to_owned(),
            (None, Some(name)) => {
                let suffix = get("EndpointSuffix").unwrap_or("core.windows.net");
                format!("https://{name}.blob.{suffix}/")
            }
            (None, None) => return Err(ConnectionStringError::NoEndpoint),
        };
        let endpoint = Url::parse(&endpoint).map_err(|_| ConnectionStringError::BadEndpoint)?;
        if crate::origin::check_scheme(&endpoint).is_err() || endpoint.query().is_some() {
            return Err(ConnectionStringError::BadEndpoint);
        }
        let sas = get("SharedAccessSignature").map(|sas| sas.trim_start_matches('?')).filter(|sas| !sas.is_empty());
        let sas = Secret::from(sas.ok_or(ConnectionStringError::NoSignature)?);
        Ok(Self { endpoint, sas })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str =
        "?sv=2022-11-02&sr=c&sp=rl&st=2026-11-24T08%3A00%3A00Z&se=2026-12-24T08%3A00%3A00Z&sig=canary%3D";

    #[test]
    fn shown_without_signature() {
        let view = SasView::of(&Secret::from(TOKEN));
        assert_eq!(view.to_string(), "sv=2022-11-02 sr=c sp=rl st=2026-11-24T08:00:00Z se=2026-12-24T08:00:00Z");
        assert!(view.signed && !format!("{view:?}").contains("canary"));
        assert!(!SasView::of(&Secret::from("nonsense")).signed);
    }

    #[test]
    fn connection_strings() {
        use ConnectionStringError as E;
        let read = |text: &str| ConnectionString::parse(&Secret::from(text));
        let good =
            read(&format!("BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature={TOKEN}")).unwrap();
        assert_eq!(good.endpoint.host_str(), Some("a.blob.core.windows.net"));
        assert!(good.sas.expose().starts_with("sv=") && !format!("{good:?}").contains("canary"));
        let named = read("AccountName=a;SharedAccessSignature=sv=1").unwrap();
        assert_eq!(named.endpoint.as_str(), "https://a.blob.core.windows.net/");
        let rows = [
            ("", E::NoEndpoint),
            ("SharedAccessSignature=x", E::NoEndpoint),
            ("BlobEndpoint=http://a.b/;SharedAccessSignature=x", E::BadEndpoint),
            ("BlobEndpoint=nonsense;SharedAccessSignature=x", E::BadEndpoint),
            ("BlobEndpoint=https://a.b/", E::NoSignature),
            ("AccountName=a;AccountKey=canary==", E::AccountKey),
        ];
        for (text, error) in rows {
            assert_eq!(read(text).unwrap_err(), error, "{text}");
        }
    }
}

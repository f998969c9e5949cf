//! The key with which an identity signs for blobs in place of the account: fetched with a token of Entra ID, good for
//! seven days at most.

use http::{Method, StatusCode};
use mops_core::{Cancel, Secret};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::{BlobError, element, refusal, shortened, version_header};
use crate::origin::{Credential, Origin};
use crate::pipeline::Http;
use crate::request::{Redirects, Request};
use crate::retry::Retry;

/// The key, and what a signature made with it has to say of it.
#[derive(Clone, Debug)]
pub struct DelegationKey {
    /// Who fetched it.
    pub object: String,
    /// Their directory.
    pub tenant: String,
    /// Not before.
    pub start: OffsetDateTime,
    /// Not after; every signature of it ends with it.
    pub expiry: OffsetDateTime,
    /// `b`.
    pub service: String,
    /// The version of the service that made it.
    pub version: String,
    /// The key, in base64.
    pub value: Secret<String>,
}

/// Fetches a key for this time from a blob endpoint, for example `https://NAME.blob.core.windows.net/`.
///
/// # Errors
/// See [`BlobError`]; 403 when the identity may not sign for blobs.
pub async fn delegation_key(
    http: &Http,
    endpoint: &Url,
    token: &Secret<String>,
    (start, expiry): (OffsetDateTime, OffsetDateTime),
    cancel: &Cancel,
) -> Result<DelegationKey, BlobError> {
    crate::origin::check_scheme(endpoint).map_err(BlobError::Address)?;
    let origin = Origin::of(endpoint).ok_or(BlobError::Address("the blob endpoint is no address"))?;
    let mut url = endpoint.clone();
    url.set_path("/");
    url.set_query(Some("restype=service&comp=userdelegationkey"));
    let moment = |at: OffsetDateTime| crate::sas::moment(Some(at));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{}</Start><Expiry>{}</Expiry></KeyInfo>",
        moment(start),
        moment(expiry)
    );
    let mut request = version_header(Request::new(Method::POST, url).body("application/xml", body));
    request.credential = Some(Credential::bearer(origin, token));
    request.redirects = Redirects::Return;
    // It makes nothing that would be there twice.
    request.retry = Retry::Idempotent;
    request.cancel = Some(cancel.clone());
    let response = http.send(request).await?;
    if response.status != StatusCode::OK {
        let mut refusal = refusal(http, endpoint, ("give a key to sign for", "blobs".to_owned()), &response);
        refusal.detail = refusal.detail.map(|text| shortened(&text));
        return Err(BlobError::Refused(Box::new(refusal)));
    }
    let body = Secret::new(String::from_utf8_lossy(&response.body).into_owned());
    read(&body)
}

fn read(body: &Secret<String>) -> Result<DelegationKey, BlobError> {
    let field = |name: &'static str| {
        element(body.expose(), name).filter(|text| !text.is_empty()).ok_or(BlobError::Unreadable(name))
    };
    let moment =
        |name: &'static str| OffsetDateTime::parse(&field(name)?, &Rfc3339).map_err(|_| BlobError::Unreadable(name));
    Ok(DelegationKey {
        object: field("SignedOid")?,
        tenant: field("SignedTid")?,
        start: moment("SignedStart")?,
        expiry: moment("SignedExpiry")?,
        service: field("SignedService")?,
        version: field("SignedVersion")?,
        value: Secret::new(field("Value")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey><SignedOid>o</SignedOid>\
        <SignedTid>t</SignedTid><SignedStart>2026-11-24T08:00:00Z</SignedStart>\
        <SignedExpiry>2026-11-30T08:00:00Z</SignedExpiry><SignedService>b</SignedService>\
        <SignedVersion>2022-11-02</SignedVersion><Value>canary</Value></UserDelegationKey>";

    #[test]
    fn a_key_is_read_whole_or_not_at_all() {
        let key = read(&Secret::from(ANSWER)).unwrap();
        assert_eq!((key.object.as_str(), key.value.expose().as_str()), ("o", "canary"));
        assert!(!format!("{key:?}").contains("canary"));
        for field in ["SignedOid", "SignedExpiry", "Value"] {
            let without = ANSWER.replace(field, "Other");
            assert!(matches!(read(&Secret::from(without.as_str())), Err(BlobError::Unreadable(f)) if f == field));
        }
        let odd = ANSWER.replace("2026-11-24T08:00:00Z", "today");
        assert!(matches!(read(&Secret::from(odd.as_str())), Err(BlobError::Unreadable("SignedStart"))));
    }
}

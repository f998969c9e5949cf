//! Signatures by an identity: the key that it fetches, and the grammar of what is signed with it, written here from the
//! documents and not from the crate that the product uses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::arm::storage::{View, by_host};
use crate::blob::sas::{Access, failed, field};
use crate::blob::{Blobs, refused};
use crate::http::{Call, Reply};
use crate::route::Params;
use crate::world::{hmac_sha256, stamp};

/// The longest life of a key.
const LIFE: Duration = Duration::days(7);
/// The lowest version with this grammar.
const VERSION: &str = "2026-04-06";
const AUDIENCE: &str = "https://storage.azure.com";
/// What of a key stands in a signature, in the order in which it is signed.
const OF_KEY: [&str; 6] = ["skoid", "sktid", "skt", "ske", "sks", "skv"];

/// The value of a key follows from what it is for, and is another one after a revocation: nothing has to be kept.
fn value(view: &View, parts: &[&str]) -> Vec<u8> {
    let account = format!("{} {}", view.incarnation, view.revocations);
    hmac_sha256(account.as_bytes(), parts.join("\n").as_bytes())
}

fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Gives a key to whoever has a token for storage.
pub(super) fn key(blobs: &Blobs, call: &Call, _: &Params) -> Reply {
    let arm = &blobs.arm;
    let Some(view) = by_host(arm, &call.host) else { return Reply::empty(404) };
    if (call.query("restype"), call.query("comp")) != (Some("service"), Some("userdelegationkey")) {
        let message = "Value for one of the query parameters is invalid.";
        return refused(arm, 400, "InvalidQueryParameterValue", message, None);
    }
    let claims = call.bearer().and_then(|token| arm.world.verify(token).ok());
    let ours = |claims: &serde_json::Value| claims["aud"].as_str().is_some_and(|a| a.trim_end_matches('/') == AUDIENCE);
    let Some(claims) = claims.filter(ours) else {
        let message = "Server failed to authenticate the request. Please refer to the information in the \
                       www-authenticate header.";
        return refused(arm, 401, "InvalidAuthenticationInfo", message, None);
    };
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let moment = |name| element(&body, name).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let now = arm.world.now();
    let Some((start, expiry)) = moment("Start").zip(moment("Expiry")).filter(|(start, expiry)| {
        *start < *expiry && *expiry > now && *expiry <= now + LIFE && *expiry - *start <= LIFE
    }) else {
        return refused(
            arm,
            400,
            "InvalidXmlNodeValue",
            "The value for one of the XML nodes is not in the correct format.",
            None,
        );
    };
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let (start, expiry) = (stamp(start), stamp(expiry));
    let version = call.header("x-ms-version").unwrap_or_default();
    let (object, tenant) = (text("oid"), text("tid"));
    let key = STANDARD.encode(value(&view, &[&object, &tenant, &start, &expiry, "b", version]));
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey><SignedOid>{object}</SignedOid>\
         <SignedTid>{tenant}</SignedTid><SignedStart>{start}</SignedStart><SignedExpiry>{expiry}</SignedExpiry>\
         <SignedService>b</SignedService><SignedVersion>{version}</SignedVersion><Value>{key}</Value></UserDelegationKey>"
    );
    Reply::body(200, "application/xml", body)
}

/// Whether an identity's key signed a request, and was still good.
pub(super) fn check(blobs: &Blobs, view: &View, call: &Call, access: &Access<'_>) -> Result<(), Reply> {
    let arm = &blobs.arm;
    let wrong = || failed(arm, "Signature did not match. String to sign used was not the one that was signed.");
    if field(call, "sv") < VERSION || field(call, "sr") != "c" {
        return Err(wrong());
    }
    let key = value(view, &OF_KEY.map(|name| field(call, name)));
    let f = |name| field(call, name);
    let path = format!("/blob/{}/{}", view.name, access.target.container);
    let mut lines = vec![f("sp"), f("st"), f("se"), &path];
    lines.extend(OF_KEY.map(f));
    lines.extend(["saoid", "suoid", "scid", "skdutid", "sduoid", "sip", "spr", "sv", "sr"].map(f));
    // No snapshot; after the scope, headers and parameters that a request would have to have.
    lines.extend(["", f("ses"), "", ""]);
    lines.extend(["rscc", "rscd", "rsce", "rscl", "rsct"].map(f));
    let given = STANDARD.decode(f("sig")).map_err(|_| wrong())?;
    if hmac_sha256(&key, lines.join("\n").as_bytes()) != given {
        return Err(wrong());
    }
    if f("ske") < stamp(arm.world.now()).as_str() || f("se") > f("ske") {
        return Err(failed(arm, "The key of the signature has expired."));
    }
    Ok(())
}

//! Signatures that the service makes, so that no account key leaves it. The grammar is written
//! here a second time, from the documents, so that ours and this one check each other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::arm::{Arm, refusal, storage};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};
use crate::world::hmac_sha256;

const VERSION: &str = "2022-11-02";
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/listServiceSas",
            Evidence::Assumed("examples of the contract only; no recording is public"),
            service,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/listAccountSas",
            Evidence::Assumed("examples of the contract only; no recording is public"),
            account,
        ),
    ]
}

fn bad(what: &str) -> Reply {
    refusal::service(
        400,
        "InvalidValuesForRequestParameters",
        &format!("Values for request parameters are invalid: {what}."),
    )
}

/// The key that a request names, or the reason why nothing may be signed.
fn signing_key(arm: &Arm, params: &Params, wanted: &Value) -> Result<Vec<u8>, Reply> {
    let state = arm.state();
    let account = storage::ready_account(&state, params, "write", "storageAccounts")?;
    if account.body["properties"]["allowSharedKeyAccess"] == json!(false) {
        let message = "Key based authentication is not permitted on this storage account.";
        return Err(refusal::service(403, "KeyBasedAuthenticationNotPermitted", message));
    }
    let slot = match wanted["keyToSign"].as_str() {
        None | Some("key1") => 0,
        Some("key2") => 1,
        Some(_) => return Err(bad("keyToSign")),
    };
    STANDARD.decode(&account.secrets[slot]).map_err(|_| Reply::empty(500))
}

fn text<'a>(wanted: &'a Value, name: &str) -> &'a str {
    wanted[name].as_str().unwrap_or_default()
}

/// Times come in with or without fractions and are signed without.
fn moment(wanted: &Value, name: &str) -> Result<String, Reply> {
    let given = text(wanted, name);
    if given.is_empty() {
        return Ok(String::new());
    }
    let parsed = time::OffsetDateTime::parse(given, &time::format_description::well_known::Rfc3339);
    let whole = parsed.map_err(|_| bad(name))?.to_offset(time::UtcOffset::UTC).replace_nanosecond(0);
    Ok(crate::world::stamp(whole.map_err(|_| bad(name))?))
}

fn ordered(given: &str, order: &str, name: &str) -> Result<String, Reply> {
    if given.is_empty() || !given.chars().all(|c| order.contains(c)) {
        return Err(bad(name));
    }
    Ok(order.chars().filter(|c| given.contains(*c)).collect())
}

fn signed(key: &[u8], to_sign: &str, fields: &[(&str, &str)]) -> String {
    let signature = STANDARD.encode(hmac_sha256(key, to_sign.as_bytes()));
    let all = fields.iter().copied().chain([("sig", signature.as_str())]);
    let pairs: Vec<String> =
        all.filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={}", utf8_percent_encode(v, PLAIN))).collect();
    pairs.join("&")
}

fn service(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    service_token(arm, params, &wanted).map_or_else(|r| r, |t| Reply::json(200, &json!({"serviceSasToken": t})))
}

fn service_token(arm: &Arm, params: &Params, wanted: &Value) -> Result<String, Reply> {
    let key = signing_key(arm, params, wanted)?;
    let path = text(wanted, "canonicalizedResource");
    let prefix = format!("/blob/{}/", params.get("account"));
    if path.strip_prefix(&prefix).is_none_or(str::is_empty) {
        return Err(bad("canonicalizedResource"));
    }
    let resource = text(wanted, "signedResource");
    if !["b", "c"].contains(&resource) {
        return Err(bad("signedResource"));
    }
    let policy = text(wanted, "signedIdentifier");
    let expiry = moment(wanted, "signedExpiry")?;
    if policy.is_empty() && expiry.is_empty() {
        return Err(bad("signedExpiry"));
    }
    let permissions = match text(wanted, "signedPermission") {
        "" if !policy.is_empty() => String::new(),
        given => ordered(given, "racwdxyltfmeopi", "signedPermission")?,
    };
    let start = moment(wanted, "signedStart")?;
    let [ip, protocol] = ["signedIp", "signedProtocol"].map(|n| text(wanted, n));
    let overrides = ["rscc", "rscd", "rsce", "rscl", "rsct"].map(|n| (n, text(wanted, n)));
    let scope = text(wanted, "signedEncryptionScope");
    let mut lines =
        vec![permissions.as_str(), &start, &expiry, path, policy, ip, protocol, VERSION, resource, "", scope];
    lines.extend(overrides.iter().map(|(_, v)| *v));
    let mut fields = vec![
        ("sv", VERSION),
        ("sr", resource),
        ("si", policy),
        ("st", &start),
        ("se", &expiry),
        ("sp", &permissions),
        ("sip", ip),
        ("spr", protocol),
        ("ses", scope),
    ];
    fields.extend(overrides);
    Ok(signed(&key, &lines.join("\n"), &fields))
}

fn account(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    account_token(arm, params, &wanted).map_or_else(|r| r, |t| Reply::json(200, &json!({"accountSasToken": t})))
}

fn account_token(arm: &Arm, params: &Params, wanted: &Value) -> Result<String, Reply> {
    let key = signing_key(arm, params, wanted)?;
    let services = ordered(text(wanted, "signedServices"), "bqtf", "signedServices")?;
    let types = ordered(text(wanted, "signedResourceTypes"), "sco", "signedResourceTypes")?;
    let permissions = ordered(text(wanted, "signedPermission"), "rwdxylacupfti", "signedPermission")?;
    let expiry = moment(wanted, "signedExpiry")?;
    if expiry.is_empty() {
        return Err(bad("signedExpiry"));
    }
    let start = moment(wanted, "signedStart")?;
    let [ip, protocol] = ["signedIp", "signedProtocol"].map(|n| text(wanted, n));
    let lines =
        [params.get("account"), &permissions, &services, &types, &start, &expiry, ip, protocol, VERSION, "", ""];
    let fields = [
        ("sv", VERSION),
        ("ss", services.as_str()),
        ("srt", &types),
        ("sp", &permissions),
        ("st", &start),
        ("se", &expiry),
        ("sip", ip),
        ("spr", protocol),
    ];
    Ok(signed(&key, &lines.join("\n"), &fields))
}

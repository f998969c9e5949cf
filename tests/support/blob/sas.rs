//! Validation of a SAS as the storage service does it: signature, times, protocol, service,
//! resource, permission, in that order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::Arm;
use crate::arm::storage::View;
use crate::blob::{Blobs, delegation, refused};
use crate::http::{Call, Reply};
use crate::world::hmac_sha256;

/// What a request wants to reach.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The container.
    pub container: &'a str,
    /// The blob, unless it is about the container.
    pub blob: Option<&'a str>,
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// To what.
    pub target: Target<'a>,
    /// `r`, `l`, `w` or `d`.
    pub permission: char,
}

/// The lowest and highest signature versions whose grammar this is.
const VERSIONS: (&str, &str) = ("2020-12-06", "2026-10-06");

pub(super) fn failed(arm: &Arm, detail: &str) -> Reply {
    let message = "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
                   correctly including the signature.";
    refused(arm, 403, "AuthenticationFailed", message, Some(detail))
}

fn mismatch(arm: &Arm, what: &str) -> Reply {
    let code = format!("Authorization{what}Mismatch");
    refused(arm, 403, &code, "This request is not authorized to perform this operation using this permission.", None)
}

/// Checks the SAS of a request.
///
/// # Errors
/// The refusal of the storage service.
pub fn check(blobs: &Blobs, view: &View, call: &Call, access: &Access<'_>) -> Result<(), Reply> {
    let arm = &blobs.arm;
    if call.query("sig").is_none() {
        return Err(anonymous(arm, call));
    }
    let version = call.query("sv").unwrap_or_default();
    if version < VERSIONS.0 || version > VERSIONS.1 {
        return Err(refused(
            arm,
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid.",
            None,
        ));
    }
    let delegated = call.query("skoid").is_some();
    if !delegated && !view.shared_key {
        let message = "Key based authentication is not permitted on this storage account.";
        return Err(refused(arm, 403, "KeyBasedAuthenticationNotPermitted", message, None));
    }
    let account_wide = call.query("ss").is_some();
    if delegated {
        delegation::check(blobs, view, call, access)?;
    } else {
        check_signature(arm, view, call, access, account_wide)?;
        check_policy(arm, view, call, access)?;
    }
    check_times(arm, call)?;
    if call.query("sip").is_some_and(|ip| !ip.is_empty() && !ip.starts_with("127.")) {
        return Err(mismatch(arm, "SourceIP"));
    }
    if account_wide {
        check_account(arm, call, access)?;
    }
    if call.query("sp").is_some_and(|sp| permits(sp, access.permission)) {
        Ok(())
    } else {
        Err(mismatch(arm, "Permission"))
    }
}

/// A policy that is named must be there; it has no terms of its own here.
fn check_policy(arm: &Arm, view: &View, call: &Call, access: &Access<'_>) -> Result<(), Reply> {
    let named = field(call, "si");
    let stored = view.policies.iter().any(|(container, name)| container == access.target.container && name == named);
    if named.is_empty() || stored { Ok(()) } else { Err(failed(arm, "The signature's policy is not there.")) }
}

/// Creating needs `c` or `w`.
fn permits(given: &str, wanted: char) -> bool {
    given.contains(wanted) || (wanted == 'w' && given.contains('c'))
}

fn anonymous(arm: &Arm, call: &Call) -> Reply {
    if call.header("authorization").is_some() {
        return failed(arm, "Only shared access signatures are understood here.");
    }
    // Public access is off, so the service does not tell what exists.
    let message = "Public access is not permitted on this storage account.";
    refused(arm, 409, "PublicAccessNotPermitted", message, None)
}

pub(super) fn field<'a>(call: &'a Call, name: &str) -> &'a str {
    call.query(name).unwrap_or_default()
}

fn to_sign(view: &View, call: &Call, access: &Access<'_>, account_wide: bool) -> Option<String> {
    let f = |name| field(call, name);
    if account_wide {
        let lines = [
            view.name.as_str(),
            f("sp"),
            f("ss"),
            f("srt"),
            f("st"),
            f("se"),
            f("sip"),
            f("spr"),
            f("sv"),
            f("ses"),
            "",
        ];
        return Some(lines.join("\n"));
    }
    let path = match (f("sr"), access.target.blob) {
        ("c", _) => format!("/blob/{}/{}", view.name, access.target.container),
        ("b", Some(blob)) => format!("/blob/{}/{}/{blob}", view.name, access.target.container),
        _ => return None,
    };
    let lines = [
        f("sp"),
        f("st"),
        f("se"),
        &path,
        f("si"),
        f("sip"),
        f("spr"),
        f("sv"),
        f("sr"),
        "",
        f("ses"),
        f("rscc"),
        f("rscd"),
        f("rsce"),
        f("rscl"),
        f("rsct"),
    ];
    Some(lines.join("\n"))
}

fn check_signature(arm: &Arm, view: &View, call: &Call, access: &Access<'_>, account_wide: bool) -> Result<(), Reply> {
    let wrong = || failed(arm, "Signature did not match. String to sign used was not the one that was signed.");
    let text = to_sign(view, call, access, account_wide).ok_or_else(wrong)?;
    let given = STANDARD.decode(field(call, "sig")).map_err(|_| wrong())?;
    let fits = |key: &String| STANDARD.decode(key).is_ok_and(|key| hmac_sha256(&key, text.as_bytes()) == given);
    if view.keys.iter().any(fits) { Ok(()) } else { Err(wrong()) }
}

fn moment(arm: &Arm, text: &str) -> Result<Option<OffsetDateTime>, Reply> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = OffsetDateTime::parse(text, &Rfc3339);
    parsed.map(Some).map_err(|_| failed(arm, "The time in the signature is not valid."))
}

fn check_times(arm: &Arm, call: &Call) -> Result<(), Reply> {
    let now = arm.world.now();
    let start = moment(arm, field(call, "st"))?;
    let expiry = moment(arm, field(call, "se"))?.ok_or_else(|| failed(arm, "The expiry is missing."))?;
    if start.is_some_and(|s| s > now) || expiry <= now {
        let detail = format!(
            "Signature not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
            field(call, "st"),
            field(call, "se"),
            arm.world.stamp()
        );
        return Err(failed(arm, &detail));
    }
    Ok(())
}

fn check_account(arm: &Arm, call: &Call, access: &Access<'_>) -> Result<(), Reply> {
    if !field(call, "ss").contains('b') {
        return Err(mismatch(arm, "Service"));
    }
    let level = if access.target.blob.is_some() { 'o' } else { 'c' };
    if field(call, "srt").contains(level) { Ok(()) } else { Err(mismatch(arm, "ResourceType")) }
}

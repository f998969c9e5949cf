//! The error shapes of ARM and of the services behind it.

use serde_json::{Value, json};

use crate::http::{Call, Reply};

/// `{error: {code, message}}` from ARM itself.
#[must_use]
pub fn gateway(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}})).header("x-ms-failure-cause", "gateway")
}

/// `{error: {code, message}}` from a resource provider.
#[must_use]
pub fn service(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}})).header("x-ms-failure-cause", "service")
}

/// The same plus a top-level `status`, as the registry's children answer.
#[must_use]
pub fn with_status(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}, "status": "Failed"}))
}

/// AKS: no `error` member.
#[must_use]
pub fn flat(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"code": code, "details": Value::Null, "message": message, "subcode": ""});
    Reply::json(status, &body).header("x-ms-failure-cause", "service")
}

/// AKS: a property that is wrong.
#[must_use]
pub fn flat_target(code: &str, message: &str, target: &str) -> Reply {
    let body = json!({"code": code, "details": Value::Null, "message": message, "subcode": "", "target": target});
    Reply::json(400, &body).header("x-ms-failure-cause", "service")
}

/// 401 of ARM.
#[must_use]
pub fn unauthenticated(code: Option<&str>) -> Reply {
    let (code, message) = match code {
        None => ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
        Some("ExpiredAuthenticationToken") => {
            ("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.")
        }
        Some("InvalidAuthenticationTokenAudience") => (
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of \
             the allowed audiences.",
        ),
        Some(code) => (code, "The access token is invalid."),
    };
    let challenge = format!(
        "Bearer authorization_uri=\"https://login.windows.net/\", error=\"invalid_token\", \
                             error_description=\"{message}\""
    );
    gateway(401, code, message).header("www-authenticate", challenge)
}

/// What the fake does not have: never an invented answer.
#[must_use]
pub fn not_built(call: &Call) -> Reply {
    let message = format!("the sandbox has no route for {} {}", call.method, call.path);
    gateway(501, "NotImplementedBySandbox", &message)
}

/// A group that is not there.
#[must_use]
pub fn no_group(name: &str) -> Reply {
    gateway(404, "ResourceGroupNotFound", &format!("Resource group '{name}' could not be found."))
}

/// A resource that is not there, said by ARM.
#[must_use]
pub fn no_resource(kind: &str, name: &str, group: &str) -> Reply {
    let message = format!(
        "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix"
    );
    gateway(404, "ResourceNotFound", &message)
}

/// The parent of a child is not there.
#[must_use]
pub fn no_parent(verb: &str, kind: &str, parent: &str) -> Reply {
    let message = format!(
        "Failed to perform '{verb}' on resource(s) of type '{kind}', because the parent resource '{parent}' could \
         not be found."
    );
    gateway(404, "ParentResourceNotFound", &message)
}

/// The body is not JSON or not an object.
#[must_use]
pub fn bad_body() -> Reply {
    gateway(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
}

/// A property of the definition is missing.
#[must_use]
pub fn no_location() -> Reply {
    gateway(400, "LocationRequired", "The location property is required for this definition.")
}

/// A resource does not move.
#[must_use]
pub fn other_location(name: &str, group: &str, old: &str, new: &str) -> Reply {
    let message = format!(
        "The resource '{name}' already exists in location '{old}' in resource group '{group}'. A resource with the \
         same name cannot be created in location '{new}'. Please select a new resource name."
    );
    gateway(409, "InvalidResourceLocation", &message)
}

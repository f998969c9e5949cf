//! Errors of ARM and of the services behind it. Guarantees that the deepest specific code is the cause and the
//! outer ones are context, in every shape that was seen (`tests::shapes`), and that the class follows from code
//! and status (`tests::classes`).

use std::fmt;
use std::time::Duration;

use mops_core::Class;
use serde_json::Value as Json;

use super::answer::{Answer, Body};
use super::remedy::Remedy;

/// The ids by which Azure's support finds a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// `x-ms-request-id`.
    pub request: Option<String>,
    /// `x-ms-correlation-request-id`.
    pub correlation: Option<String>,
    /// `x-ms-routing-request-id`.
    pub routing: Option<String>,
}

impl fmt::Display for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [("request", &self.request), ("correlation", &self.correlation), ("routing", &self.routing)];
        let shown: Vec<String> =
            named.iter().filter_map(|(name, id)| id.as_ref().map(|id| format!("{name} {id}"))).collect();
        f.write_str(&shown.join(", "))
    }
}

/// What ARM, or a service behind it, answered instead of success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmError {
    /// HTTP status; 200 for an operation that failed later.
    pub status: u16,
    /// The deepest specific code, verbatim; empty when the answer had none.
    pub code: String,
    /// Its message in one line, cut to a readable length.
    pub message: String,
    /// Codes round the cause, outermost first.
    pub context: Vec<String>,
    /// The pause that the answer asked for.
    pub retry_after: Option<Duration>,
    /// See [`RequestIds`].
    pub ids: RequestIds,
    /// Whether a long operation ended like this, after the request itself had been accepted.
    pub operation: bool,
}

impl ArmError {
    /// Reads an answer that is an error by its status.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let root = match &answer.body {
            Body::Json(json) => Root::of(json),
            Body::Text(text) => Root { message: xml_message(text), ..Root::default() },
            Body::Empty => Root::default(),
        };
        let code = answer.error_code.clone().filter(|_| root.code.is_empty()).unwrap_or(root.code);
        Self {
            status: answer.status,
            code,
            message: one_line(&root.message),
            context: root.context,
            retry_after: answer.retry_after,
            ids: answer.ids.clone(),
            operation: false,
        }
    }

    /// Reads an operation result, or a resource, that says `Failed` or `Canceled`.
    #[must_use]
    pub fn of_operation(answer: &Answer, state: &str) -> Self {
        let mut error = Self { operation: true, retry_after: None, ..Self::of(answer) };
        if error.code.is_empty() {
            error.code = format!("Operation{state}");
        }
        if error.message.is_empty() {
            error.message = format!("the operation ended in state {state}");
        }
        error
    }

    /// Drops the texts: errors of calls that carry credentials are never quoted.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        self.message.clear();
        self
    }

    /// Whether this or an outer code is `code`; codes are compared without case.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code) || self.context.iter().any(|c| c.eq_ignore_ascii_case(code))
    }

    /// What may be done about it besides telling the user.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        Remedy::of(self)
    }

    /// Decides exit code and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.remedy() {
            Remedy::BackOff if self.status == 429 || self.is("TooManyRequests") => Class::Throttled(self.retry_after),
            Remedy::BackOff => Class::Transient,
            Remedy::Serialise => Class::Conflict,
            Remedy::Register | Remedy::AskForMore | Remedy::Policy => Class::User,
            Remedy::TakenName => Class::Conflict,
            // Not busy and not quota: the service does not support it.
            Remedy::None if self.is("OperationNotAllowed") => Class::User,
            Remedy::Consistency | Remedy::None => self.class_of_status(),
        }
    }

    fn class_of_status(&self) -> Class {
        match self.status {
            401 | 403 => Class::Auth,
            404 | 410 => Class::NotFound,
            409 | 412 => Class::Conflict,
            _ => Class::User,
        }
    }
}

impl fmt::Display for ArmError {
    /// `ARM answered 403 AuthorizationFailed: MESSAGE (request …)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation {
            write!(f, "the operation at ARM ended with {}", self.code)?;
        } else {
            write!(f, "ARM answered {}", self.status)?;
            if !self.code.is_empty() {
                write!(f, " {}", self.code)?;
            }
        }
        if !self.context.is_empty() {
            write!(f, " in {}", self.context.join(", "))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        let ids = self.ids.to_string();
        if ids.is_empty() { Ok(()) } else { write!(f, " ({ids})") }
    }
}

impl std::error::Error for ArmError {}

#[derive(Default)]
struct Root {
    code: String,
    message: String,
    context: Vec<String>,
}

impl Root {
    fn of(json: &Json) -> Self {
        let mut nodes = Vec::new();
        collect(top(json), 0, &mut nodes);
        let Some(outer) = nodes.first() else { return Self::default() };
        // The first of the deepest specific ones; without any, the outermost as it is.
        let cause = nodes.iter().filter(|n| is_specific(&n.code)).fold(None::<&Node>, |best, node| match best {
            Some(found) if found.depth >= node.depth => Some(found),
            _ => Some(node),
        });
        let cause = cause.unwrap_or(outer);
        let context = nodes.iter().filter(|n| n.depth < cause.depth && !n.code.is_empty()).map(|n| n.code.clone());
        let below = || nodes.iter().find(|n| n.depth > cause.depth && !n.message.is_empty()).map(|n| &n.message);
        let message =
            if cause.message.is_empty() { below().cloned().unwrap_or_default() } else { cause.message.clone() };
        Self { code: cause.code.clone(), message, context: context.collect() }
    }
}

struct Node {
    code: String,
    message: String,
    depth: usize,
}

/// The object that holds code and message: `error`, the first of `errors`, or the body itself (flat shape).
fn top(json: &Json) -> &Json {
    let nested = json.get("error").or_else(|| json.pointer("/properties/error")).filter(|e| e.is_object());
    nested.or_else(|| json.pointer("/errors/0")).unwrap_or(json)
}

/// Enough for every nesting that was seen, and an end for a body made to be deep.
const MAX_DEPTH: usize = 12;

fn collect(json: &Json, depth: usize, nodes: &mut Vec<Node>) {
    if depth > MAX_DEPTH {
        return;
    }
    let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (code, message) = (text("code"), text("message"));
    let inner = embedded(&message);
    let message = match &inner {
        Some((at, _)) => {
            message.get(..*at).unwrap_or_default().trim_end_matches([' ', '\'', '"', ':', '\n', '\r']).to_owned()
        }
        None => message,
    };
    if !code.is_empty() || !message.is_empty() {
        nodes.push(Node { code, message, depth });
    }
    for detail in json.get("details").and_then(Json::as_array).into_iter().flatten() {
        collect(detail, depth + 1, nodes);
    }
    for key in ["innererror", "innerError"] {
        json.get(key).into_iter().for_each(|inner| collect(inner, depth + 1, nodes));
    }
    if let Some((_, inner)) = inner {
        collect(top(&inner), depth + 1, nodes);
    }
}

/// An error body that stands as JSON text inside a message, and where it begins.
fn embedded(message: &str) -> Option<(usize, Json)> {
    let starts = message.match_indices('{').map(|(at, _)| at).take(4);
    starts.filter_map(|at| Some((at, first_json(message.get(at..)?)?))).find(|(_, json)| {
        let top = top(json);
        top.get("code").is_some() || top.get("message").is_some()
    })
}

fn first_json(text: &str) -> Option<Json> {
    let plain = serde_json::Deserializer::from_str(text).into_iter::<Json>().next().and_then(Result::ok);
    // Seen with its quotes escaped once more.
    plain.or_else(|| {
        let unescaped = text.replace("\\\"", "\"");
        serde_json::Deserializer::from_str(&unescaped).into_iter::<Json>().next().and_then(Result::ok)
    })
}

/// Codes that say no more than the status does.
fn is_specific(code: &str) -> bool {
    const VAGUE: [&str; 9] = [
        "Unspecified",
        "BadRequest",
        "Conflict",
        "Success",
        "Error",
        "Failed",
        "InternalServerError",
        "None",
        "ResourceDeploymentFailure",
    ];
    !code.is_empty() && !VAGUE.iter().any(|v| v.eq_ignore_ascii_case(code)) && code.parse::<u16>().is_err()
}

fn xml_message(text: &str) -> String {
    let inner = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    inner.map_or_else(String::new, |(message, _)| message.to_owned())
}

/// Whitespace folded, cut at 400 characters: an error shows a sentence, not a body.
fn one_line(message: &str) -> String {
    let folded = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match folded.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", folded.get(..at).unwrap_or_default()),
        None => folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: u16, body: Json) -> ArmError {
        ArmError::of(&Answer { status, body: Body::Json(body), ..Answer::default() })
    }

    #[test]
    fn shapes() {
        let quota = json!({"code": "QuotaExceeded", "message": "no cores left"});
        let template =
            json!({"error": {"code": "InvalidTemplateDeployment", "message": "see details", "details": [quota]}});
        let flat = json!({"code": "EtagMismatch", "message": "failed", "subcode": "X",
            "details": [{"code": "Unspecified", "message": "rpc error"}]});
        let inner = json!({"error": {"code": "BadRequest", "message": "outer", "innererror": {"code": "TooLong", "message": "m"}}});
        let text = json!({"error": {"code": "Conflict", "message": "outer says: '{\"error\":{\"code\":\"DiskFull\",\"message\":\"no room\"}}'"}});
        let rows = [
            (400, json!({"error": {"code": "A", "message": "m"}}), "A", "m", vec![]),
            (
                404,
                json!({"error": {"code": "ResourceNotFound", "message": "gone"}, "status": "Failed"}),
                "ResourceNotFound",
                "gone",
                vec![],
            ),
            (400, template, "QuotaExceeded", "no cores left", vec!["InvalidTemplateDeployment"]),
            (409, flat, "EtagMismatch", "failed", vec![]),
            (400, inner, "TooLong", "m", vec!["BadRequest"]),
            (409, text, "DiskFull", "no room", vec!["Conflict"]),
            (429, json!({"error": {"code": "429", "message": "slow"}}), "429", "slow", vec![]),
            (404, json!({"errors": [{"code": "NAME_UNKNOWN", "message": "n"}]}), "NAME_UNKNOWN", "n", vec![]),
        ];
        for (status, body, code, message, context) in rows {
            let error = read(status, body.clone());
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{body}");
            assert_eq!(error.context, context, "{body}");
        }
    }

    #[test]
    fn header_code_and_empty_body() {
        let head = Answer { status: 404, error_code: Some("BlobNotFound".into()), ..Answer::default() };
        assert_eq!(ArmError::of(&head).code, "BlobNotFound");
        let empty = ArmError::of(&Answer { status: 403, ..Answer::default() });
        assert_eq!((empty.to_string().as_str(), empty.class()), ("ARM answered 403", Class::Auth));
    }

    #[test]
    fn classes() {
        let busy = "Operation is not allowed: Another scale operation is in progress";
        let quota = "Operation could not be completed as it results in exceeding approved standardX Cores quota";
        let rows = [
            (403, "AuthorizationFailed", "m", Class::Auth),
            (404, "ResourceNotFound", "m", Class::NotFound),
            (409, "OperationNotAllowed", busy, Class::Conflict),
            (409, "OperationNotAllowed", quota, Class::User),
            (409, "OperationNotAllowed", "unsupported", Class::User),
            (409, "StorageAccountIsNotProvisioned", "m", Class::Transient),
            (409, "MissingSubscriptionRegistration", "m", Class::User),
            (400, "ErrCode_InsufficientVCPUQuota", "m", Class::User),
            (409, "AlreadyInUse", "m", Class::Conflict),
            (403, "RequestDisallowedByPolicy", "m", Class::User),
            (500, "GetVnetError", "m", Class::Transient),
            (429, "429", "m", Class::Throttled(None)),
            (400, "InvalidParameter", "m", Class::User),
        ];
        for (status, code, message, class) in rows {
            let error = read(status, json!({"error": {"code": code, "message": message}}));
            assert_eq!(error.class(), class, "{code} {message}");
        }
    }

    #[test]
    fn a_body_never_comes_whole() {
        let error = read(400, json!({"error": {"code": "X", "message": "x".repeat(5000)}}));
        assert!(error.to_string().len() < 500);
    }
}

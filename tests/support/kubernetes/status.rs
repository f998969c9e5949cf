//! Refusals: `Status` bodies as the real API server writes them.

use serde_json::{Value as Json, json};

use super::kinds::Kind;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) code: u16,
    /// The `Status` object.
    pub(super) body: Json,
}

/// One reason inside a `Status`.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    /// `FieldValueInvalid` and the like.
    pub(super) reason: &'static str,
    /// The field's path.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) message: String,
}

impl Cause {
    /// A value that is not acceptable.
    pub(super) fn invalid(field: &str, value: &str, detail: &str) -> Self {
        let message = format!("Invalid value: {}: {detail}", json!(value));
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }

    /// A structure that is not acceptable, quoted with its keys in order.
    pub(super) fn invalid_object(field: &str, value: &Json, detail: &str) -> Self {
        let mut sorted = value.clone();
        sorted.sort_all_objects();
        Self { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {sorted}: {detail}") }
    }

    /// A value that is missing.
    pub(super) fn required(field: &str) -> Self {
        Self { reason: "FieldValueRequired", field: field.into(), message: "Required value".into() }
    }

    /// A value that is not allowed here.
    pub(super) fn forbidden(field: &str, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {detail}") }
    }

    fn json(&self) -> Json {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

fn status(code: u16, reason: &str, message: &str, details: Json) -> Refusal {
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    });
    if let Some(map) = body.as_object_mut() {
        map.retain(|_, v| !v.is_null() && *v != "");
    }
    Refusal { code, body }
}

fn details(kind: &Kind, name: &str) -> Json {
    let mut map = json!({"name": name, "group": kind.group, "kind": kind.plural});
    if let Some(map) = map.as_object_mut() {
        map.retain(|_, v| *v != "");
    }
    map
}

impl Refusal {
    /// 404 for an object.
    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        status(404, "NotFound", &format!("{} \"{name}\" not found", kind.resource()), details(kind, name))
    }

    /// 409 for a name that is taken.
    pub(super) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        status(409, "AlreadyExists", &message, details(kind, name))
    }

    /// 409 for a write based on an old state.
    pub(super) fn conflict(kind: &Kind, name: &str, detail: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {detail}", kind.resource());
        status(409, "Conflict", &message, details(kind, name))
    }

    /// 409 for a deletion of another object than the one meant; the server names the kind here.
    pub(super) fn precondition(kind: &Kind, name: &str, detail: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {detail}", qualified(kind));
        let mut about = details(kind, name);
        about["kind"] = json!(kind.kind);
        status(409, "Conflict", &message, about)
    }

    /// 409 for fields that another manager holds.
    pub(super) fn apply_conflict(message: &str, causes: &[(String, String)]) -> Self {
        let causes: Vec<Json> = causes
            .iter()
            .map(|(message, field)| json!({"reason": "FieldManagerConflict", "message": message, "field": field}))
            .collect();
        status(409, "Conflict", message, json!({"causes": causes}))
    }

    /// 422 with every cause.
    pub(super) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let list = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let mut about = json!({"name": name, "group": kind.group, "kind": kind.kind,
            "causes": causes.iter().map(Cause::json).collect::<Vec<_>>()});
        if let Some(map) = about.as_object_mut() {
            map.retain(|_, v| *v != "");
        }
        status(422, "Invalid", &format!("{} \"{name}\" is invalid: {list}", qualified(kind)), about)
    }

    /// 400.
    pub(super) fn bad_request(message: &str) -> Self {
        status(400, "BadRequest", message, Json::Null)
    }

    /// 401.
    pub(super) fn unauthorized() -> Self {
        status(401, "Unauthorized", "Unauthorized", Json::Null)
    }

    /// 403 by RBAC.
    pub(super) fn forbidden(kind: &Kind, verb: &str, resource: &str, (namespace, name): (&str, &str)) -> Self {
        let place = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{namespace}\"")
        };
        let what = if name.is_empty() { kind.resource() } else { format!("{} \"{name}\"", kind.resource()) };
        let message = format!(
            "{what} is forbidden: User \"sandbox-user\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
            kind.group
        );
        status(403, "Forbidden", &message, details(kind, name))
    }

    /// 403 by admission.
    pub(super) fn refused(kind: &Kind, name: &str, why: &str) -> Self {
        status(403, "Forbidden", &format!("{} \"{name}\" is forbidden: {why}", kind.resource()), details(kind, name))
    }

    /// 410 for a list or a watch that is too old.
    pub(super) fn expired(message: &str) -> Self {
        status(410, "Expired", message, Json::Null)
    }

    /// 410 for the rest of a list, with a token for the rest as it is now.
    pub(super) fn old_page(token: &str) -> Self {
        let mut refusal = Self::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter, or use the continue token in this response to retrieve the \
             remainder of the results. Continuing with the provided token results in an inconsistent list - \
             objects that were created, modified, or deleted between the time the first chunk was returned and \
             now may show up in the list.",
        );
        refusal.body["metadata"]["continue"] = json!(token);
        refusal
    }

    /// 413.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        status(413, "RequestEntityTooLarge", &message, Json::Null)
    }

    /// 415 for what is no patch.
    pub(super) fn media_type() -> Self {
        status(415, "UnsupportedMediaType", "415: Unsupported Media Type", json!({}))
    }

    /// 422 for an apply by nobody.
    pub(super) fn no_manager() -> Self {
        let why = "Required value: is required for apply patch";
        let cause = json!({"reason": "FieldValueRequired", "message": why, "field": "fieldManager"});
        let about = json!({"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]});
        let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: {why}");
        status(422, "Invalid", &message, about)
    }

    /// 500 as the server answers an error without a type.
    pub(super) fn internal(message: &str) -> Self {
        status(500, "", message, Json::Null)
    }

    /// 501: the fake does not have this, and invents nothing.
    pub(super) fn not_implemented(what: &str) -> Self {
        status(501, "NotImplemented", &format!("the sandbox has no {what}"), Json::Null)
    }
}

fn qualified(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.kind.to_owned() } else { format!("{}.{}", kind.kind, kind.group) }
}

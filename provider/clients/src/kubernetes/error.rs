//! What a cluster refuses, and why, from the structure of its `Status` bodies.
//!
//! Guarantees that a 403 names verb, resource, group and namespace, and a conflict the other
//! manager and the field (`tests`, R18).

use mops_core::{Class, Error};
use mops_wire::WireError;

use super::object::{Json, ObjectRef};

/// Another writer and the field that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Name of the field manager.
    pub manager: String,
    /// `.spec.replicas`
    pub field: String,
}

/// What went wrong between us and a cluster.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig of {place} cannot be used: {what}")]
    Kubeconfig {
        /// File, or the cluster that it was fetched for.
        place: String,
        /// Why.
        what: String,
    },
    /// The kubeconfig wants a program to sign in, and none is started.
    #[error("the kubeconfig of {place} signs in with the program `{program}`, which is not started")]
    ExecPlugin {
        /// File, or the cluster that it was fetched for.
        place: String,
        /// The program.
        program: String,
    },
    /// The server does not know us.
    #[error("cluster `{server}` refused our credential")]
    Unauthorized {
        /// Host of the server.
        server: String,
    },
    /// RBAC or admission refuses.
    #[error("cluster `{server}` does not allow us to {verb} {what}")]
    Forbidden {
        /// Host of the server.
        server: String,
        /// `get`, `list`, `patch`…
        verb: &'static str,
        /// Resource, group and namespace in words.
        what: String,
        /// The server's own words.
        detail: String,
        /// Whether RBAC refuses; otherwise admission, policy or quota does.
        by_rbac: bool,
    },
    /// Something that the request needs is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// What.
        what: String,
    },
    /// Other managers hold fields that we would change.
    #[error("{what} has fields that somebody else manages: {}", list(holders))]
    Held {
        /// The object.
        what: String,
        /// Who and which.
        holders: Vec<Holder>,
    },
    /// It is not the object that we saw, or it changed meanwhile.
    #[error("{what} changed while it was being written")]
    Changed {
        /// The object.
        what: String,
        /// The server's own words.
        detail: String,
    },
    /// The server finds the content wrong.
    #[error("{what} is not valid: {}", causes.join("; "))]
    Invalid {
        /// The object.
        what: String,
        /// `field: reason`, each.
        causes: Vec<String>,
    },
    /// A list or a watch is too old; the caller lists again.
    #[error("the list of {what} is too old")]
    Expired {
        /// What was listed.
        what: String,
    },
    /// The request is larger than the server takes.
    #[error("{what} is larger than the cluster takes")]
    TooLarge {
        /// The object.
        what: String,
    },
    /// Another refusal.
    #[error("cluster `{server}` answered {code} {reason} to {verb} {what}")]
    Refused {
        /// Host of the server.
        server: String,
        /// `get`, `list`, `patch`…
        verb: &'static str,
        /// The object.
        what: String,
        /// HTTP status.
        code: u16,
        /// Reason of the `Status`.
        reason: String,
        /// The server's own words; none for a Secret.
        detail: Option<String>,
    },
    /// No answer.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No token for the cluster.
    #[error("{0}")]
    Token(Box<Error>),
    /// An answer that is not what the API promises.
    #[error("the answer of cluster `{server}` to {verb} {what} cannot be read")]
    Unreadable {
        /// Host of the server.
        server: String,
        /// `get`, `list`, `patch`…
        verb: &'static str,
        /// The object.
        what: String,
    },
    /// It is not ready in time, or never will be.
    #[error("{what} is not ready: {reason}")]
    NotReady {
        /// The object.
        what: String,
        /// In words.
        reason: String,
    },
    /// The run was interrupted.
    #[error("interrupted while waiting for {what}")]
    Canceled {
        /// The object.
        what: String,
    },
    /// A fault of ours.
    #[error("a request for {what} could not be built: {reason}")]
    Build {
        /// The object.
        what: String,
        /// What the library says.
        reason: String,
    },
}

fn list(holders: &[Holder]) -> String {
    let parts: Vec<String> = holders.iter().map(|h| format!("`{}` by `{}`", h.field, h.manager)).collect();
    parts.join(", ")
}

/// What was asked of the server, for messages.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) server: &'a str,
    pub(super) verb: &'static str,
    pub(super) object: &'a ObjectRef,
}

impl Asked<'_> {
    /// The whole object, or all of its kind.
    pub(super) fn what(&self) -> String {
        if self.object.name.is_empty() { self.kind_of_thing() } else { self.object.to_string() }
    }

    fn kind_of_thing(&self) -> String {
        let space = self.object.namespace.as_ref();
        let place = space.map_or_else(|| " in all namespaces".to_owned(), |ns| format!(" in namespace `{ns}`"));
        format!("`{}`{place}", self.object.resource())
    }

    fn forbidden_thing(&self) -> String {
        let group = match self.object.group() {
            "" => "the core API group".to_owned(),
            group => format!("API group `{group}`"),
        };
        let place = match &self.object.namespace {
            Some(namespace) => format!("in namespace `{namespace}`"),
            None => "at cluster scope".to_owned(),
        };
        format!("`{}` of {group} {place}", self.object.resource())
    }
}

/// Turns a refusal into its error.
fn refusal(asked: Asked<'_>, code: u16, body: &[u8]) -> KubernetesError {
    let status: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (reason, message) = (text("/reason"), text("/message"));
    let what = asked.what();
    let server = asked.server.to_owned();
    match code {
        401 => KubernetesError::Unauthorized { server },
        403 => KubernetesError::Forbidden {
            server,
            verb: asked.verb,
            what: asked.forbidden_thing(),
            by_rbac: message.contains(" cannot "),
            detail: message,
        },
        404 => KubernetesError::NotFound { what: missing(&status).unwrap_or(what) },
        409 => conflict(&status, what, message),
        410 => KubernetesError::Expired { what },
        413 => KubernetesError::TooLarge { what },
        422 => KubernetesError::Invalid { what, causes: causes(&status, &message) },
        500 if is_untyped(&message) => {
            let why = message.split_once("): ").map_or(message.as_str(), |(_, why)| why).to_owned();
            KubernetesError::Invalid { what, causes: vec![why] }
        }
        _ => {
            // a malformed Secret is quoted back by some servers
            let detail = Some(message).filter(|m| !m.is_empty() && asked.object.kind != "Secret");
            KubernetesError::Refused { server, verb: asked.verb, what, code, reason, detail }
        }
    }
}

/// An applied object with a field that its kind does not have. The server has neither code nor reason
/// for it, only these words with status 500 (structured-merge-diff, seen up to 1.34).
pub(super) fn is_untyped(message: &str) -> bool {
    message.starts_with("failed to create typed patch object")
}

fn missing(status: &Json) -> Option<String> {
    let kind = status.pointer("/details/kind")?.as_str()?;
    let name = status.pointer("/details/name")?.as_str()?;
    Some(format!("`{name}` of `{kind}`"))
}

fn conflict(status: &Json, what: String, message: String) -> KubernetesError {
    let list = status.pointer("/details/causes").and_then(Json::as_array);
    let holders: Vec<Holder> = list
        .into_iter()
        .flatten()
        .filter(|c| c["reason"] == "FieldManagerConflict")
        .map(|c| Holder {
            manager: manager(c["message"].as_str().unwrap_or_default()),
            field: c["field"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    if holders.is_empty() {
        KubernetesError::Changed { what, detail: message }
    } else {
        KubernetesError::Held { what, holders }
    }
}

/// `conflict with "helm" using apps/v1` names `helm`.
fn manager(message: &str) -> String {
    message.split('"').nth(1).unwrap_or(message).to_owned()
}

fn causes(status: &Json, message: &str) -> Vec<String> {
    let list = status.pointer("/details/causes").and_then(Json::as_array);
    let found: Vec<String> = list
        .into_iter()
        .flatten()
        .map(|c| {
            let text = |key: &str| c[key].as_str().unwrap_or_default();
            format!("`{}`: {}", text("field"), text("message"))
        })
        .collect();
    if found.is_empty() { vec![message.to_owned()] } else { found }
}

impl KubernetesError {
    /// The error of an answer that is not a success: which server was asked, with which verb, for what, and what came
    /// back. The body may be anything.
    #[must_use]
    pub fn of_answer(server: &str, verb: &'static str, object: &ObjectRef, code: u16, body: &[u8]) -> Self {
        refusal(Asked { server, verb, object }, code, body)
    }

    /// Decides retry, exit code and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Kubeconfig { .. } | Self::ExecPlugin { .. } | Self::Invalid { .. } | Self::TooLarge { .. } => {
                Class::User
            }
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Class::Auth,
            Self::NotFound { .. } => Class::NotFound,
            Self::Held { .. } | Self::Changed { .. } => Class::Conflict,
            Self::Expired { .. } | Self::NotReady { .. } => Class::Transient,
            Self::Refused { code: 429, .. } => Class::Throttled(None),
            Self::Refused { code: 500.., .. } => Class::Transient,
            Self::Refused { .. } => Class::User,
            Self::Wire(error) => error.class(),
            Self::Token(error) => error.class(),
            Self::Canceled { .. } => Class::Canceled,
            Self::Unreadable { .. } | Self::Build { .. } => Class::Bug,
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Forbidden { detail, .. } | Self::Changed { detail, .. } => Some(detail.clone()),
            Self::Refused { detail, .. } => detail.clone(),
            _ => None,
        }
        .filter(|text| !text.is_empty())
        .map(|text| format!("the cluster says: {text}"))
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::ExecPlugin { .. } => {
                "name the cluster by its ARM id, or use a kubeconfig with a token or certificate"
            }
            Self::Unauthorized { .. } => "check that the identity may use the cluster, and that its clock is right",
            Self::Forbidden { by_rbac: true, .. } => "ask for a role in the cluster that allows it, and run again",
            Self::Forbidden { .. } => "a policy or quota of the cluster refuses it: change the object or the policy",
            Self::Held { .. } => {
                "leave these fields out of the stack file, or let the other manager give them up first"
            }
            Self::Changed { .. } => "run the same command again",
            Self::Wire(error) => return error.hint(),
            Self::Token(error) => return error.hint_text().map(str::to_owned),
            Self::NotReady { .. } => {
                "look at it with `mops diagnose-auth`, mend the cause and run the same command again"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// The error as it crosses the provider boundary.
    #[must_use]
    pub fn into_core(self) -> Error {
        let mut error = Error::new(self.class(), self.to_string());
        if let Some(note) = self.note() {
            error = error.note(note);
        }
        if let Some(hint) = self.hint() {
            error = error.hint(hint);
        }
        error.caused_by(self)
    }
}

impl From<KubernetesError> for Error {
    fn from(error: KubernetesError) -> Self {
        error.into_core()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(code: u16, body: &Json) -> KubernetesError {
        let object = ObjectRef::namespaced("apps/v1", "Deployment", "n", "x");
        let asked = Asked { server: "api.example", verb: "patch", object: &object };
        refusal(asked, code, body.to_string().as_bytes())
    }

    #[test]
    fn a_refusal_by_rbac_names_everything() {
        let message = "deployments.apps \"x\" is forbidden: User \"u\" cannot patch resource \"deployments\"";
        let text = of(403, &json!({"reason": "Forbidden", "message": message})).to_string();
        assert_eq!(
            text,
            "cluster `api.example` does not allow us to patch `deployments` of API group `apps` in namespace `n`"
        );
    }

    #[test]
    fn a_conflict_names_manager_and_field() {
        let body = json!({"reason": "Conflict", "details": {"causes": [{"reason": "FieldManagerConflict",
            "message": "conflict with \"helm\" using apps/v1", "field": ".spec.replicas"}]}});
        let error = of(409, &body);
        assert_eq!(error.class(), Class::Conflict);
        assert!(error.to_string().ends_with("somebody else manages: `.spec.replicas` by `helm`"), "{error}");
    }

    #[test]
    fn a_secret_is_not_quoted_back() {
        let object = ObjectRef::namespaced("v1", "Secret", "n", "x");
        let asked = Asked { server: "s", verb: "patch", object: &object };
        let body = json!({"reason": "BadRequest", "message": "cannot be handled: canary"}).to_string();
        let error = refusal(asked, 400, body.as_bytes()).into_core();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

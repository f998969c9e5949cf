//! The bodies that were said to Resource Manager and by it, by type, so that models of others can be asked about them.
//! Only whole resources: what a PUT sends, and what it or a GET is answered; never the answer of an action, which may be
//! a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde_json::Value;

use crate::http::{Call, Reply};
use crate::openapi::{is_poll, kind_of};

/// Bodies of one type as JSON text, each once.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    /// What clients sent.
    pub sent: BTreeSet<String>,
    /// What they were answered.
    pub answered: BTreeSet<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<String, Bodies>>);

impl Journal {
    /// Takes note of a call that ended well.
    pub(super) fn keep(&self, call: &Call, reply: &Reply) {
        if reply.status >= 400 || !matches!(call.method, Method::PUT | Method::GET) || is_poll(&call.path) {
            return;
        }
        let answer = serde_json::from_slice::<Value>(&reply.body).ok().filter(|body| body["id"].is_string());
        let sent = call.json().filter(|_| call.method == Method::PUT);
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bodies = book.entry(kind_of(&call.path)).or_default();
        bodies.sent.extend(sent.map(|body| body.to_string()));
        bodies.answered.extend(answer.map(|body| body.to_string()));
    }

    /// Everything so far, by type.
    #[must_use]
    pub fn bodies(&self) -> BTreeMap<String, Bodies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

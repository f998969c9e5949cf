//! Novita: the registry logins that it keeps, its instances and templates. Nothing of it was recorded: its public
//! description is followed, the harsher way where it is silent, and all of it is labelled as assumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Broken, Call, Handler, Reply, host_of};
use crate::route::{self, Route};

mod auths;
mod instances;

pub use auths::Kept;

/// The host of the API.
pub const API: &str = "api.novita.ai";
/// The key that a sandbox's own variables have.
pub const KEY: &str = "canary-novita-key-of-the-sandbox";
/// What stands before every path.
pub const ROOT: &str = "/gpu-instance/openapi";

/// What the list shows of passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passwords {
    /// Stars.
    #[default]
    Masked,
    /// One and the same text for all.
    Shared,
    /// The passwords.
    Real,
}

/// How the service misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// This instead of its answer; nothing is done.
    Answers {
        /// HTTP status.
        status: u16,
        /// Seconds.
        retry_after: Option<u32>,
        /// Type of the body.
        kind: &'static str,
        /// Body.
        body: String,
    },
    /// The connection breaks before anything is done.
    Reset,
    /// It is done, and the answer is lost.
    Lost,
    /// It is done, the answer is lost, and lists do not show it for so many reads.
    LostAndLate(u32),
}

impl Hostile {
    /// A refusal in the service's own shape.
    #[must_use]
    pub fn refusal(status: u16, reason: &str, message: &str) -> Self {
        let body = json!({"code": status, "reason": reason, "message": message, "metadata": {}}).to_string();
        Self::Answers { status, retry_after: None, kind: "application/json", body }
    }

    /// A success with another body than its own.
    #[must_use]
    pub fn says(status: u16, body: &str) -> Self {
        let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
        Self::Answers { status, retry_after: None, kind, body: body.to_owned() }
    }

    /// 429 with a pause.
    #[must_use]
    pub fn busy(seconds: u32) -> Self {
        let body = json!({"code": 429, "reason": "RATE_LIMIT", "message": "too many requests"}).to_string();
        Self::Answers { status: 429, retry_after: Some(seconds), kind: "application/json", body }
    }
}

#[derive(Default)]
struct State {
    keys: Vec<String>,
    auths: Vec<Kept>,
    passwords: Passwords,
    instances: Vec<instances::Machine>,
    templates: BTreeMap<String, Json>,
    made: u32,
    /// Part of a path, how often still, and what.
    hostile: Vec<(String, u32, Hostile)>,
    /// Every request: verb, path below the root, body.
    calls: Vec<(String, String, Json)>,
}

impl State {
    fn next(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{:04x}", 0x7f30 + self.made)
    }

    fn misbehaves(&mut self, path: &str) -> Option<Hostile> {
        let found = self.hostile.iter_mut().find(|(part, times, _)| *times > 0 && path.contains(part.as_str()))?;
        found.1 -= 1;
        Some(found.2.clone())
    }
}

/// The service.
#[derive(Default)]
pub struct Novita {
    state: Mutex<State>,
}

impl Novita {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key.
    pub fn key(&self, key: &str) {
        self.state().keys.push(key.to_owned());
    }

    /// Takes every key away.
    pub fn revoke(&self) {
        self.state().keys.clear();
    }

    /// Adds a template.
    pub fn template(&self, id: &str, template: Json) {
        self.state().templates.insert(id.to_owned(), template);
    }

    /// What lists show of passwords from now on.
    pub fn shows(&self, passwords: Passwords) {
        self.state().passwords = passwords;
    }

    /// From now on so many requests with this in their path meet that.
    pub fn turn(&self, path: &str, times: u32, hostile: Hostile) {
        self.state().hostile.push((path.to_owned(), times, hostile));
    }

    /// It behaves again.
    pub fn mend(&self) {
        self.state().hostile.clear();
    }

    /// Every request so far: `VERB PATH` below the root, and its body.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, Json)> {
        let calls = self.state().calls.clone();
        calls.into_iter().map(|(verb, path, body)| (format!("{verb} {path}"), body)).collect()
    }

    /// The bodies that were sent to a path.
    #[must_use]
    pub fn sent(&self, path: &str) -> Vec<Json> {
        self.calls().into_iter().filter(|(line, _)| line.ends_with(path)).map(|(_, body)| body).collect()
    }

    fn answer(&self, call: &Call) -> Result<Reply, Broken> {
        let path = call.path.strip_prefix(ROOT).unwrap_or(&call.path).to_owned();
        let hostile = {
            let mut state = self.state();
            state.calls.push((call.method.to_string(), path.clone(), call.json().unwrap_or_default()));
            state.misbehaves(&path)
        };
        match hostile {
            Some(Hostile::Reset) => Err(Broken),
            Some(Hostile::Answers { status, retry_after, kind, body }) => {
                let reply = Reply::body(status, kind, body);
                Ok(match retry_after {
                    Some(seconds) => reply.header("retry-after", seconds.to_string()),
                    None => reply,
                })
            }
            Some(Hostile::Lost) => {
                self.routed(call);
                Err(Broken)
            }
            Some(Hostile::LostAndLate(reads)) => {
                self.routed(call);
                self.hide_last(reads);
                Err(Broken)
            }
            None => Ok(self.routed(call)),
        }
    }

    fn routed(&self, call: &Call) -> Reply {
        let known = call.bearer().is_some_and(|key| self.state().keys.iter().any(|k| k == key));
        if !known {
            return refused(401, "UNAUTHORIZED", "Authentication failed - check API key");
        }
        match route::find(&routes(), call) {
            Some((route, params)) => (route.answer)(self, call, &params),
            None => refused(404, "NOT_FOUND", "page not found"),
        }
    }

    /// Serves its name; every other name is for `others`.
    #[must_use]
    pub fn before(self: Arc<Self>, others: Handler) -> Handler {
        Arc::new(move |request| {
            if host_of(&request) != API {
                return others(request);
            }
            let novita = Arc::clone(&self);
            Box::pin(async move {
                let call = Call::read(request).await?;
                Ok(novita.answer(&call)?.into_response(&call.method))
            })
        })
    }
}

fn refused(status: u16, reason: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"code": status, "reason": reason, "message": message, "metadata": {}}))
}

/// What vouches for a route: other people's words.
const fn told(by: &'static str) -> Evidence {
    Evidence::Assumed(by)
}

fn routes() -> Vec<Route<Novita>> {
    [auths::routes(), instances::routes()].into_iter().flatten().collect()
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("novita", &routes())
}

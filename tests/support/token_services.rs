//! Hugging Face and Weights & Biases, as far as a token is shown to them. Nothing of it was recorded: what public issues and
//! the vendors' clients show is followed, the harsher way where they differ, and all of it is labelled as assumed.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Call, Reply, handler};
use crate::route::{self, Params, Route};
use crate::tls::{Server, bind, serve_clear};

/// A key that W&B knows.
pub const KEY: &str = "canary0123456789abcdef0123456789abcdef01";

/// How a service misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// A sign-in page with 200 for everything.
    Page,
    /// More bytes than anybody asked for.
    Endless,
    /// Everything has moved to a machine's metadata service.
    Metadata,
    /// A refusal that repeats what it was sent.
    Echo,
    /// A refusal in words that nobody knows.
    Unknown,
    /// Too many questions.
    Busy,
}

type State = Mutex<(Option<Hostile>, Vec<String>)>;

/// Both services on one address.
pub struct Services {
    /// Their address.
    pub base: String,
    state: Arc<State>,
    _server: Server,
}

impl Services {
    /// Starts them on loopback.
    ///
    /// # Panics
    /// When they do not listen.
    #[must_use]
    pub fn start() -> Self {
        let state: Arc<State> = Arc::default();
        let listener = bind().expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (seen, table) = (Arc::clone(&state), routes());
        let answer = handler(move |call: &Call| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).1.push(format!("{} {}", call.method, call.path));
            let hostile = seen.lock().unwrap_or_else(PoisonError::into_inner).0;
            match (hostile, route::find(&table, call)) {
                (Some(hostile), _) => turned(hostile, call),
                (None, Some((route, params))) => (route.answer)(&(), call, &params),
                (None, None) => Reply::json(404, &json!({"error": "Not Found"})),
            }
        });
        let server = serve_clear(answer, listener).expect("a server");
        Self { base, state, _server: server }
    }

    /// From now on they misbehave, or no longer.
    pub fn turn(&self, hostile: Option<Hostile>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = hostile;
    }

    /// The requests since the last call.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1)
    }
}

/// All routes with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("tokens", &routes())
}

fn routes() -> Vec<Route<()>> {
    const PERSON: Evidence =
        Evidence::Assumed("fields as huggingface_hub reads them; 401 for a token that is not known");
    const ACCESS: Evidence =
        Evidence::Assumed("codes in X-Error-Code as huggingface_hub reads them, sentences of public issues");
    const GRAPH: Evidence =
        Evidence::Assumed("fields as wandb's client asks for them; a null viewer or 401 for a bad key");
    vec![
        Route::new("GET", "/api/whoami-v2", PERSON, person),
        Route::new("GET", "/api/models/{org}/{name}/auth-check", ACCESS, access),
        Route::new("HEAD", "/{org}/{name}/resolve/main/config.json", ACCESS, access),
        Route::new("POST", "/graphql", GRAPH, graph),
    ]
}

fn turned(hostile: Hostile, call: &Call) -> Reply {
    match hostile {
        Hostile::Page => Reply::body(200, "text/html", "<html>sign in, token=canary</html>"),
        Hostile::Endless => Reply::body(200, "application/json", vec![b'['; 16 << 20]),
        Hostile::Metadata => {
            Reply::empty(307).header("location", "http://169.254.169.254/metadata/identity/oauth2/token")
        }
        Hostile::Echo => {
            let sent = call.bearer().unwrap_or_default().to_owned();
            Reply::json(401, &json!({"error": format!("no such token: {sent}")}))
        }
        Hostile::Unknown => Reply::json(418, &json!({"error": "closed for the season"})),
        Hostile::Busy => Reply::json(429, &json!({"error": "too many requests"})),
    }
}

/// `hf_canary-USER-ROLE` is a token of USER.
fn known(call: &Call) -> Option<(String, String)> {
    let (user, role) = call.bearer()?.strip_prefix("hf_canary-")?.split_once('-')?;
    Some((user.to_owned(), role.to_owned()))
}

fn person(_: &(), call: &Call, _: &Params) -> Reply {
    let Some((user, role)) = known(call) else {
        return Reply::json(401, &json!({"error": "Invalid credentials in Authorization header"}));
    };
    let token = match role.as_str() {
        "gated" | "narrow" => {
            json!({"role": "fineGrained", "fineGrained": {"canReadGatedRepos": role == "gated", "scoped": []}})
        }
        // In an hour.
        "soon" => {
            let ends = mops_host::SystemClock::shared().now() + std::time::Duration::from_secs(3600);
            json!({"role": "read", "expiration": crate::world::stamp(ends)})
        }
        role => json!({"role": role}),
    };
    Reply::json(
        200,
        &json!({"type": "user", "name": user, "orgs": [{"name": "lab"}], "auth": {"type": "access_token", "accessToken": token}}),
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let reply = Reply::json(status, &json!({"error": message})).header("x-error-message", message);
    if code.is_empty() { reply } else { reply.header("x-error-code", code) }
}

fn access(_: &(), call: &Call, params: &Params) -> Reply {
    let (user, name) = (known(call), params.get("name").to_owned());
    let sentence = |rest: &str| format!("Access to model {}/{name} is restricted{rest}", params.get("org"));
    match (name.as_str(), user) {
        ("open", _) => Reply::empty(200),
        ("moved", _) if call.method == "HEAD" => Reply::empty(302).header("location", "https://cdn.invalid/file"),
        ("bare", _) if call.method == "HEAD" => refusal(404, "EntryNotFound", "Entry not found"),
        ("moved" | "bare", _) => Reply::empty(200),
        ("disabled", _) => refusal(403, "", "Access to this resource is disabled."),
        ("gated" | "pending" | "rejected" | "hidden", None) => refusal(401, "GatedRepo", &sentence(". Please log in.")),
        ("gated", Some((_, role))) if role == "gated" => Reply::empty(200),
        ("gated", Some(_)) => refusal(403, "GatedRepo", &sentence(" and you are not in the authorized list")),
        ("pending", Some(_)) => refusal(
            403,
            "GatedRepo",
            "Your request to access model lab/pending is awaiting a review from the repo authors.",
        ),
        ("rejected", Some(_)) => refusal(
            403,
            "GatedRepo",
            "Your request to access model lab/rejected has been rejected by the repo's authors.",
        ),
        ("hidden", Some(_)) => {
            // The page is shown to everybody; only its files are closed.
            if call.method == "HEAD" { refusal(403, "GatedRepo", &sentence("")) } else { Reply::empty(200) }
        }
        (_, None) => refusal(401, "RepoNotFound", "Repository not found"),
        (_, Some(_)) => refusal(404, "RepoNotFound", "Repository not found"),
    }
}

fn graph(_: &(), call: &Call, _: &Params) -> Reply {
    let text = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let text = text.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let key = text.as_deref().and_then(|text| text.strip_prefix("api:"));
    let body = call.json().unwrap_or(Value::Null);
    match key {
        Some(KEY) if body["query"].as_str().is_some_and(|query| query.contains("viewer")) => Reply::json(
            200,
            &json!({"data": {"viewer": {"username": "me", "entity": "me", "teams": {"edges": [{"node": {"name": "team-a"}}]}}}}),
        ),
        Some(KEY) => {
            let there = body["variables"] == json!({"entity": "team-a", "name": "runs"});
            Reply::json(200, &json!({"data": {"project": there.then(|| json!({"name": "runs"}))}}))
        }
        Some("canary-nobody") => Reply::json(200, &json!({"data": {"viewer": null}})),
        _ => Reply::json(401, &json!({"errors": [{"message": "permission denied"}]})),
    }
}

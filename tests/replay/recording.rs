//! A recording as a server: answers by method, path and query in recorded order, operation addresses rewritten
//! to this machine and expected back byte for byte.

use std::sync::{Arc, Mutex};

use mops_clients::arm::ArmClient;
use mops_host::clock::ManualClock;
use mops_tests::http::{Broken, Call, Handler, Reply};
use mops_tests::recordings::Interaction;
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use serde_json::{Value, json};

use crate::arm::script::{TOKEN, client, lock};

/// Where a recorded answer names the host of Resource Manager.
const ORIGIN: &str = "https://management.azure.com";

fn reply(recorded: &Interaction, origin: &str) -> Reply {
    let mut reply = match &recorded.answer {
        Value::Null => Reply::empty(0),
        Value::String(text) => Reply::body(0, "text/plain", text.clone()),
        json => Reply::json(0, json),
    };
    reply.status = recorded.status;
    for name in ["azure-asyncoperation", "location", "retry-after", "x-ms-error-code", "x-ms-request-id"] {
        if let Some(value) = recorded.headers[name].as_str() {
            reply = reply.header(name, value.replace(ORIGIN, origin));
        }
    }
    reply
}

/// Parameters in any order, the product's own API version aside.
fn key(method: &str, path: &str, query: &str) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.retain(|(name, _)| name != "api-version" && name != "ignore-pod-disruption-budget");
    pairs.sort();
    format!("{method} {} {pairs:?}", path.to_lowercase())
}

struct Tape {
    interactions: Vec<Interaction>,
    used: Vec<bool>,
    /// Where the last write was: reads answer with what came after it.
    at: usize,
    /// Operation addresses that were given out, as path and query.
    handed: Vec<String>,
    unknown: Vec<String>,
    writes: usize,
    asked: usize,
}

/// A recording that is being served.
pub(crate) struct Replay {
    tape: Arc<Mutex<Tape>>,
    pub(crate) arm: ArmClient,
    _server: Server,
}

impl Replay {
    pub(crate) fn start(interactions: Vec<Interaction>) -> Self {
        let used = vec![false; interactions.len()];
        let tape = Arc::new(Mutex::new(Tape {
            interactions,
            used,
            at: 0,
            handed: Vec::new(),
            unknown: Vec::new(),
            writes: 0,
            asked: 0,
        }));
        let authority = Authority::new();
        let listener = bind().expect("a port");
        let origin = format!("https://{}", listener.local_addr().expect("an address"));
        let config = authority.leaf(Leaf::Good, &["127.0.0.1"]).server_config();
        let server = serve_tls(handler(Arc::clone(&tape), origin.clone()), listener, config).expect("a server");
        let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        Self { tape, arm: client(&origin, authority.pem(), &clock), _server: server }
    }

    /// Requests that the recording does not have, and how many writes were sent.
    pub(crate) fn result(&self) -> (Vec<String>, usize) {
        let tape = lock(&self.tape);
        (tape.unknown.clone(), tape.writes)
    }

    /// How often ARM was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        lock(&self.tape).asked
    }
}

fn handler(tape: Arc<Mutex<Tape>>, origin: String) -> Handler {
    Arc::new(move |request| {
        let (tape, origin) = (Arc::clone(&tape), origin.clone());
        Box::pin(async move {
            let call = Call::read(request).await?;
            Ok::<_, Broken>(lock(&tape).answer(&call, &origin).into_response(&call.method))
        })
    })
}

impl Tape {
    fn last_write(&self, path: &str) -> Option<&Interaction> {
        let writes = self.interactions.iter().zip(&self.used).filter(|(i, used)| **used && i.is_write());
        writes.map(|(i, _)| i).rfind(|i| i.path.eq_ignore_ascii_case(path))
    }

    /// Whether the last write to a path was its deletion.
    fn is_deleted(&self, path: &str) -> bool {
        self.last_write(path).is_some_and(|i| i.method == "DELETE")
    }

    /// What the last write to a path answered; the recorded client did not read it again.
    fn written(&self, path: &str) -> Option<&Value> {
        self.last_write(path).map(|i| &i.answer).filter(|body| body.is_object())
    }

    fn answer(&mut self, call: &Call, origin: &str) -> Reply {
        if call.path.ends_with("/oauth2/v2.0/token") {
            return Reply::json(200, &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}));
        }
        self.asked += 1;
        let wanted = key(call.method.as_str(), &call.path, &call.raw_query);
        // An address that was given out comes back byte for byte, and then stands for its operation.
        let handed = self.handed.contains(&format!("{}?{}", call.path, call.raw_query));
        let same = |i: &Interaction| {
            let operation = handed && i.method == "GET" && i.path.eq_ignore_ascii_case(&call.path);
            operation || key(&i.method, &i.path, &i.query) == wanted
        };
        let fits: Vec<usize> = (0..self.interactions.len()).filter(|i| same(&self.interactions[*i])).collect();
        // The next one that was not given yet; polls were thinned, so the last one may be asked for again.
        let fresh = fits.iter().copied().find(|i| !self.used[*i] && *i >= self.at);
        if fresh.is_none() && call.method == "GET" && self.is_deleted(&call.path) {
            return Reply::json(
                404,
                &json!({"error": {"code": "ResourceNotFound", "message": "not recorded, but deleted"}}),
            );
        }
        if handed && fits.is_empty() {
            // Recorded by somebody who did not wait: nobody asked how it ended.
            return Reply::json(200, &json!({"status": "Succeeded"}));
        }
        if fits.is_empty()
            && call.method == "GET"
            && let Some(body) = self.written(&call.path)
        {
            return Reply::json(200, body);
        }
        let Some(found) = fresh.or_else(|| fits.last().copied()) else {
            self.unknown.push(wanted.clone());
            return Reply::json(400, &json!({"error": {"code": "NotRecorded", "message": wanted}}));
        };
        self.used[found] = true;
        if self.interactions[found].is_write() {
            self.at = found;
            self.writes += 1;
        }
        let reply = reply(&self.interactions[found], origin);
        let given = reply.headers.iter().filter_map(|(_, value)| value.strip_prefix(origin).map(str::to_owned));
        self.handed.extend(given);
        reply
    }
}

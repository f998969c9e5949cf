//! A recording as a server: answers by method, path and query in recorded order, operation addresses rewritten
//! to this machine and expected back byte for byte.

use std::sync::{Arc, Mutex};

use mops_clients::arm::ArmClient;
use mops_host::clock::ManualClock;
use mops_tests::http::{Broken, Call, Handler, Reply};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use serde_json::{Value, json};

use crate::arm::script::{TOKEN, client, lock};

const ARM: &str = "management.azure.com";

/// One recorded request and its answer.
pub(super) struct Interaction {
    pub(super) method: String,
    pub(super) path: String,
    /// As recorded, api-version included.
    query: String,
    pub(super) body: Value,
    response: Value,
}

impl Interaction {
    fn read(value: &Value) -> Self {
        let request = &value["request"];
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let query = match &request["query"] {
            Value::String(query) => query.clone(),
            Value::Object(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
            _ => String::new(),
        };
        let (method, path) = (text("method"), text("path"));
        Self { method, path, query, body: request["body"].clone(), response: value["response"].clone() }
    }

    /// The path with its parameters, but for the API version.
    pub(super) fn target(&self) -> String {
        let pairs: Vec<&str> =
            self.query.split('&').filter(|p| !p.is_empty() && !p.starts_with("api-version=")).collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }

    pub(super) fn status(&self) -> u64 {
        self.response["status"].as_u64().unwrap_or_default()
    }

    pub(super) fn is_write(&self) -> bool {
        self.method != "GET" && self.method != "HEAD"
    }

    /// The parts of operation addresses that nobody may log.
    pub(super) fn signatures(&self) -> Vec<String> {
        let header = |name: &str| self.response["headers"][name].as_str().and_then(|text| url::Url::parse(text).ok());
        let addresses: Vec<url::Url> = ["azure-asyncoperation", "location"].into_iter().filter_map(header).collect();
        let pairs = addresses.iter().flat_map(|address| address.query().unwrap_or_default().split('&'));
        let signed = pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| ["c", "s", "h"].contains(name));
        signed.map(|(_, value)| value.to_owned()).filter(|value| value.len() >= 16).collect()
    }

    fn key(&self) -> String {
        key(&self.method, &self.path, &self.query)
    }

    fn reply(&self, origin: &str) -> Reply {
        let body = &self.response["body"];
        let mut reply = match body {
            Value::Null => Reply::empty(0),
            Value::String(text) => Reply::body(0, "text/plain", text.clone()),
            json => Reply::json(0, json),
        };
        reply.status = u16::try_from(self.status()).unwrap_or(500);
        for name in ["azure-asyncoperation", "location", "retry-after", "x-ms-error-code"] {
            if let Some(value) = self.response["headers"][name].as_str() {
                reply = reply.header(name, value.replace(&format!("https://{ARM}"), origin));
            }
        }
        reply
    }
}

/// Parameters in any order, the product's own API version aside.
fn key(method: &str, path: &str, query: &str) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.retain(|(name, _)| name != "api-version" && name != "ignore-pod-disruption-budget");
    pairs.sort();
    format!("{method} {} {pairs:?}", path.to_lowercase())
}

/// Only what was said to ARM.
pub(super) fn interactions(recording: &Value) -> Vec<Interaction> {
    let all = recording["interactions"].as_array().into_iter().flatten();
    all.filter(|i| i["request"]["host"].as_str() == Some(ARM)).map(Interaction::read).collect()
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
}

/// A recording that is being served.
pub(super) struct Replay {
    tape: Arc<Mutex<Tape>>,
    pub(super) arm: ArmClient,
    _server: Server,
}

impl Replay {
    pub(super) fn start(recording: &Value) -> Self {
        let interactions = interactions(recording);
        let used = vec![false; interactions.len()];
        let tape = Arc::new(Mutex::new(Tape {
            interactions,
            used,
            at: 0,
            handed: Vec::new(),
            unknown: Vec::new(),
            writes: 0,
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
    pub(super) fn result(&self) -> (Vec<String>, usize) {
        let tape = lock(&self.tape);
        (tape.unknown.clone(), tape.writes)
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
        self.last_write(path).map(|i| &i.response["body"]).filter(|body| body.is_object())
    }

    fn answer(&mut self, call: &Call, origin: &str) -> Reply {
        if call.path.ends_with("/oauth2/v2.0/token") {
            return Reply::json(200, &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}));
        }
        let wanted = key(call.method.as_str(), &call.path, &call.raw_query);
        // An address that was given out comes back byte for byte, and then stands for its operation.
        let handed = self.handed.contains(&format!("{}?{}", call.path, call.raw_query));
        let same = |i: &Interaction| {
            let operation = handed && i.method == "GET" && i.path.eq_ignore_ascii_case(&call.path);
            operation || i.key() == wanted
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
            // Recorded with `--no-wait`: nobody asked how it ended.
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
        let reply = self.interactions[found].reply(origin);
        let given = reply.headers.iter().filter_map(|(_, value)| value.strip_prefix(origin).map(str::to_owned));
        self.handed.extend(given);
        reply
    }
}

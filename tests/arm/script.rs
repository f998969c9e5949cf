//! A server that answers by script, in order, and remembers what it was asked; and a client in front of it, on a
//! clock of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mops_clients::ClientError;
use mops_clients::arm::{ArmClient, LroContext};
use mops_clients::identity;
use mops_core::Cancel;
use mops_core::cloud::AzureAuth;
use mops_core::provider::Progress;
use mops_host::Env;
use mops_host::clock::ManualClock;
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::access::{self, Access};
use mops_tests::http::{Broken, Call, Handler, Reply};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::{Http, HttpConfig};
use serde_json::json;

pub(crate) const GROUP: &str = "/subscriptions/s/resourceGroups/g";
pub(crate) const API: &str = "2025-10-01";
/// What the sign-in of the script hands out; must appear in no log and at no other host.
pub(crate) const TOKEN: &str = "bearer-canary-0123456789";

/// One expected request and its answer; `None` breaks the connection.
pub(crate) struct Beat {
    pub(crate) request: String,
    pub(crate) reply: Option<Reply>,
}

/// `METHOD part-of-the-address`, answered.
pub(crate) fn on(request: &str, reply: Reply) -> Beat {
    Beat { request: request.to_owned(), reply: Some(reply) }
}

/// The same, with the connection broken instead.
pub(crate) fn breaks(request: &str) -> Beat {
    Beat { request: request.to_owned(), reply: None }
}

#[derive(Default)]
struct Stage {
    beats: VecDeque<Beat>,
    seen: Vec<Call>,
    sign_ins: Vec<Call>,
    wrong: Vec<String>,
}

/// A running script.
pub(crate) struct Script {
    stage: Arc<Mutex<Stage>>,
    pub(crate) origin: String,
    ca_pem: String,
    pub(crate) clock: ManualClock,
    pub(crate) arm: ArmClient,
    /// The resources over the same server.
    pub(crate) resources: Resources,
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    pub(crate) tokens: Arc<Mutex<Vec<mops_core::Secret<String>>>>,
    _server: Server,
}

impl Script {
    /// Plays these beats; `{origin}` in headers and bodies stands for the server itself.
    pub(crate) fn play(beats: Vec<Beat>) -> Self {
        let authority = Authority::new();
        let listener = bind().expect("a port");
        let origin = format!("https://{}", listener.local_addr().expect("an address"));
        let beats = beats.into_iter().map(|beat| beat.at(&origin)).collect();
        let stage = Arc::new(Mutex::new(Stage { beats, ..Stage::default() }));
        let leaf = authority.leaf(Leaf::Good, &["127.0.0.1"]);
        let server = serve_tls(handler(Arc::clone(&stage)), listener, leaf.server_config()).expect("a server");
        let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        let arm = client(&origin, authority.pem(), &clock);
        let resources = Resources::new(Services::new(config(&origin, authority.pem(), &clock)));
        let ca_pem = authority.pem().to_owned();
        let (heard, tokens) = (Arc::default(), Arc::default());
        Self { stage, origin, ca_pem, clock, arm, resources, heard, tokens, _server: server }
    }

    /// What was asked of ARM so far, sign-in left out.
    pub(crate) fn seen(&self) -> Vec<Call> {
        lock(&self.stage).seen.clone()
    }

    /// The requests for a token so far.
    pub(crate) fn sign_ins(&self) -> Vec<Call> {
        lock(&self.stage).sign_ins.clone()
    }

    /// The same server, signed in to in another way.
    pub(crate) fn signed_in_by(&self, auth: &AzureAuth, env: &Env) -> Result<ArmClient, ClientError> {
        let Config { cloud, http, .. } = config(&self.origin, &self.ca_pem, &self.clock);
        let http = Http::new(http).expect("a pipeline");
        let chosen = identity::credential(&cloud, auth, env, http.clone(), self.clock.shared())?;
        ArmClient::new(&cloud, chosen.tokens, http, self.clock.shared())
    }

    /// Requests that the script did not expect, and beats that nobody asked for.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let stage = lock(&self.stage);
        stage.wrong.iter().cloned().chain(stage.beats.iter().map(|b| format!("never asked: {}", b.request))).collect()
    }

    /// A context that keeps what it hears.
    pub(crate) fn context(&self) -> LroContext {
        let (heard, tokens) = (Arc::clone(&self.heard), Arc::clone(&self.tokens));
        let progress = move |progress: Progress| match progress {
            Progress::Waiting(text) | Progress::Note(text) => lock(&heard).push(text),
            Progress::Operation(token) => lock(&tokens).push(token),
        };
        LroContext {
            cancel: Cancel::new(),
            progress: Arc::new(progress),
            timeout: std::time::Duration::from_secs(3600),
        }
    }
}

impl Beat {
    fn at(self, origin: &str) -> Self {
        let reply = self.reply.map(|mut reply| {
            for (_, value) in &mut reply.headers {
                *value = value.replace("{origin}", origin);
            }
            let text = String::from_utf8_lossy(&reply.body).replace("{origin}", origin);
            Reply { body: text.into(), ..reply }
        });
        Self { reply, ..self }
    }

    fn fits(&self, call: &Call) -> bool {
        let (method, part) = self.request.split_once(' ').unwrap_or_default();
        call.method.as_str() == method && format!("{}?{}", call.path, call.raw_query).contains(part)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handler(stage: Arc<Mutex<Stage>>) -> Handler {
    Arc::new(move |request| {
        let stage = Arc::clone(&stage);
        Box::pin(async move {
            let call = Call::read(request).await?;
            let method = call.method.clone();
            answer(&mut lock(&stage), call).map(|reply| reply.into_response(&method)).ok_or(Broken)
        })
    })
}

fn answer(stage: &mut Stage, call: Call) -> Option<Reply> {
    if call.path.ends_with("/oauth2/v2.0/token") {
        stage.sign_ins.push(call);
        let token = json!({"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": TOKEN});
        return Some(Reply::json(200, &token));
    }
    let line = format!("{} {}?{}", call.method, call.path, call.raw_query);
    let fits = stage.beats.front().is_some_and(|beat| beat.fits(&call));
    stage.seen.push(call);
    match stage.beats.pop_front().filter(|_| fits) {
        Some(beat) => beat.reply,
        None => {
            stage.wrong.push(format!("not expected: {line}"));
            Some(Reply::json(400, &json!({"error": {"code": "NotInTheScript", "message": line}})))
        }
    }
}

/// The product's client, signed in by the product's own identity code.
pub(crate) fn client(origin: &str, ca_pem: &str, clock: &ManualClock) -> ArmClient {
    let Config { cloud, auth, env, http, .. } = config(origin, ca_pem, clock);
    let http = Http::new(http).expect("a pipeline");
    let chosen = identity::credential(&cloud, &auth, &env, http.clone(), clock.shared()).expect("an identity");
    ArmClient::new(&cloud, chosen.tokens, http, clock.shared()).expect("a client")
}

fn config(origin: &str, ca_pem: &str, clock: &ManualClock) -> Config {
    let mut http = HttpConfig::new();
    http.roots = vec![ca_pem.as_bytes().to_vec()];
    http.this_machine_only = true;
    http.clock = clock.shared();
    let Access { cloud, auth, env } = access::at(origin);
    Config { cloud, auth, env, clock: clock.shared(), http }
}

//! Promise R19: however many callers hold a token when it runs out, one of them renews it and no operation fails; also
//! when this machine's clock is ten minutes wrong, is set in mid-run, or the service forgets tokens before their time.
//!
//! Entra tokens for ARM and for clusters, and the tokens of a registry; every renewal is counted at the service.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use mops_clients::arm::ArmClient;
use mops_clients::identity;
use mops_clients::kubernetes::{self, Access, Auth, Kubernetes, ObjectRef};
use mops_core::BoxFuture;
use mops_core::cloud::Cloud;
use mops_host::clock::{Clock, ManualClock, SharedClock};
use mops_tests::access;
use mops_tests::http::{Call, Reply, handler};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::registry::{Auth as Login, Client, Reference};
use mops_wire::{Http, HttpConfig, Url};
use serde_json::json;
use time::OffsetDateTime;

const CALLERS: usize = 100;
const MINUTES: Duration = Duration::from_secs(60);

/// A machine whose time of day is wrong by an amount that can change; time still passes as it does elsewhere.
#[derive(Clone)]
struct Wrong {
    clock: ManualClock,
    by: Arc<Mutex<time::Duration>>,
}

impl Wrong {
    fn new(minutes: i64) -> Self {
        // The Azure crates compute the end of a token by the machine's time of day.
        let clock = ManualClock::automatic(OffsetDateTime::now_utc());
        Self { clock, by: Arc::new(Mutex::new(time::Duration::minutes(minutes))) }
    }

    fn set(&self, minutes: i64) {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = time::Duration::minutes(minutes);
    }
}

impl Clock for Wrong {
    fn now(&self) -> OffsetDateTime {
        self.clock.now() + *self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }
}

/// Which tokens live, and until when.
#[derive(Default)]
struct Issued {
    live: HashMap<String, Duration>,
    renewals: usize,
    refusals: usize,
}

/// Sign-in host, ARM, registry and API server on one port: every answer needs a token that lives.
struct Service {
    issued: Arc<Mutex<Issued>>,
    clock: Wrong,
    origin: String,
    pem: String,
    _server: Server,
}

impl Service {
    fn start(minutes_wrong: i64) -> Self {
        let (authority, listener) = (Authority::new(), bind().expect("a port"));
        let origin = format!("https://{}", listener.local_addr().expect("an address"));
        let (issued, clock) = (Arc::<Mutex<Issued>>::default(), Wrong::new(minutes_wrong));
        let answering = {
            let (issued, clock, origin) = (Arc::clone(&issued), clock.clone(), origin.clone());
            handler(move |call| {
                answer(&mut issued.lock().unwrap_or_else(PoisonError::into_inner), clock.monotonic(), &origin, call)
            })
        };
        let leaf = authority.leaf(Leaf::Good, &["127.0.0.1"]);
        let server = serve_tls(answering, listener, leaf.server_config()).expect("a server");
        Self { issued, clock, origin, pem: authority.pem().to_owned(), _server: server }
    }

    fn http(&self) -> HttpConfig {
        let mut http = HttpConfig::new();
        http.roots = vec![self.pem.clone().into_bytes()];
        http.only_roots = true;
        http.this_machine_only = true;
        http.clock = Arc::new(self.clock.clone());
        http
    }

    fn identity(&self) -> (Cloud, identity::Chosen, Http, SharedClock) {
        let access::Access { cloud, auth, env } = access::at(&self.origin);
        let (http, clock) = (Http::new(self.http()).expect("a pipeline"), Arc::new(self.clock.clone()) as SharedClock);
        let chosen = identity::credential(&cloud, &auth, &env, http.clone(), Arc::clone(&clock)).expect("an identity");
        (cloud, chosen, http, clock)
    }

    fn renewals(&self) -> usize {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).renewals
    }

    fn refusals(&self) -> usize {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).refusals
    }

    /// The service forgets every token, as after a change of its keys.
    fn forget(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).live.clear();
    }
}

fn answer(issued: &mut Issued, now: Duration, origin: &str, call: &Call) -> Reply {
    let seconds = if call.path == "/token" { 300 } else { 3600 };
    if call.path == "/token" || call.path.ends_with("/oauth2/v2.0/token") {
        issued.renewals += 1;
        let token = format!("token-{}", issued.renewals);
        issued.live.insert(token.clone(), now + Duration::from_secs(seconds));
        let body =
            json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token});
        return Reply::json(200, &body);
    }
    if call.bearer().is_none_or(|token| issued.live.get(token).is_none_or(|end| *end <= now)) {
        issued.refusals += usize::from(call.bearer().is_some());
        let challenge = format!("Bearer realm=\"{origin}/token\",service=\"s\",scope=\"repository:a:pull\"");
        let body =
            json!({"kind": "Status", "code": 401, "error": {"code": "ExpiredAuthenticationToken", "message": "m"}});
        return Reply::json(401, &body).header("www-authenticate", challenge);
    }
    match call.path.as_str() {
        path if path.starts_with("/v2/") => Reply::json(200, &json!({"name": "a", "tags": ["1"]})),
        path if path.starts_with("/api/") => {
            let metadata = json!({"name": "x", "namespace": "n"});
            Reply::json(200, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}))
        }
        _ => Reply::json(200, &json!({"id": call.path})),
    }
}

/// Who asks: each makes one call, from a client that all share.
#[derive(Clone)]
enum Asker {
    Arm(ArmClient),
    Cluster(Kubernetes),
    Registry(Client, Reference),
}

impl Asker {
    fn all(service: &Service) -> [(&'static str, Self); 3] {
        let (cloud, chosen, http, clock) = service.identity();
        let entra = kubernetes::entra(&chosen);
        let access = Access {
            server: Url::parse(&service.origin).expect("an address"),
            roots: Some(service.pem.clone().into_bytes()),
            auth: Auth::Entra(entra),
            namespace: "n".into(),
        };
        let host = service.origin.trim_start_matches("https://");
        let registry = Client::new(http.clone(), host, Login::Anonymous).expect("a client");
        let reference: Reference = format!("{host}/a:1").parse().expect("a reference");
        [
            ("arm", Self::Arm(ArmClient::new(&cloud, chosen.tokens, http, clock).expect("a client"))),
            ("cluster", Self::Cluster(Kubernetes::over(&access, &service.http()).expect("a client"))),
            ("registry", Self::Registry(registry, reference)),
        ]
    }

    async fn ask(&self) -> Result<(), String> {
        let object = ObjectRef::namespaced("v1", "ConfigMap", "n", "x");
        match self {
            Self::Arm(arm) => arm.get("/subscriptions/s", "2022-12-01").await.map(drop).map_err(|e| e.to_string()),
            Self::Cluster(cluster) => cluster.get(&object).await.map(drop).map_err(|e| e.to_string()),
            Self::Registry(client, reference) => client.tags(reference, 5).await.map(drop).map_err(|e| e.to_string()),
        }
    }

    /// So many calls at once; the failures, and how often a token was renewed meanwhile.
    async fn burst(&self, service: &Service) -> (Vec<String>, usize) {
        let before = service.renewals();
        let results = join_all((0..CALLERS).map(|_| self.ask())).await;
        (results.into_iter().filter_map(Result::err).collect(), service.renewals() - before)
    }
}

#[tokio::test]
async fn one_renewal_an_expiry_and_no_failed_call() {
    let (mut bursts, mut expiries, mut renewals, mut refused) = (0, 0, 0, 0);
    for wrong in [-10, 0, 10] {
        let service = Service::start(wrong);
        for (name, asker) in Asker::all(&service) {
            // Before the first token, after it ran out, and after the service has forgotten it.
            for round in ["first", "expired", "expired again", "forgotten"] {
                match round {
                    "first" => {}
                    "forgotten" => service.forget(),
                    _ => service.clock.clock.advance(61 * MINUTES),
                }
                let (failures, renewed) = asker.burst(&service).await;
                assert_eq!((failures, renewed), (Vec::new(), 1), "{name}, {round}, clock {wrong} min wrong");
                let (failures, renewed) = asker.burst(&service).await;
                assert_eq!((failures, renewed), (Vec::new(), 0), "{name}, right after {round}");
                bursts += 2;
                expiries += 1;
            }
        }
        renewals += service.renewals();
        refused += service.refusals();
    }
    assert!(refused > 0, "no caller ever held a token that the service refused");
    let calls = bursts * CALLERS;
    println!("R19 callers={CALLERS} calls={calls} expiries={expiries} renewals={renewals} refused={refused}");
}

#[tokio::test]
async fn a_clock_that_is_set_in_mid_run_costs_nothing() {
    for (before, after) in [(0, 10), (0, -10), (10, -10), (-10, 10)] {
        let service = Service::start(before);
        let [(_, arm), ..] = Asker::all(&service);
        assert_eq!(arm.burst(&service).await, (Vec::new(), 1));
        service.clock.set(after);
        assert_eq!(arm.burst(&service).await, (Vec::new(), 0), "set from {before} to {after} min");
        service.clock.clock.advance(61 * MINUTES);
        assert_eq!(arm.burst(&service).await, (Vec::new(), 1), "expired after it was set from {before} to {after} min");
    }
}

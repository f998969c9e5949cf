//! A cluster on loopback with real TLS, and both ways to speak to it: our client, and plain requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use mops_clients::kubernetes::{Access, Auth, Kubernetes, ObjectRef};
use mops_core::{BoxFuture, Secret};
use mops_host::SystemClock;
use mops_tests::http::Handler;
use mops_tests::kubernetes::{ImagePuller, KubernetesFake, NodePool, Options, PullError, router};
use mops_tests::ledger::Ledger;
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::{Credential, Http, HttpConfig, Origin, Request, Retry, Url};
use serde_json::{Value as Json, json};
use tower::Service as _;

pub(crate) const TOKEN: &str = "sandbox-cluster-token";

/// Pulls succeed unless they are held back.
pub(crate) struct Gate(AtomicBool);

impl Gate {
    /// From now on pulls succeed.
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl ImagePuller for Gate {
    fn pull<'a>(&'a self, image: &'a str, _: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        let url = format!("https://registry.example/v2/{image}/manifests/1");
        let open = self.0.load(Ordering::SeqCst);
        Box::pin(async move { if open { Ok(()) } else { Err(PullError::Manifest { url, status: 401 }) } })
    }
}

/// A running cluster.
pub(crate) struct Bench {
    pub(crate) fake: Arc<KubernetesFake>,
    pub(crate) kube: Kubernetes,
    pub(crate) gate: Arc<Gate>,
    pub(crate) ledger: Ledger,
    pub(crate) config: HttpConfig,
    pub(crate) ca: String,
    pub(crate) server: Url,
    pub(crate) access: Access,
    http: Http,
    _listener: Server,
}

fn handler(fake: &Arc<KubernetesFake>) -> Handler {
    let router = router(Arc::clone(fake));
    Arc::new(move |request: http::Request<Body>| {
        let mut router = router.clone();
        Box::pin(async move { Ok(router.call(request).await.unwrap_or_else(|never| match never {})) })
    })
}

/// A cluster behind a listener with TLS, for as long as that is there.
pub(crate) fn serve(fake: &Arc<KubernetesFake>, token: &str) -> (Access, Server) {
    let authority = Authority::new();
    let identity = authority.leaf(Leaf::Good, &["127.0.0.1"]);
    let listener = bind().expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = serve_tls(handler(fake), listener, identity.server_config()).expect("a server");
    let access = Access {
        server: format!("https://{address}").parse().expect("an address"),
        roots: Some(authority.pem().as_bytes().to_vec()),
        auth: Auth::Token(Secret::from(token)),
        namespace: "default".into(),
    };
    (access, server)
}

impl Bench {
    /// A cluster with one node and the namespace `n`, where every pull succeeds.
    pub(crate) async fn start() -> Self {
        let bench = Self::with(None, true);
        bench.fake.add_pool(&NodePool { name: "cpu".into(), count: 1, ..NodePool::default() });
        bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
        bench
    }

    /// A cluster without nodes that runs `probe`; pulls succeed or do not.
    pub(crate) fn with(probe: Option<PathBuf>, pulls: bool) -> Self {
        let (gate, ledger) = (Arc::new(Gate(AtomicBool::new(pulls))), Ledger::new());
        let fake = KubernetesFake::new(Options {
            token: Secret::from(TOKEN),
            probe,
            probe_env: vec![("SANDBOX".into(), "yes".into())],
            puller: Arc::clone(&gate) as Arc<dyn ImagePuller>,
            clock: SystemClock::shared(),
            ledger: ledger.clone(),
            ledger_prefix: "kubernetes/c".into(),
        });
        let (access, listener) = serve(&fake, TOKEN);
        let ca = String::from_utf8(access.roots.clone().unwrap_or_default()).expect("PEM");
        let config = HttpConfig { this_machine_only: true, ..HttpConfig::new() };
        let trusting = HttpConfig { roots: vec![ca.clone().into_bytes()], only_roots: true, ..config.clone() };
        Self {
            kube: Kubernetes::over(&access, &config).expect("a client"),
            http: Http::new(trusting).expect("a pipeline"),
            ca,
            server: access.server.clone(),
            access,
            fake,
            gate,
            ledger,
            config,
            _listener: listener,
        }
    }

    /// One plain request: status and body.
    pub(crate) async fn ask(&self, method: &str, path: &str, media: &str, body: &str) -> (u16, Json) {
        self.ask_as(TOKEN, method, path, (media, body)).await
    }

    pub(crate) async fn ask_as(&self, token: &str, method: &str, path: &str, body: (&str, &str)) -> (u16, Json) {
        let url = self.server.join(path).expect("a path");
        let origin = Origin::of(&url).expect("an origin");
        let mut request = Request::new(method.parse().expect("a method"), url).body(body.0, body.1.to_owned());
        request.credential = Some(Credential::bearer(origin, &Secret::from(token)));
        request.retry = Retry::Never;
        let answer = self.http.send(request).await.expect("an answer");
        let json = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status.as_u16(), json)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Json) {
        self.ask("GET", path, "", "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        self.ask("POST", path, "application/json", &body.to_string()).await
    }

    /// Server-side apply by another manager.
    pub(crate) async fn applied_by(&self, manager: &str, path: &str, body: &Json) -> (u16, Json) {
        let path = format!("{path}?fieldManager={manager}");
        self.ask("PATCH", &path, "application/apply-patch+yaml", &body.to_string()).await
    }

    /// Waits until something holds; looks whenever the fake has changed, and now and then.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&KubernetesFake) -> bool) {
        let looking = async {
            while !holds(&self.fake) {
                let _ = tokio::time::timeout(Duration::from_millis(5), self.fake.changed()).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), looking)
            .await
            .unwrap_or_else(|_| panic!("never happened: {what}"));
    }
}

/// A small deployment.
pub(crate) fn deployment(name: &str, replicas: i64) -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "n"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/worker:1"}]}}}})
}

pub(crate) fn deployment_ref(name: &str) -> ObjectRef {
    ObjectRef::namespaced("apps/v1", "Deployment", "n", name)
}

pub(crate) fn secret_ref(name: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "Secret", "n", name)
}

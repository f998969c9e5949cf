//! A namespace with servers of NGC's models: the fake cluster, whose nodes pull from the fake NGC with the secrets of the
//! pods, and a person's desk whose commands are pointed at both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{HeaderValue, header};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret as KubeSecret, Service};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mops_core::{BoxFuture, Secret};
use mops_host::clock::SystemClock;
use mops_probe::dockerconfig;
use mops_tests::kubernetes::{ImagePuller, KubernetesFake, NodePool, Options, PullError, router};
use mops_tests::ledger::Ledger;
use mops_tests::push::pipeline_to;
use mops_tests::tls::{self, Authority, Leaf};
use mops_wire::Http;
use mops_wire::registry::{Auth, Client, Reference};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use crate::desk::Desk;

pub(crate) const NAMESPACE: &str = "research-ops";
const TOKEN: &str = "canary-cluster-token";
const HOST: &str = "nvcr.io";

/// Nodes that pull from NGC; a server that has one of these keys is refused its model and ends.
struct Node {
    http: Http,
    shut_out: Arc<Mutex<Vec<String>>>,
}

impl Node {
    async fn get(&self, image: &str, login: Option<dockerconfig::Login>) -> Result<(), PullError> {
        let url = format!("https://{HOST}/proxy_auth");
        let refused = || PullError::OauthToken { url: url.clone(), status: 403 };
        let auth = login.map_or(Auth::Anonymous, |l| Auth::Basic { username: l.username, password: l.password });
        let client = Client::new(self.http.clone(), HOST, auth).map_err(|_| refused())?;
        let reference: Reference = image.parse().map_err(|_| refused())?;
        client.head_manifest(&reference).await.map(|_| ()).map_err(|_| refused())
    }
}

impl ImagePuller for Node {
    fn pull<'a>(&'a self, image: &'a str, configs: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        Box::pin(async move {
            if !image.starts_with(HOST) {
                return Ok(());
            }
            let texts = configs.iter().filter_map(|config| std::str::from_utf8(config).ok());
            let logins: Vec<_> = texts.flat_map(|text| dockerconfig::logins(text, HOST).unwrap_or_default()).collect();
            let mut last = Err(PullError::AnonymousToken { url: format!("https://{HOST}/proxy_auth"), status: 401 });
            for login in logins {
                last = self.get(image, Some(login)).await;
                if last.is_ok() {
                    break;
                }
            }
            last
        })
    }

    fn ends(&self, image: &str, env: &BTreeMap<String, String>) -> Option<String> {
        let key = env.get("NGC_API_KEY").filter(|_| image.contains("/nim/"))?;
        let refused = self.shut_out.lock().expect("keys").contains(key);
        refused.then(|| "loading\nHTTP status client error (401 Unauthorized)\n".to_owned())
    }
}

pub(crate) struct Stage {
    pub(crate) desk: Desk,
    pub(crate) fake: Arc<KubernetesFake>,
    client: kube::Client,
    shut_out: Arc<Mutex<Vec<String>>>,
    _server: tls::Server,
}

impl Stage {
    /// A namespace without anything in it, on one node with one GPU.
    pub(crate) async fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let desk = Desk::new();
        let shut_out = Arc::<Mutex<Vec<String>>>::default();
        let http = pipeline_to(desk.sandbox.dir()).expect("a pipeline");
        let fake = KubernetesFake::new(Options {
            token: Secret::from(TOKEN),
            probe: None,
            probe_env: Vec::new(),
            puller: Arc::new(Node { http, shut_out: Arc::clone(&shut_out) }),
            clock: SystemClock::shared(),
            ledger: Ledger::default(),
            ledger_prefix: "kubernetes/test".into(),
        });
        let pool = NodePool { name: "gpu".into(), count: 1, gpus: 1, managed: true, ..NodePool::default() };
        fake.add_pool(&pool);
        let token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("a header");
        let service = router(Arc::clone(&fake)).map_request(move |mut request: http::Request<kube::client::Body>| {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
            request
        });
        let client = kube::Client::new(service, NAMESPACE);
        let space = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("an object");
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &space).await.expect("made");
        let server = serve(&desk, &fake);
        Self { desk, fake, client, shut_out, _server: server }
    }

    /// From now on the programs of servers that have this key end with a refusal.
    pub(crate) fn shut_out(&self, key: &str) {
        self.shut_out.lock().expect("keys").push(key.to_owned());
    }

    async fn make<K>(&self, object: Json)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + serde::Serialize + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object).expect("an object");
        Api::<K>::namespaced(self.client.clone(), NAMESPACE)
            .create(&PostParams::default(), &object)
            .await
            .expect("made");
    }

    /// The two secrets as the seed's guide makes them.
    pub(crate) async fn secrets(&self, key: &str) {
        let config = json!({"auths": {HOST: {"username": "$oauthtoken", "password": key}}}).to_string();
        let pull = json!({"metadata": {"name": "ngc-secret"}, "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config}});
        self.make::<KubeSecret>(pull).await;
        self.secret(json!({"metadata": {"name": "nvidia-ngc-secret"}, "stringData": {"NGC_API_KEY": key}})).await;
    }

    pub(crate) async fn secret(&self, object: Json) {
        self.make::<KubeSecret>(object).await;
    }

    pub(crate) async fn service(&self, object: Json) {
        self.make::<Service>(object).await;
    }

    /// A server; `more` is laid over its pod's spec, and `container` over its container.
    pub(crate) async fn server(&self, name: &str, image: &str, (container, more): (Json, Json)) {
        let extend = |into: &mut Json, from: &Json| {
            into.as_object_mut().expect("a map").extend(from.as_object().expect("a map").clone());
        };
        let mut spec = json!({"containers": [{"name": "nim", "image": image, "ports": [{"containerPort": 8000}]}]});
        extend(&mut spec["containers"][0], &container);
        extend(&mut spec, &more);
        self.make::<Deployment>(json!({"metadata": {"name": name}, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}}))
            .await;
        self.settled(name).await;
    }

    /// Waits until the pods of a server have begun to run, or to wait for something.
    async fn settled(&self, name: &str) {
        for _ in 0..400 {
            let pods = self.pods(name);
            if !pods.is_empty() && pods.iter().all(|p| p["status"]["containerStatuses"].is_array()) {
                return;
            }
            SystemClock::shared().sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{name} does not come up: {:?}", self.pods(name));
    }

    pub(crate) fn pods(&self, app: &str) -> Vec<Json> {
        let pods = self.fake.objects("Pod", NAMESPACE);
        pods.into_iter().filter(|pod| pod["metadata"]["labels"]["app"] == app).collect()
    }

    pub(crate) fn object(&self, kind: &str, name: &str) -> Json {
        self.fake.object(kind, NAMESPACE, name).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// A value of a secret.
    pub(crate) fn value(&self, secret: &str, key: &str) -> String {
        use base64::Engine as _;
        let text = self.object("Secret", secret)["data"][key].as_str().unwrap_or_default().to_owned();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        String::from_utf8(bytes).expect("text")
    }

    /// The key of the pull secret, with the user that it goes with.
    pub(crate) fn login(&self, secret: &str) -> Option<(String, String)> {
        let logins = dockerconfig::logins(&self.value(secret, dockerconfig::KEY), HOST).ok()?;
        let first = logins.into_iter().next()?;
        Some((first.username, first.password.expose().clone()))
    }

    pub(crate) async fn patch(&self, name: &str, patch: Json) {
        let api: Api<KubeSecret> = Api::namespaced(self.client.clone(), NAMESPACE);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("patched");
    }

    /// Runs `mops ngc …` against the cluster, with a key in the usual variable.
    pub(crate) async fn ngc(&self, key: &str, words: &str) -> (i32, String) {
        let key = if key.is_empty() { String::new() } else { format!("NGC_API_KEY={key} ") };
        self.desk.said(&format!("{key}mops ngc {words} -n {NAMESPACE} --kubeconfig cluster.yaml")).await
    }
}

/// The cluster behind TLS, and the file that knows it.
fn serve(desk: &Desk, fake: &Arc<KubernetesFake>) -> tls::Server {
    let authority = Authority::new();
    let listener = tls::bind().expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = router(Arc::clone(fake));
    let handler: mops_tests::http::Handler = Arc::new(move |request| {
        let routes = routes.clone();
        Box::pin(async move {
            match routes.oneshot(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        })
    });
    let config = authority.leaf(Leaf::Good, &["127.0.0.1"]).server_config();
    let server = tls::serve_tls(handler, listener, config).expect("served");
    let ca = mops_tests::arm::kubeconfig::encoded(authority.pem());
    desk.place.write(
        "cluster.yaml",
        &format!(
            "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: k, user: u}}}}], \
             clusters: [{{name: k, cluster: {{server: 'https://{address}', certificate-authority-data: {ca}}}}}], \
             users: [{{name: u, user: {{token: {TOKEN}}}}}]}}"
        ),
    );
    server
}

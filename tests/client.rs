//! A plain client for the tests of the fakes: the product's HTTP pipeline without its retries.

use http::{Method, header};
use mops_core::Secret;
use mops_tests::push::pipeline;
use mops_tests::sandbox::{Options, Sandbox};
use mops_wire::{Credential, Http, Origin, Redirects, Request, Response, Retry, Url, WireError};
use serde_json::Value;

pub(crate) const API_GROUP: &str = "2023-07-01";
pub(crate) const API_REGISTRY: &str = "2025-11-01";
pub(crate) const API_STORAGE: &str = "2025-08-01";
pub(crate) const API_AKS: &str = "2025-10-01";

/// A sandbox with somebody who is signed in.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: mops_host::clock::ManualClock,
    pub(crate) http: Http,
    pub(crate) token: String,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) raw: Response,
}

impl Answer {
    fn of(raw: Response) -> Self {
        let text = String::from_utf8_lossy(&raw.body).into_owned();
        let body = serde_json::from_slice(&raw.body).unwrap_or_default();
        Self { status: raw.status.as_u16(), body, text, raw }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.raw.header(name).unwrap_or_default()
    }

    /// The code of an error in any of ARM's shapes.
    pub(crate) fn code(&self) -> &str {
        let inner = self.body["error"]["code"].as_str();
        inner.or_else(|| self.body["code"].as_str()).or_else(|| self.raw.header("x-ms-error-code")).unwrap_or_default()
    }
}

impl Bench {
    /// Azure's own pace on a clock of our own.
    pub(crate) async fn new() -> Self {
        Self::in_subscription(mops_tests::sandbox::SUBSCRIPTION).await
    }

    /// The same with another subscription.
    pub(crate) async fn in_subscription(subscription: &str) -> Self {
        Self::over(Options { subscriptions: vec![subscription.to_owned()], ..Options::default() }).await
    }

    /// The same with other options; pace and clock are the bench's own.
    pub(crate) async fn over(options: Options) -> Self {
        let clock = mops_host::clock::ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        let options = Options { speed: 1, clock: Some(clock.shared()), ..options };
        let sandbox = Sandbox::start(options).expect("a sandbox");
        let http = pipeline(sandbox.world().ca_pem.as_bytes(), sandbox.connect()).expect("a pipeline");
        let mut bench = Self { sandbox, clock, http, token: String::new() };
        bench.token = bench.sign_in(&format!("{}/.default", bench.sandbox.world().arm_origin())).await;
        bench
    }

    pub(crate) async fn sign_in(&self, scope: &str) -> String {
        let app = self.sandbox.world().application.clone();
        let answer = self.sign_in_as(&app.client_secret, scope).await;
        answer.body["access_token"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn sign_in_as(&self, secret: &str, scope: &str) -> Answer {
        let app = self.sandbox.world().application.clone();
        let url = format!("{}/{}/oauth2/v2.0/token", self.sandbox.world().authority_origin(), app.tenant);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", app.client_id.as_str()),
                ("client_secret", secret),
                ("grant_type", "client_credentials"),
                ("scope", scope),
            ])
            .finish();
        let request =
            Request::new(Method::POST, url.parse().expect("a url")).body("application/x-www-form-urlencoded", form);
        self.send(request).await.expect("an answer")
    }

    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, WireError> {
        request.retry = Retry::Never;
        request.redirects = Redirects::Return;
        self.http.send(request).await.map(Answer::of)
    }

    /// A request to ARM, signed in.
    pub(crate) async fn arm(&self, method: &str, path: &str, api: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}?api-version={api}", self.sandbox.world().arm_origin());
        self.call(method, &url, body).await
    }

    /// A request to a whole address of ARM, signed in.
    pub(crate) async fn call(&self, method: &str, url: &str, body: Option<Value>) -> Answer {
        self.send(self.request(method, url, body)).await.expect("an answer")
    }

    pub(crate) fn request(&self, method: &str, url: &str, body: Option<Value>) -> Request {
        let url: Url = url.parse().expect("a url");
        let origin = Origin::of(&url).expect("an origin");
        let credential = Credential::bearer(origin, &Secret::new(self.token.clone()));
        let request =
            Request::new(Method::from_bytes(method.as_bytes()).expect("a verb"), url).credential(Some(credential));
        match body {
            Some(body) => request.body("application/json", body.to_string()),
            None => request,
        }
    }

    pub(crate) fn group(&self, name: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{name}", mops_tests::sandbox::SUBSCRIPTION)
    }

    pub(crate) fn of(&self, group: &str, kind: &str, name: &str) -> String {
        format!("{}/providers/{kind}/{name}", self.group(group))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }

    /// A group to put things into.
    pub(crate) async fn with_group(self, name: &str) -> Self {
        let body = serde_json::json!({"location": "eastus2"});
        assert_eq!(self.arm("PUT", &self.group(name), API_GROUP, Some(body)).await.status, 201);
        self
    }

    /// A request by SAS to a storage account.
    pub(crate) async fn blob(&self, method: &str, url: &str, body: &str) -> Answer {
        let mut request =
            Request::new(Method::from_bytes(method.as_bytes()).expect("a verb"), url.parse().expect("a url"))
                .header("x-ms-blob-type".parse().expect("a name"), "BlockBlob");
        request.body = body.to_owned().into();
        request.headers.remove(header::CONTENT_TYPE);
        self.send(request).await.expect("an answer")
    }
}

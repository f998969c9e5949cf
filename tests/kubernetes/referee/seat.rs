//! A client's seat in front of an API server: it asks, and writes down what it saw.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use mops_clients::kubernetes::{Access, Kubernetes};
use mops_host::Env;
use mops_tests::kubernetes::NodePool;
use mops_tests::private::WORLD;
use mops_wire::HttpConfig;
use serde_json::{Value as Json, json};

use super::plain::Words;
use super::{etcd, terminal};
use crate::kubernetes::bench::Bench;

pub(crate) const SPACE: &str = "/api/v1/namespaces/referee";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
/// Longest wait for a controller, on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The seat and what was seen so far.
pub(crate) struct Seat {
    client: kube::Client,
    access: Access,
    /// The fake, for what only it can be told; it ends with this.
    bench: Option<Bench>,
    words: Words,
    text: String,
}

impl Seat {
    /// In front of a fake without nodes.
    pub(crate) fn at_fake() -> Self {
        Self::over(Bench::with(None, true))
    }

    /// In front of one with a node, which runs this program as our probe.
    pub(crate) fn at_fake_with_a_node(probe: &Path) -> Self {
        let bench = Bench::with(Some(probe.to_owned()), true);
        bench.fake.add_pool(&NodePool { name: "system".into(), count: 1, ..NodePool::default() });
        bench.fake.install(super::running::IMAGE, "mops-probe");
        Self::over(bench)
    }

    fn over(bench: Bench) -> Self {
        let (client, access) = (bench.kube.client(), bench.access.clone());
        Self { client, access, bench: Some(bench), words: Words::default(), text: String::new() }
    }

    pub(crate) fn at_real(kubeconfig: &str) -> Self {
        let access = Access::from_file(kubeconfig, None, None).expect("a kubeconfig");
        // Nothing leaves the private world, where a cluster has an address of its own.
        let config = HttpConfig { this_machine_only: !Env::process().has(WORLD), ..HttpConfig::new() };
        let kube = Kubernetes::over(&access, &config).expect("a client");
        Self { client: kube.client(), access, bench: None, words: Words::default(), text: String::new() }
    }

    /// Makes the namespace of the suite and waits for its service account.
    pub(crate) async fn open(&mut self) {
        let (code, _) = self.ask("POST", "/api/v1/namespaces", JSON, &json!({"metadata": {"name": "referee"}})).await;
        assert_eq!(code, 201, "the namespace `referee` must not exist");
        self.until(&format!("{SPACE}/serviceaccounts/default"), |account| account["metadata"]["uid"].is_string()).await;
    }

    /// Removes it; gives everything that was seen.
    pub(crate) async fn close(self) -> String {
        self.ask("DELETE", SPACE, JSON, &Json::Null).await;
        self.until(SPACE, |space| space["code"] == 404).await;
        self.text
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n## {title}");
    }

    /// One request whose answer is not written down: status and body.
    pub(crate) async fn ask(&self, method: &str, path: &str, media: &str, body: &Json) -> (u16, Json) {
        self.send(Request::builder().method(method).uri(path).header("content-type", media), body).await
    }

    async fn send(&self, request: http::request::Builder, body: &Json) -> (u16, Json) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.client.send(request.body(Body::from(body)).expect("a request")).await.expect("an answer");
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = || Json::from(String::from_utf8_lossy(&bytes).into_owned());
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }

    /// Asks, and writes down question and answer.
    pub(crate) async fn see(&mut self, what: &str, method: &str, path: &str, body: &Json) -> Json {
        self.see_as(what, method, path, (JSON, body)).await
    }

    /// The same in another media type.
    pub(crate) async fn see_as(&mut self, what: &str, method: &str, path: &str, body: (&str, &Json)) -> Json {
        let (status, answer) = self.ask(method, path, body.0, body.1).await;
        self.write(&format!("> {what}: {method} {path}"), status, &without_status(&answer));
        answer
    }

    /// Asks as a user who may do nothing: an impersonated one, or one to whom the fake denies all.
    pub(crate) async fn see_as_stranger(&mut self, method: &str, path: &str, (media, body): (&str, &Json)) {
        let deny = |all: bool| match &self.bench {
            Some(bench) if all => bench.fake.deny("*", "*"),
            Some(bench) => bench.fake.allow_all(),
            None => {}
        };
        deny(true);
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        let (status, answer) = self.send(request.header("impersonate-user", "sandbox-user"), body).await;
        deny(false);
        self.write(&format!("> {method} {path}"), status, &answer);
    }

    /// Server-side apply by a manager.
    pub(crate) async fn apply(&mut self, what: &str, path: &str, manager: &str, body: &Json) -> Json {
        let mark = if path.contains('?') { '&' } else { '?' };
        self.see_as(what, "PATCH", &format!("{path}{mark}fieldManager={manager}"), (APPLY, body)).await
    }

    /// Writes down an object as it is.
    pub(crate) fn write(&mut self, question: &str, status: u16, answer: &Json) {
        let shown = self.words.object(answer);
        let question = self.words.in_words(question);
        let _ = write!(self.text, "{question}\n< {status}\n< {shown}\n");
    }

    /// Runs a command in a container and writes down what came of it; the first word is the program.
    pub(crate) async fn command(&mut self, what: &str, pod: &str, words: &[&str], input: Option<&str>) {
        let said = terminal::run(&self.access, pod, words, input).await;
        self.write(&format!("> {what}: {}", words.join(" ")), 101, &said);
    }

    /// Lets the server forget history, as etcd does of itself every few minutes.
    pub(crate) async fn forget(&self) {
        match &self.bench {
            Some(bench) => bench.fake.compact(),
            None => etcd::compact().await,
        }
    }

    /// Waits until an object is so, by looking; gives it.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Json) -> bool) -> Json {
        let looking = async {
            loop {
                let (_, found) = self.ask("GET", path, JSON, &Json::Null).await;
                if holds(&found) {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
            }
        };
        tokio::time::timeout(LIMIT, looking).await.unwrap_or_else(|_| panic!("never happened at {path}"))
    }

    /// Writes down the first events of a watch, each by its type and object.
    pub(crate) async fn watch(&mut self, what: &str, path: &str, count: usize) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = self.client.send(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let mut stream = answer.into_body().into_data_stream();
        let mut bytes = Vec::new();
        let reading = async {
            while bytes.iter().filter(|b| **b == b'\n').count() < count {
                match stream.next().await {
                    Some(Ok(more)) => bytes.extend_from_slice(&more),
                    _ => break,
                }
            }
        };
        tokio::time::timeout(LIMIT, reading).await.unwrap_or_else(|_| panic!("fewer than {count} events at {path}"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let events: Vec<Json> = text.lines().take(count).filter_map(|l| serde_json::from_str(l).ok()).collect();
        self.write(&format!("> {what}: watch"), status, &Json::Array(events));
    }
}

/// What the controllers say of a workload comes at a time of their own: a test waits for it and writes
/// it down by itself.
fn without_status(answer: &Json) -> Json {
    let mut shown = answer.clone();
    let workload = matches!(answer["kind"].as_str(), Some("Deployment" | "Job" | "Pod"));
    if let Some(map) = shown.as_object_mut().filter(|_| workload) {
        map.shift_remove("status");
    }
    shown
}

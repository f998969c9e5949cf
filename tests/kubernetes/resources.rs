//! The four resources through the provider, as the engine calls them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_clients::kubernetes::Apply;
use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::provider::{CallContext, Difference, Found, Known, Progress};
use mops_core::{Cancel, Class, Error, Lineage, Mark, Provider, StackId, Urn, Value};
use mops_host::clock::ManualClock;
use mops_host::{Env, SharedClock, SystemClock, fsx};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::kubernetes::NodePool;
use serde_json::{Value as Json, json};

use super::bench::{Bench, TOKEN, deployment};

const SECRET: &str = "modelops:kubernetes:Secret";
const MANIFEST: &str = "modelops:kubernetes:Manifest";
const CANARY: &str = "canary-canary-canary-1";

/// A cluster, and a provider that reaches it by a kubeconfig.
struct Stack {
    bench: Bench,
    folder: tempfile::TempDir,
    clock: SharedClock,
    said: Arc<Mutex<Vec<String>>>,
}

impl Stack {
    fn over(bench: Bench) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = STANDARD.encode(&bench.ca);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: c\n  cluster:\n    server: {}\n    \
             certificate-authority-data: {authority}\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\n\
             users:\n- name: u\n  user: {{token: {TOKEN}}}\n",
            bench.server
        );
        fsx::replace(&folder.path().join("kubeconfig"), text.as_bytes()).expect("written");
        Self { bench, folder, clock: SystemClock::shared(), said: Arc::default() }
    }

    async fn start() -> Self {
        Self::over(Bench::start().await)
    }

    fn cluster(&self) -> Json {
        json!({"kubeconfig": self.folder.path().join("kubeconfig").display().to_string()})
    }

    /// A provider of one run, with these variables set.
    fn provider(&self, env: &[(&str, &str)]) -> Resources {
        Resources::new(Services::new(Config {
            cloud: Cloud::public(),
            auth: AzureAuth::default(),
            env: Env::of(env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))),
            clock: Arc::clone(&self.clock),
            http: self.bench.config.clone(),
        }))
    }

    fn context(&self, token: &str, name: &str) -> CallContext {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = Urn::new(&stack, token, name);
        let said = Arc::clone(&self.said);
        CallContext {
            mark: Mark { stack, urn: urn.clone(), lineage: Lineage("lineage".into()) },
            urn,
            cancel: Cancel::new(),
            progress: Arc::new(move |p| {
                if let Progress::Waiting(words) = p {
                    said.lock().expect("a lock").push(words);
                }
            }),
            timeout: Duration::from_secs(600),
            resume: None,
            takeover: false,
            import: false,
            renew: false,
        }
    }

    async fn create(&self, provider: &Resources, token: &str, inputs: &Json) -> Result<Known, Error> {
        let value = Value::from(inputs.clone());
        let checked = provider.check(&self.context(token, "x").urn, &value, false);
        assert!(checked.failures.is_empty(), "{:?}", checked.failures);
        let done = provider.create(self.context(token, "x"), &checked.inputs).await?;
        Ok(Known { id: done.id, inputs: checked.inputs, outputs: done.outputs })
    }

    async fn read(&self, provider: &Resources, token: &str, known: &Known) -> Option<Found> {
        provider.read(self.context(token, "x"), Some(&known.id), known).await.expect("an answer")
    }

    /// What a run would change, after a look at the cluster.
    async fn difference(&self, provider: &Resources, token: &str, known: &Known, inputs: &Json) -> Difference {
        let found = self.read(provider, token, known).await.expect("it is there");
        let urn = self.context(token, "x").urn;
        let checked = provider.check(&urn, &Value::from(inputs.clone()), true);
        provider.diff(&urn, &found.known, &checked.inputs)
    }

    async fn update(&self, provider: &Resources, token: &str, old: &Known, inputs: &Json) -> Result<Known, Error> {
        let inputs = Value::from(inputs.clone());
        let done = provider.update(self.context(token, "x"), old, &inputs).await?;
        Ok(Known { id: done.id, inputs, outputs: done.outputs })
    }

    async fn delete(&self, provider: &Resources, token: &str, old: &Known) -> Result<(), Error> {
        provider.delete(self.context(token, "x"), old).await
    }

    fn secret(&self, data: &Json) -> Json {
        json!({"cluster": self.cluster(), "namespace": "n", "name": "s", "type": "Opaque", "data": data})
    }

    fn manifest(&self, object: &Json, wait: bool) -> Json {
        json!({"cluster": self.cluster(), "object": object, "wait": wait, "readyTimeoutSeconds": 60})
    }
}

fn output(known: &Known, name: &str) -> Json {
    known.outputs.get(name).map(Value::masked_json).unwrap_or_default()
}

#[tokio::test]
async fn a_secret_that_is_too_large_is_refused_in_the_plan_with_its_key() {
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let data = json!({"SMALL": "a-small-value-of-20b", "BUNDLE": "x".repeat(1 << 20)});
    let checked = provider.check(&stack.context(SECRET, "x").urn, &Value::from(stack.secret(&data)), true);
    let failure = checked.failures.first().expect("a failure");
    assert_eq!(failure.path.to_string(), "data.BUNDLE");
    assert!(failure.reason.contains("`BUNDLE` alone 1048576; a cluster takes at most 1048576"), "{}", failure.reason);
    assert!(stack.bench.fake.objects("Secret", "n").is_empty());
}

#[tokio::test]
async fn a_rotated_source_shows_and_the_value_is_nowhere_in_the_state() {
    let stack = Stack::start().await;
    let inputs = stack.secret(&json!({"TOKEN": {"from_env": "APP_TOKEN"}, "OTHER": "a-literal-value-that-stays"}));
    let provider = stack.provider(&[("APP_TOKEN", CANARY)]);
    let known = stack.create(&provider, SECRET, &inputs).await.expect("made");
    assert!(!format!("{:?} {}", known, known.outputs.exposed_json()).contains("canary"));
    assert!(!known.inputs.exposed_json().to_string().contains("canary"));
    assert!(stack.difference(&provider, SECRET, &known, &inputs).await.is_empty());
    let without = stack.provider(&[]);
    assert!(stack.difference(&without, SECRET, &known, &inputs).await.is_empty(), "a preview needs no secret");
    let rotated = stack.provider(&[("APP_TOKEN", "another-token-of-the-app")]);
    let difference = stack.difference(&rotated, SECRET, &known, &inputs).await;
    assert_eq!(difference.changes.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(), ["data.TOKEN"]);
    assert!(difference.reason.expect("a reason").contains("environment variable `APP_TOKEN`"));
    let after = stack.update(&rotated, SECRET, &known, &inputs).await.expect("changed");
    let prints = |k: &Known| output(k, "fingerprints");
    assert_eq!(prints(&known)["OTHER"], prints(&after)["OTHER"], "the other fingerprint stays");
    assert_ne!(output(&known, "checksum"), output(&after, "checksum"));
    let live = stack.bench.fake.object("Secret", "n", "s").unwrap_or_default();
    assert_eq!(live["data"]["TOKEN"], STANDARD.encode("another-token-of-the-app"));
    assert!(!live["metadata"].to_string().contains("canary"), "no last-applied annotation");
}

#[tokio::test]
async fn a_value_that_somebody_changed_is_seen_and_not_taken_back_silently() {
    let stack = Stack::start().await;
    let inputs = stack.secret(&json!({"TOKEN": "the-literal-that-was-declared"}));
    let provider = stack.provider(&[]);
    let known = stack.create(&provider, SECRET, &inputs).await.expect("made");
    let patch = json!({"data": {"TOKEN": STANDARD.encode("somebody-elses-value-here")}}).to_string();
    let path = "/api/v1/namespaces/n/secrets/s?fieldManager=kubectl-edit";
    stack.bench.ask("PATCH", path, "application/merge-patch+json", &patch).await;
    let difference = stack.difference(&provider, SECRET, &known, &inputs).await;
    assert_eq!(difference.changes.len(), 1, "{difference:?}");
    let error = stack.update(&provider, SECRET, &known, &inputs).await.expect_err("it is held by kubectl-edit");
    assert!(error.class() == Class::Conflict && error.summary().contains("`.data.TOKEN` by `kubectl-edit`"), "{error}");
}

#[tokio::test]
async fn an_image_pull_secret_follows_its_password() {
    const TYPE: &str = "modelops:kubernetes:ImagePullSecret";
    let stack = Stack::start().await;
    let inputs = json!({"cluster": stack.cluster(), "namespace": "n", "name": "pull", "registry": "r.azurecr.io",
        "username": "r", "password": {"from_env": "PASSWORD"}});
    let provider = stack.provider(&[("PASSWORD", CANARY)]);
    let known = stack.create(&provider, TYPE, &inputs).await.expect("made");
    assert!(stack.difference(&provider, TYPE, &known, &inputs).await.is_empty());
    let rotated = stack.provider(&[("PASSWORD", "the-second-password-of-it")]);
    let difference = stack.difference(&rotated, TYPE, &known, &inputs).await;
    assert_eq!(difference.changes.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(), ["password"]);
    let after = stack.update(&rotated, TYPE, &known, &inputs).await.expect("changed");
    assert_ne!(output(&known, "checksum"), output(&after, "checksum"));
    assert!(stack.difference(&rotated, TYPE, &after, &inputs).await.is_empty());
}

/// What the pull secret of the product holds for one login: the text that nodes and clients read.
pub(crate) async fn pull_config(registry: &str, username: &str, password: &str) -> String {
    let stack = Stack::start().await;
    let inputs = json!({"cluster": stack.cluster(), "namespace": "n", "name": "pull", "registry": registry,
        "username": username, "password": {"from_env": "PASSWORD"}});
    let provider = stack.provider(&[("PASSWORD", password)]);
    stack.create(&provider, "modelops:kubernetes:ImagePullSecret", &inputs).await.expect("made");
    let live = stack.bench.fake.object("Secret", "n", "pull").expect("it is there");
    let text = live["data"][".dockerconfigjson"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text")
}

#[tokio::test]
async fn a_strangers_secret_is_neither_overwritten_nor_deleted() {
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let body = json!({"metadata": {"name": "s"}, "stringData": {"A": "theirs"}});
    stack.bench.post("/api/v1/namespaces/n/secrets", &body).await;
    let inputs = stack.secret(&json!({"A": "ours-and-long-enough-for-it"}));
    let error = stack.create(&provider, SECRET, &inputs).await.expect_err("a stranger's");
    assert!(error.class() == Class::Conflict && error.summary().contains("was not made by this stack"), "{error}");
    let known = Known {
        id: "x".into(),
        inputs: Value::from(inputs),
        outputs: Value::from(json!({"name": "s", "uid": "u", "fingerprints": {}, "checksum": ""})),
    };
    let error = stack.delete(&provider, SECRET, &known).await.expect_err("a stranger's");
    assert!(error.summary().contains("no longer carries the mark"), "{error}");
    let live = stack.bench.fake.object("Secret", "n", "s").expect("it is still there");
    assert_eq!(live["data"]["A"], STANDARD.encode("theirs"));
}

#[tokio::test]
async fn a_namespace_is_not_deleted_over_a_strangers_head() {
    const TYPE: &str = "modelops:kubernetes:Namespace";
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let inputs = json!({"cluster": stack.cluster(), "name": "jobs"});
    let known = stack.create(&provider, TYPE, &inputs).await.expect("made");
    assert!(stack.difference(&provider, TYPE, &known, &inputs).await.is_empty());
    stack.bench.post("/api/v1/namespaces/jobs/secrets", &json!({"metadata": {"name": "theirs"}})).await;
    let error = stack.delete(&provider, TYPE, &known).await.expect_err("somebody is in it");
    assert_eq!(error.notes(), ["jobs/Secret/theirs"]);
    stack.bench.ask("DELETE", "/api/v1/namespaces/jobs/secrets/theirs", "", "").await;
    stack.delete(&provider, TYPE, &known).await.expect("gone");
    assert!(stack.bench.fake.object("Namespace", "", "jobs").is_none());
    stack.delete(&provider, TYPE, &known).await.expect("already gone is success");
}

/// One object of every kind that a workspace has.
fn workspace() -> Vec<Json> {
    let mut worker = deployment("worker", 2);
    worker["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 1}});
    worker["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "EMPTY", "value": ""}]);
    let meta = |name: &str| json!({"name": name, "namespace": "n"});
    vec![
        worker,
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("scheduler"),
            "spec": {"selector": {"app": "worker"}, "ports": [{"name": "tcp", "port": 8786}]}}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("pdb"),
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "worker"}}}}),
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta("hpa"),
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
                "maxReplicas": 4, "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 70}}}]}}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("plugin"),
            "spec": {"selector": {"matchLabels": {"app": "plugin"}}, "template": {
                "metadata": {"labels": {"app": "plugin"}},
                "spec": {"hostNetwork": false, "containers": [{"name": "p", "image": "nvidia/plugin:1"}]}}}}),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta("job"),
            "spec": {"template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "c", "image": "i:1"}]}}}}),
    ]
}

#[tokio::test]
async fn what_was_just_applied_shows_no_difference() {
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    for object in workspace() {
        let inputs = stack.manifest(&object, object["kind"] != "Job");
        let known = stack.create(&provider, MANIFEST, &inputs).await.expect("made and ready");
        let difference = stack.difference(&provider, MANIFEST, &known, &inputs).await;
        assert!(difference.is_empty(), "{}: {difference:?}", object["kind"]);
        let mut moved = inputs.clone();
        moved["object"]["metadata"]["namespace"] = json!("default");
        let difference = stack.difference(&provider, MANIFEST, &known, &moved).await;
        assert_eq!(difference.replace, ["object.metadata.namespace"], "{}", object["kind"]);
        stack.delete(&provider, MANIFEST, &known).await.expect("gone");
        stack.delete(&provider, MANIFEST, &known).await.expect("already gone is success");
        assert!(stack.read(&provider, MANIFEST, &known).await.is_none());
    }
    assert!(stack.bench.ledger.doubled().is_empty());
}

#[tokio::test]
async fn a_namespace_on_its_way_out_is_waited_for_and_made_anew() {
    const TYPE: &str = "modelops:kubernetes:Namespace";
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let inputs = json!({"cluster": stack.cluster(), "name": "jobs"});
    let known = stack.create(&provider, TYPE, &inputs).await.expect("made");
    stack.bench.fake.hold_deletions(true);
    stack.bench.ask("DELETE", "/api/v1/namespaces/jobs", "", "").await;
    let releasing = async {
        stack.bench.until("it waits", |_| !stack.said.lock().expect("a lock").is_empty()).await;
        stack.bench.fake.hold_deletions(false);
    };
    stack.said.lock().expect("a lock").clear();
    let (made, ()) = tokio::join!(stack.create(&provider, TYPE, &inputs), releasing);
    let made = made.expect("made anew");
    assert_ne!(output(&known, "uid"), output(&made, "uid"));
    assert_eq!(stack.bench.fake.object("Namespace", "", "jobs").unwrap_or_default()["status"]["phase"], "Active");
}

#[tokio::test]
async fn drift_in_a_manifest_is_seen_and_not_taken_back_silently() {
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let inputs = stack.manifest(&deployment("d", 1), false);
    let known = stack.create(&provider, MANIFEST, &inputs).await.expect("made");
    let mut theirs = deployment("d", 1);
    theirs["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/other:2");
    stack.bench.kube.apply_as(&theirs, "kubectl", Apply::Force).await.expect("changed");
    let difference = stack.difference(&provider, MANIFEST, &known, &inputs).await;
    let paths: Vec<String> = difference.changes.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(paths, ["object.spec.template.spec.containers[0].image"]);
    let by = stack.read(&provider, MANIFEST, &known).await.and_then(|f| f.changed_by).expect("the cluster tells");
    assert!(by.who == "kubectl" && by.at.is_some(), "{by:?}");
    let error = stack.update(&provider, MANIFEST, &known, &inputs).await.expect_err("held by kubectl");
    assert!(error.summary().contains(".image` by `kubectl`"), "{error}");
}

#[tokio::test]
async fn the_count_belongs_to_the_autoscaler_after_the_first_apply() {
    let stack = Stack::start().await;
    let provider = stack.provider(&[]);
    let mut object = deployment("d", 2);
    object["metadata"]["annotations"] = json!({"modelops.io/create-only": "spec.replicas"});
    let inputs = stack.manifest(&object, true);
    let known = stack.create(&provider, MANIFEST, &inputs).await.expect("made");
    let replicas = || stack.bench.fake.object("Deployment", "n", "d").unwrap_or_default()["spec"]["replicas"].clone();
    assert_eq!(replicas(), 2);
    let mut changed = inputs.clone();
    changed["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/worker:2");
    let known = stack.update(&provider, MANIFEST, &known, &changed).await.expect("changed");
    assert_eq!(replicas(), 2, "an apply that leaves the count out does not reset it");
    let scale = json!({"spec": {"replicas": 7}}).to_string();
    let path = "/apis/apps/v1/namespaces/n/deployments/d?fieldManager=kube-controller-manager";
    stack.bench.ask("PATCH", path, "application/merge-patch+json", &scale).await;
    assert!(stack.difference(&provider, MANIFEST, &known, &changed).await.is_empty(), "the preview is empty");
    changed["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/worker:3");
    let known = stack.update(&provider, MANIFEST, &known, &changed).await.expect("no conflict");
    assert_eq!(replicas(), 7);
    let autoscaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "n"}, "spec": {"minReplicas": 1, "maxReplicas": 4,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    stack.bench.kube.apply(&autoscaler, Apply::Respect).await.expect("made");
    assert_eq!(replicas(), 4, "the autoscaler keeps its bounds");
    assert!(stack.difference(&provider, MANIFEST, &known, &changed).await.is_empty());
    let known = stack.update(&provider, MANIFEST, &known, &changed).await.expect("no conflict with it");
    assert_eq!(replicas(), 4);
    stack.bench.ask("DELETE", "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/h", "", "").await;
    changed["object"]["metadata"] = json!({"name": "d", "namespace": "n"});
    changed["object"]["spec"]["replicas"] = json!(3);
    let known = stack.update(&provider, MANIFEST, &known, &changed).await.expect("declared for good again");
    assert_eq!(replicas(), 3);
    assert!(stack.difference(&provider, MANIFEST, &known, &changed).await.is_empty());
}

#[tokio::test]
async fn what_is_not_ready_in_time_exists_and_says_why() {
    let bench = Bench::with(None, false);
    bench.fake.add_pool(&NodePool { name: "cpu".into(), count: 1, ..NodePool::default() });
    bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    let manual = ManualClock::stepped(time::macros::datetime!(2026-11-24 08:00 UTC));
    let mut stack = Stack::over(bench);
    stack.clock = manual.shared();
    let provider = stack.provider(&[]);
    let inputs = stack.manifest(&deployment("d", 1), true);
    let passing = async {
        let failed = |f: &mops_tests::kubernetes::KubernetesFake| {
            f.objects("Pod", "n").iter().any(|p| p.to_string().contains("ImagePullBackOff"))
        };
        stack.bench.until("the pull fails", failed).await;
        stack.bench.until("it waits", |_| !stack.said.lock().expect("a lock").is_empty()).await;
        manual.advance(Duration::from_secs(60));
    };
    let (made, ()) = tokio::join!(stack.create(&provider, MANIFEST, &inputs), passing);
    let error = made.expect_err("it is not ready");
    assert_eq!(error.class(), Class::Partial);
    let partial = error.partial().expect("it exists");
    assert!(partial.id.ends_with("/n/Deployment/d") && !partial.outputs.has_unknown(), "{partial:?}");
    for part in ["0 of 1 available", "registry.example/worker:1", "401 Unauthorized", "after 60 s"] {
        assert!(error.summary().contains(part), "{error}");
    }
    stack.bench.gate.open();
    let known = Known { id: partial.id.clone(), inputs: Value::from(inputs.clone()), outputs: partial.outputs.clone() };
    stack.bench.post("/api/v1/namespaces/n/secrets", &json!({"metadata": {"name": "new"}})).await;
    let after = stack.update(&provider, MANIFEST, &known, &inputs).await.expect("ready now");
    assert_eq!(output(&after, "ready"), true);
}

#[tokio::test]
async fn a_secret_is_not_taken_as_a_manifest() {
    let stack = Stack::start().await;
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}});
    let urn = stack.context(MANIFEST, "x").urn;
    let checked = stack.provider(&[]).check(&urn, &Value::from(stack.manifest(&object, false)), true);
    assert_eq!(checked.failures.first().expect("refused").path.to_string(), "object.kind");
}

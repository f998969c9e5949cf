//! Promise: `ngc:` of a stack file puts one key that NGC takes into both secrets of every namespace (N-01, N-02), has
//! servers read a new one by one rollout, and never lets a key that NGC refuses replace one that works. No key is in
//! state, output or annotations (E-12), and nothing of a stranger's is touched.

use mops_host::fsx;
use mops_tests::job::{FILE, Job, example};
use mops_tests::ngc::Key;
use serde_json::{Value as Json, json};

use crate::desk::{BAD, GOOD};
use crate::ngc_stage::{NAMESPACE, Stage};

/// The key that comes after [`GOOD`].
const NEXT: &str = "nvapi-canary-0123456789-next-wxyz";
const IMAGE: &str = "nvcr.io/nim/acme/server:1";
const UP: &str = "mops infra up stack.yaml --yes";
const MARK: &str = "kubectl.kubernetes.io/restartedAt";

/// A cluster of somebody else's with one server, and a stack that brings it its key.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    let ngc = stage.desk.sandbox.ngc();
    ngc.key(Key::new(NEXT, "acme"));
    ngc.image("nim/acme/server", mops_tests::ngc::Access::Organisation("acme".to_owned()), true);
    write(&stage, NAMESPACE);
    stage
}

fn write(stage: &Stage, namespaces: &str) {
    stage.desk.place.write(
        "stack.yaml",
        &format!(
            "cluster: {{provider: existing, kubeconfig: {}}}\nngc:\n  api_key: {{from_env: NGC_API_KEY}}\n  \
             namespaces: [{namespaces}]\n  images: [\"{IMAGE}\"]\n  restart: [embedding-nim, reasoning-nim]\n",
            stage.desk.place.path().join("cluster.yaml").display()
        ),
    );
}

fn server() -> (Json, Json) {
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    (json!({"env": [{"name": "NGC_API_KEY", "valueFrom": key}]}), json!({"imagePullSecrets": [{"name": "ngc-secret"}]}))
}

async fn said(stage: &Stage, key: &str, line: &str) -> (i32, String) {
    stage.desk.said(&format!("NGC_API_KEY={key} {line}")).await
}

async fn good(stage: &Stage, key: &str, line: &str) -> String {
    let (code, told) = said(stage, key, line).await;
    assert_eq!(code, 0, "{line}: {told}");
    told
}

/// The secrets and servers as they stand, whoever wrote them.
fn written(stage: &Stage) -> Vec<Json> {
    let all = ["Secret", "Deployment"].iter().flat_map(|kind| stage.fake.objects(kind, NAMESPACE));
    all.map(|o| {
        json!([o["metadata"]["name"], o["metadata"]["uid"], o["metadata"]["annotations"], o["data"], o["spec"]])
    })
    .collect()
}

fn holds(stage: &Stage, key: &str) {
    assert_eq!(stage.login("ngc-secret"), Some(("$oauthtoken".to_owned(), key.to_owned())));
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), key);
    assert_eq!(stage.object("Secret", "ngc-secret")["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(stage.object("Secret", "nvidia-ngc-secret")["type"], "Opaque");
}

fn restarts(stage: &Stage, name: &str) -> (Json, Json) {
    let server = stage.object("Deployment", name);
    (server["metadata"]["generation"].clone(), server["spec"]["template"]["metadata"]["annotations"][MARK].clone())
}

#[tokio::test]
async fn n_01_n_02_both_secrets_hold_the_key_and_a_new_one_is_read_after_one_rollout() {
    let stage = stage().await;
    stage.server("embedding-nim", IMAGE, server()).await;
    stage.server("other", IMAGE, server()).await;
    let untouched = restarts(&stage, "embedding-nim");
    good(&stage, GOOD, UP).await;
    holds(&stage, GOOD);
    assert_eq!(restarts(&stage, "embedding-nim"), untouched, "its pods wait for the secret, and need no restart");
    good(&stage, GOOD, "mops infra preview stack.yaml --exit-code").await;

    let uids = || ["ngc-secret", "nvidia-ngc-secret"].map(|s| stage.object("Secret", s)["metadata"]["uid"].clone());
    let (made, other) = (uids(), restarts(&stage, "other"));
    let (code, plan) = said(&stage, NEXT, "mops infra preview stack.yaml --exit-code").await;
    assert!(code == 5 && plan.contains("`apiKey` has a new value"), "{plan}");
    let told = good(&stage, NEXT, UP).await;
    assert!(told.contains("there is no deployment `reasoning-nim`"), "{told}");
    holds(&stage, NEXT);
    assert_eq!(uids(), made, "a secret was gone for a while");
    let once = restarts(&stage, "embedding-nim");
    assert!(once.1.is_string() && once.0.as_i64() == untouched.0.as_i64().map(|n| n + 1), "{untouched:?} {once:?}");
    assert_eq!(restarts(&stage, "other"), other, "only those that are named");
    good(&stage, NEXT, "mops infra preview stack.yaml --exit-code").await;
    good(&stage, NEXT, UP).await;
    assert_eq!(restarts(&stage, "embedding-nim"), once, "one rollout for one key");
    let (_, exported) = said(&stage, NEXT, "mops infra export").await;
    assert!(exported.contains("modelops:ngc:Credentials"), "{exported}");
    let kept = written(&stage).iter().map(|o| o[2].to_string()).collect::<String>();
    assert!(!kept.contains("canary"), "E-12: {kept}");

    stage.secret(json!({"metadata": {"name": "of-a-stranger"}, "stringData": {"NGC_API_KEY": GOOD}})).await;
    good(&stage, NEXT, "mops infra down --yes").await;
    let left: Vec<Json> =
        stage.fake.objects("Secret", NAMESPACE).iter().map(|o| o["metadata"]["name"].clone()).collect();
    assert_eq!(left, [json!("of-a-stranger")]);
}

#[tokio::test]
async fn a_key_or_an_image_that_ngc_refuses_is_told_before_anything_is_written() {
    let stage = stage().await;
    stage.server("embedding-nim", IMAGE, server()).await;
    let (code, told) = said(&stage, BAD, UP).await;
    assert!(code == 2 && told.contains("NGC_KEY_INVALID_OR_EXPIRED"), "{code} {told}");
    assert_eq!(stage.fake.objects("Secret", NAMESPACE), Vec::<Json>::new());
    good(&stage, GOOD, UP).await;
    let before = written(&stage);
    let stranger = "nvapi-canary-0123456789-of-others";
    stage.desk.sandbox.ngc().key(Key::new(stranger, "other"));
    for (key, parts) in [
        (BAD, ["NGC_KEY_INVALID_OR_EXPIRED", "https://org.ngc.nvidia.com/setup/api-keys", "nothing was written"]),
        (stranger, ["nvcr.io/nim/acme/server:1", "(403)", "mops auth check"]),
        ("'nvapi-canary 0123456789'", ["KEY_MALFORMED", "holds a blank", "NGC_API_KEY"]),
    ] {
        let (code, told) = said(&stage, key, UP).await;
        assert_eq!(code, 2, "{told}");
        parts.iter().for_each(|part| assert!(told.contains(part), "{part}: {told}"));
        assert_eq!(written(&stage), before, "{told}");
    }
    good(&stage, GOOD, "mops infra preview stack.yaml --exit-code").await;
    good(&stage, GOOD, "mops infra down --yes").await;
}

#[tokio::test]
async fn what_somebody_else_has_made_is_left_and_a_namespace_that_is_not_there_is_named() {
    let stage = stage().await;
    write(&stage, "research-ops, not-there");
    let (code, told) = said(&stage, GOOD, UP).await;
    assert!(code == 1 && told.contains("namespace `not-there` is not there"), "{code} {told}");
    assert!(told.contains("kubectl create namespace not-there"), "{told}");
    assert_eq!(stage.fake.objects("Secret", NAMESPACE), Vec::<Json>::new(), "half of it is written");
    stage.secrets(GOOD).await;
    let before = written(&stage);
    write(&stage, NAMESPACE);
    let (code, told) = said(&stage, GOOD, UP).await;
    assert!(code != 0 && told.contains("was not made by this stack"), "{code} {told}");
    assert_eq!(written(&stage), before);
}

#[tokio::test]
async fn a_key_that_was_changed_behind_the_stack_is_put_back_and_pods_read_it() {
    let stage = stage().await;
    stage.server("embedding-nim", IMAGE, server()).await;
    good(&stage, GOOD, UP).await;
    let before = restarts(&stage, "embedding-nim");
    stage.patch("nvidia-ngc-secret", json!({"stringData": {"NGC_API_KEY": BAD}})).await;
    let (code, told) = said(&stage, GOOD, "mops infra preview stack.yaml --refresh --exit-code").await;
    assert_eq!(code, 5, "{told}");
    let (code, told) = said(&stage, GOOD, "mops infra up stack.yaml --refresh --yes").await;
    assert_eq!(code, 0, "{told}");
    holds(&stage, GOOD);
    assert_ne!(restarts(&stage, "embedding-nim"), before);
}

#[tokio::test]
async fn the_example_goes_up_with_a_namespace_of_its_own_and_down_again() {
    let mut job = Job::of(&example("ngc-nim/ngc-nim.yaml")).await;
    job.place.set("NGC_API_KEY", GOOD);
    let (_, told) = job.said(&["mops", "infra", "up", FILE, "--yes"], 2).await;
    assert!(told.contains("NGC_KEY_INVALID_OR_EXPIRED") && job.existing().is_empty(), "{told}");
    job.tell("POST", "/ngc/key", &json!(GOOD));
    job.tell("POST", "/ngc/image", &json!("nim/nvidia/llama-3.1-nemotron-nano-8b-v1"));
    job.up().await;
    job.nothing_to_do().await;
    let there = job.declared();
    for part in ["namespace//research-ops", "secret/research-ops/ngc-secret", "secret/research-ops/nvidia-ngc-secret"] {
        assert!(there.iter().any(|id| id.contains(part)), "{part}: {there:?}");
    }
    job.good(&["mops", "infra", "down", "-c", "ngc", "--yes"]).await;
    assert!(!job.declared().iter().any(|id| id.contains("research-ops")), "{:?}", job.declared());
    job.good(&["mops", "infra", "up", FILE, "-c", "ngc", "--yes"]).await;
    job.nothing_to_do().await;
    let home = job.place.path().join("home");
    let state = fsx::read_text(&home.join(".modelops/state/modelops/nim/snapshot.json")).unwrap_or_default();
    assert!(state.contains("modelops:ngc:Credentials") && !state.contains("canary"), "{state}");
    job.down_to_nothing().await;
}

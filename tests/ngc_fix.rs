//! `mops ngc fix` through the built program (N-01, N-12, N-15, E-12): one key into both secrets of a namespace without a
//! gap, only pods that must are made again, one GPU is no deadlock, and what NGC refuses is written back.

use std::collections::BTreeSet;

use mops_host::SystemClock;
use mops_tests::kubernetes::Quiet;
use mops_tests::ngc::{Access, Key};
use serde_json::{Value as Json, json};

use crate::desk::{BAD, GOOD};
use crate::ngc_stage::Stage;

const OLD: &str = "nvapi-canary-0123456789-old-wxyz";
const IMAGE: &str = "nvcr.io/nim/acme/server:1";

/// A namespace whose secrets hold a key that NGC knew.
async fn stage(key: &str) -> Stage {
    let stage = Stage::new().await;
    let ngc = stage.desk.sandbox.ngc();
    ngc.key(Key::new(OLD, "acme"));
    ngc.image("nim/acme/server", Access::Licensed(vec!["acme".to_owned()]), true);
    if !key.is_empty() {
        stage.secrets(key).await;
    }
    stage
}

fn env() -> Json {
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    json!({"env": [{"name": "NGC_API_KEY", "valueFrom": key}]})
}

fn linked() -> (Json, Json) {
    (env(), json!({"imagePullSecrets": [{"name": "ngc-secret"}]}))
}

fn with_gpu((mut container, pod): (Json, Json)) -> (Json, Json) {
    container["resources"] = json!({"limits": {"nvidia.com/gpu": "1"}});
    (container, pod)
}

fn names(pods: &[Json]) -> Vec<String> {
    pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

fn versions(stage: &Stage) -> Vec<Json> {
    let all = ["Secret", "Deployment"].iter().flat_map(|kind| stage.fake.objects(kind, "research-ops"));
    all.map(|o| json!([o["metadata"]["name"], o["metadata"]["uid"], o["data"], o["spec"]])).collect()
}

#[tokio::test]
async fn n_15_plan_apply_and_a_second_run_is_empty() {
    let stage = stage(OLD).await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    stage.server("other", "docker.io/library/other:1", (json!({}), json!({}))).await;
    stage.desk.sandbox.ngc().revoke(OLD);
    let (before, old, other) = (versions(&stage), names(&stage.pods("embedding-nim")), stage.pods("other"));
    let (code, plan) = stage.ngc(GOOD, "fix").await;
    assert_eq!(code, 0, "{plan}");
    for part in [
        "secret/ngc-secret: update",
        "secret/nvidia-ngc-secret: update",
        "deployment/embedding-nim: restart",
        "--apply",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert!(plan.contains(".data.NGC_API_KEY ") && plan.contains(" -> ") && !plan.contains("other"), "{plan}");
    assert!(plan.lines().all(|line| line.chars().count() <= 80 || line.contains("--apply")), "{plan}");
    assert_eq!(versions(&stage), before, "a plan changes nothing");

    let uids =
        || ["ngc-secret", "nvidia-ngc-secret"].map(|name| stage.object("Secret", name)["metadata"]["uid"].clone());
    let made = uids();
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(uids(), made, "n_01: a secret was gone for a while");
    assert_eq!(stage.login("ngc-secret"), Some(("$oauthtoken".to_owned(), GOOD.to_owned())));
    let secret = stage.object("Secret", "nvidia-ngc-secret");
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), GOOD);
    assert!(secret["data"].get("NVIDIA_API_KEY").is_none() && secret["metadata"].get("annotations").is_none(), "E-12");
    let now = names(&stage.pods("embedding-nim"));
    assert!(now.len() == 1 && now != old, "{old:?} {now:?}");
    assert_eq!(stage.pods("other"), other, "who has nothing to do with it is left alone");

    let after = versions(&stage);
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 0 && said.contains("nothing to change"), "{said}");
    assert_eq!((versions(&stage), names(&stage.pods("embedding-nim"))), (after, now));
}

#[tokio::test]
async fn n_15_a_key_that_a_gate_refuses_is_never_written() {
    let stage = stage(OLD).await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    let before = versions(&stage);
    let only_images = "nvapi-canary-0123456789-only-images";
    stage.desk.sandbox.ngc().key(Key { models: false, ..Key::new(only_images, "acme") });
    stage.desk.sandbox.ngc().model("nim/acme/server-v1:1", Access::Organisation("acme".to_owned()));
    let (code, said) = stage.ngc(BAD, "fix --apply").await;
    assert!(code == 1 && said.contains("NGC_KEY_INVALID_OR_EXPIRED") && said.contains("nothing was written"), "{said}");
    let (code, said) = stage.ngc(only_images, "fix --apply --model ngc:nim/acme/server-v1:1").await;
    assert!(code == 1 && said.contains("NGC_MODEL_SCOPE"), "{said}");
    let (code, said) = stage.ngc("", "fix --apply").await;
    assert!(code == 2 && said.contains("mops ngc login"), "{said}");
    assert_eq!(versions(&stage), before);
}

#[tokio::test]
async fn n_15_a_licence_is_asked_for_and_waited_for() {
    let stage = stage("").await;
    stage.desk.sandbox.ngc().image("nim/acme/server", Access::Licensed(Vec::new()), true);
    stage.desk.sandbox.ngc().organisation("acme", "Acme Research");
    stage.server("embedding-nim", IMAGE, linked()).await;
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 1 && said.contains("NGC_LICENSE_NOT_ACCEPTED") && said.contains("--wait-license"), "{said}");
    assert!(
        said.contains("once for acme")
            && said.contains("https://catalog.ngc.nvidia.com/orgs/nim/teams/acme/containers/server"),
        "{said}"
    );
    assert!(stage.fake.objects("Secret", "research-ops").is_empty());
    let accept = async {
        SystemClock::shared().sleep(std::time::Duration::from_secs(3)).await;
        stage.desk.sandbox.ngc().image("nim/acme/server", Access::Licensed(vec!["acme".to_owned()]), true);
    };
    let ((code, said), ()) = tokio::join!(stage.ngc(GOOD, "fix --apply --wait-license 60s"), accept);
    assert_eq!(code, 0, "{said}");
    assert_eq!(stage.login("ngc-secret").map(|(_, key)| key).as_deref(), Some(GOOD));
}

#[tokio::test]
async fn n_15_what_ngc_refuses_after_all_is_written_back() {
    let stage = stage(OLD).await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    stage.shut_out(GOOD);
    let before = versions(&stage);
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 1 && said.contains("written back") && said.contains("401 Unauthorized"), "{said}");
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), OLD);
    assert_eq!(stage.login("ngc-secret").map(|(_, key)| key).as_deref(), Some(OLD));
    let data = |all: &[Json]| all.iter().map(|one| one[2].clone()).collect::<Vec<_>>();
    assert_eq!(data(&versions(&stage)), data(&before));
}

#[tokio::test]
async fn n_12_for_the_pull_secret_alone_only_pods_that_have_not_started_go() {
    let stage = stage(OLD).await;
    stage.patch("nvidia-ngc-secret", json!({"stringData": {"NGC_API_KEY": GOOD}})).await;
    stage.server("reasoning-nim", IMAGE, linked()).await;
    stage.desk.sandbox.ngc().revoke(OLD);
    stage.fake.forget_images();
    stage.server("embedding-nim", IMAGE, linked()).await;
    let (running, waiting) = (names(&stage.pods("reasoning-nim")), names(&stage.pods("embedding-nim")));
    let generation = |name: &str| stage.object("Deployment", name)["metadata"]["generation"].clone();
    let before = ["reasoning-nim", "embedding-nim"].map(generation);
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 0 && said.contains("deployment/embedding-nim: delete pods that have not started"), "{said}");
    assert!(said.contains("deployment/reasoning-nim: none"), "{said}");
    assert_eq!(["reasoning-nim", "embedding-nim"].map(generation), before, "no rollout");
    assert_eq!(names(&stage.pods("reasoning-nim")), running);
    // The kubelet tries again by itself, too, and a pod that has started meanwhile is let alone.
    let came = stage.pods("embedding-nim");
    let ready = |pod: &Json| pod["status"]["containerStatuses"][0]["ready"] == true;
    assert!(names(&came) != waiting || came.iter().all(ready), "{came:?}");
}

#[tokio::test]
async fn n_12_one_gpu_is_no_deadlock() {
    let stage = stage(OLD).await;
    stage.shut_out(OLD);
    stage.server("reasoning-nim", IMAGE, with_gpu(linked())).await;
    let held = names(&stage.pods("reasoning-nim"));
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 0 && said.contains("makes room"), "{said}");
    let ready = names(&stage.pods("reasoning-nim"));
    assert!(ready.len() == 1 && ready != held, "{held:?} {ready:?}");

    let next = "nvapi-canary-0123456789-next-wxyz";
    stage.desk.sandbox.ngc().key(Key::new(next, "acme"));
    let (code, said) = stage.ngc(next, "fix --apply").await;
    assert!(code == 1 && said.contains("blocked") && said.contains("--allow-downtime"), "{said}");
    assert!(names(&stage.pods("reasoning-nim")).contains(&ready[0]), "the ready one stays");
    let (code, said) = stage.ngc(next, "fix --apply --allow-downtime").await;
    assert_eq!(code, 0, "{said}");
    let last = names(&stage.pods("reasoning-nim"));
    assert!(last.len() == 1 && last != ready, "{last:?}");
}

#[tokio::test]
async fn n_05_links_that_are_missing_are_made() {
    let stage = stage("").await;
    stage.server("embedding-nim", IMAGE, (json!({}), json!({}))).await;
    let (code, said) = stage.ngc(GOOD, "fix --no-restart --apply").await;
    assert!(code == 1 && said.contains("secret/ngc-secret: create") && said.contains("left alone"), "{said}");
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 0 && said.contains("deployment/embedding-nim: link and restart"), "{said}");
    let spec = &stage.object("Deployment", "embedding-nim")["spec"]["template"]["spec"];
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "ngc-secret"}]));
    assert_eq!(spec["containers"][0]["env"], env()["env"]);
}

#[tokio::test]
async fn n_14_a_model_that_loads_is_no_failure() {
    let stage = stage(OLD).await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    stage.fake.quiet(8000, Quiet::Unwell);
    let (code, said) = stage.ngc(GOOD, "fix --apply --wait 2s").await;
    assert!(code == 0 && said.contains("still loading") && said.contains("not ready yet (503)"), "{said}");
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), GOOD);
}

#[tokio::test]
async fn n_15_what_is_made_again_or_anew_wants_a_yes() {
    let stage = stage("").await;
    stage.secret(json!({"metadata": {"name": "ngc-secret"}, "stringData": {"wrong": "type"}})).await;
    stage
        .secret(
            json!({"metadata": {"name": "nvidia-ngc-secret"}, "immutable": true, "stringData": {"NGC_API_KEY": OLD}}),
        )
        .await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    let before = versions(&stage);
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 2 && said.contains("give `--yes`") && said.contains("immutable"), "{said}");
    assert_eq!(versions(&stage), before);
    let (code, said) = stage.ngc(GOOD, "fix --apply --yes").await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(stage.login("ngc-secret").map(|(user, _)| user).as_deref(), Some("$oauthtoken"));
    assert_eq!(
        (
            stage.value("nvidia-ngc-secret-2", "NGC_API_KEY").as_str(),
            stage.value("nvidia-ngc-secret", "NGC_API_KEY").as_str()
        ),
        (GOOD, OLD)
    );
    let spec = &stage.object("Deployment", "embedding-nim")["spec"]["template"]["spec"];
    assert_eq!(spec["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"], "nvidia-ngc-secret-2");
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert!(code == 0 && said.contains("nothing to change"), "{said}");
}

/// `RESOURCE VERB` of every rule of the roles that a command prints.
pub(crate) async fn printed(stage: &Stage, words: &str) -> BTreeSet<String> {
    let (code, said) = stage.ngc("", &format!("{words} --explain-permissions --json")).await;
    let line = said.lines().find(|line| line.contains("permissions")).unwrap_or_default();
    let line: Json = serde_json::from_str(line).unwrap_or_else(|_| panic!("{code} {said}"));
    let roles = line["kubernetes"].as_array().cloned().unwrap_or_default();
    let texts = |value: &Json| -> Vec<String> { serde_json::from_value(value.clone()).expect("texts") };
    let rules = roles.iter().flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default());
    rules
        .flat_map(|rule| {
            texts(&rule["verbs"]).into_iter().map(move |verb| format!("{} {verb}", texts(&rule["resources"])[0]))
        })
        .collect()
}

/// What a run used.
async fn used(stage: &Stage, words: &str, code: i32) -> BTreeSet<String> {
    stage.fake.asked();
    let (ended, said) = stage.ngc(GOOD, words).await;
    assert_eq!(ended, code, "{said}");
    stage.fake.asked()
}

#[tokio::test]
async fn m_17_the_printed_roles_are_what_a_fix_uses() {
    let first = stage(OLD).await;
    first.server("reasoning-nim", IMAGE, with_gpu(linked())).await;
    let mut all = used(&first, "fix --apply --allow-downtime", 0).await;
    let second = stage("").await;
    second.secret(json!({"metadata": {"name": "ngc-secret"}, "stringData": {"wrong": "type"}})).await;
    second.server("embedding-nim", IMAGE, linked()).await;
    all.extend(used(&second, "fix --apply --yes", 0).await);
    let third = stage("").await;
    third.server("embedding-nim", "nvcr.io/nim/acme/absent:1", (json!({}), json!({}))).await;
    all.extend(used(&third, "fix --apply --wait 30s", 1).await);
    // A set is emptied only where its pods have to make room and would come back.
    all.insert("replicasets patch".to_owned());
    assert_eq!(all, printed(&third, "fix").await);
}

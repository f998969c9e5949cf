//! Promise: `mops auth rotate ngc` brings a key that a person has made to every place that holds the old one, here and in
//! a cluster, and proves it there; the old one stays valid, what still holds it is named, and a run that is killed at any
//! step is taken up by the same command (M-04, E-12).

use mops_host::fsx;
use mops_tests::job::{FILE, Job, example};
use mops_tests::ngc::{Access, Key};
use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::desk::{BAD, GOOD};
use crate::ngc_stage::{NAMESPACE, Stage};

/// The key that a person has made to take the place of [`GOOD`].
const NEXT: &str = "nvapi-canary-0123456789-next=wxyz";
const IMAGE: &str = "nvcr.io/nim/acme/server:1";
const ROTATE: &str = "mops auth rotate ngc --kubeconfig cluster.yaml --key-file next";
const PAGE: &str = "https://org.ngc.nvidia.com/setup/api-keys";

/// A machine and a namespace with one server that work by [`GOOD`], and the next key in a file.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    let ngc = stage.desk.sandbox.ngc();
    ngc.key(Key::new(NEXT, "acme"));
    ngc.image("nim/acme/server", Access::Organisation("acme".to_owned()), true);
    let place = &stage.desk.place;
    place.write("next", NEXT);
    place.write("home/.ngc/config", &format!("[CURRENT]\napikey = {GOOD}\n"));
    stage.desk.good("chmod 600 next && mops ngc login --key-file good --org acme && mops ngc login --key-file good --profile team").await;
    stage.secrets(GOOD).await;
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    let container = json!({"env": [{"name": "NGC_API_KEY", "valueFrom": key}]});
    stage.server("embedding-nim", IMAGE, (container, json!({"imagePullSecrets": [{"name": "ngc-secret"}]}))).await;
    stage
}

fn profile(stage: &Stage) -> String {
    fsx::read_text(&stage.desk.place.path().join("home/.mlenv/profiles/team")).unwrap_or_default()
}

/// Everything that a rotation may write.
fn written(stage: &Stage) -> (String, String, String, Vec<Json>) {
    let all = ["Secret", "Deployment"].iter().flat_map(|kind| stage.fake.objects(kind, NAMESPACE));
    let objects = all.map(|o| json!([o["metadata"]["name"], o["data"], o["spec"]])).collect();
    (stage.desk.docker(), stage.desk.mlenv(), profile(stage), objects)
}

fn journal(place: &mops_tests::place::Place) -> std::path::PathBuf {
    place.path().join("home/.modelops/rotation/ngc.json")
}

#[tokio::test]
async fn m_04_every_place_gets_the_new_key_and_the_old_one_is_left_to_its_owner() {
    let stage = stage().await;
    stage.secret(json!({"metadata": {"name": "a-copy"}, "stringData": {"KEY": GOOD}})).await;
    let (before, pods) = (written(&stage), stage.pods("embedding-nim"));
    let plan = stage.desk.good(&format!("{ROTATE} --plan")).await;
    assert!(plan.contains("both secrets of namespace research-ops") && plan.contains(".docker/config.json"), "{plan}");
    assert!(plan.contains(PAGE) && plan.contains("nvapi-…wxyz"), "{plan}");
    let (code, told) = stage.desk.said(ROTATE).await;
    assert!(code == 2 && told.contains("--yes"), "{code} {told}");
    assert!(written(&stage) == before && !journal(&stage.desk.place).exists(), "written without consent");

    let told = stage.desk.good(&format!("{ROTATE} --yes")).await;
    for part in [".docker/config.json", ".mlenv/config", "profiles/team", "namespace research-ops", PAGE] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for part in ["not reached: ", ".ngc/config: `ngc config set` changes it", "secret a-copy of namespace research-ops"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(stage.desk.mlenv().contains(NEXT) && stage.desk.mlenv().contains("org = acme"));
    assert!(profile(&stage).contains(NEXT));
    assert_eq!(stage.login("ngc-secret"), Some(("$oauthtoken".to_owned(), NEXT.to_owned())));
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), NEXT);
    assert_ne!(
        stage.pods("embedding-nim")[0]["metadata"]["uid"],
        pods[0]["metadata"]["uid"],
        "its pods had the old one"
    );
    assert!(!journal(&stage.desk.place).exists());
    let status = stage.desk.good("mops ngc status").await;
    assert!(status.contains("valid"), "{status}");
    stage.desk.good("NGC_API_KEY= MLENV_NGC_CONFIG_DIR=x mops ngc login --key-file good --profile x").await;
}

#[tokio::test]
async fn a_key_that_ngc_refuses_or_that_is_in_use_already_changes_nothing() {
    let stage = stage().await;
    let before = written(&stage);
    for (file, code, words) in [("bad", 1, "NGC_KEY_INVALID_OR_EXPIRED"), ("good", 2, "holds another key")] {
        let line = ROTATE.replace("next", file);
        let (ended, told) = stage.desk.said(&format!("{line} --yes")).await;
        assert!(ended == code && told.contains(words), "{file}: {ended} {told}");
        assert_eq!(written(&stage), before, "{file}");
    }
    let (code, told) =
        stage.desk.said("NGC_API_KEY=nvapi-canary-0123456789 mops auth rotate ngc --yes < /dev/null").await;
    assert!(code == 2 && told.contains("--key-stdin"), "a variable was taken for the new key: {told}");
    stage.desk.place.write("next", BAD);
    assert_eq!(written(&stage), before);
}

#[tokio::test]
async fn m_04_killed_at_each_step_it_goes_on_and_says_where_a_stack_has_its_key() {
    let mut job = Job::of(&example("ngc-nim/ngc-nim.yaml")).await;
    job.place.set("NGC_API_KEY", GOOD);
    [GOOD, NEXT].iter().for_each(|key| job.tell("POST", "/ngc/key", &json!(key)));
    job.tell("POST", "/ngc/image", &json!("nim/nvidia/llama-3.1-nemotron-nano-8b-v1"));
    job.up().await;
    job.place.set("NGC_API_KEY", "");
    let cluster = job.good(&["mops", "infra", "kubeconfig"]).await;
    job.place.write("cluster.yaml", &String::from_utf8_lossy(&cluster.stdout));
    [("next", NEXT), ("good", GOOD)].iter().for_each(|(name, key)| job.place.write(name, key));
    job.good(&["chmod", "600", "next", "good"]).await;
    job.good(&["mops", "ngc", "login", "--key-file", "good"]).await;
    let words: Vec<&str> = ROTATE.split(' ').chain(["--yes"]).collect();
    job.ended_at(&words, &["registry GET", "/proxy_auth"], Signal::KILL).await;
    assert!(!journal(&job.place).exists(), "nothing is begun with a key that nobody has taken");
    for request in [["kubernetes PATCH", "/secrets/ngc-secret"], ["kubernetes PATCH", "/secrets/nvidia-ngc-secret"]] {
        job.ended_at(&words, &request, Signal::KILL).await;
        let text = fsx::read_text(&journal(&job.place)).expect("a journal");
        assert!(!text.contains("canary"), "{text}");
    }
    let (_, told) = job.said(&["mops", "auth", "rotate", "ngc", "--kubeconfig", "cluster.yaml", "--yes"], 0).await;
    assert!(
        told.contains("an earlier run began this rotation") && told.contains("the source of stack modelops.nim"),
        "{told}"
    );
    assert!(!told.contains("canary") && !journal(&job.place).exists(), "{told}");
    let objects = job.ask("/objects").to_string();
    use base64::Engine as _;
    let coded = |key: &str| base64::engine::general_purpose::STANDARD.encode(key);
    assert!(objects.contains(&coded(NEXT)) && !objects.contains(&coded(GOOD)));
    job.place.set("NGC_API_KEY", NEXT);
    job.good(&["mops", "infra", "up", FILE, "--yes"]).await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

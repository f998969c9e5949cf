//! K-20 through the built program, a fake cluster and the fakes of both services: tokens reach a Secret in one step, nothing is
//! taken from whoever else made one of that name, and a look tells states and never a value.

use mops_tests::token_services::{KEY, Services};
use serde_json::json;

use crate::ngc_stage::{NAMESPACE, Stage};

const TOKEN: &str = "hf_canary-me-read";
const SECRET: &str = "hf-wandb-tokens";

struct Cluster {
    stage: Stage,
    services: Services,
}

impl Cluster {
    async fn new() -> Self {
        let (mut stage, services) = (Stage::new().await, Services::start());
        for name in ["HF_ENDPOINT", "WANDB_BASE_URL"] {
            stage.desk.place.set(name, services.base.clone());
        }
        let this = Self { stage, services };
        this.here(&format!("HF_TOKEN={TOKEN}\nWANDB_API_KEY={KEY}\n"));
        this
    }

    fn here(&self, text: &str) {
        self.stage.desk.place.write(".env", text);
    }

    /// The code and what was said, in one line of single blanks.
    async fn said(&self, line: &str) -> (i32, String) {
        let flags = format!("--target k8s --namespace {NAMESPACE} --kubeconfig cluster.yaml");
        let (code, said) = self.stage.desk.said(&format!("mops tokens {line} {flags}")).await;
        (code, said.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    async fn ends(&self, line: &str, code: i32, words: &[&str]) {
        let (ended, said) = self.said(line).await;
        assert_eq!(ended, code, "{line}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{line}: {word}: {said}"));
    }

    fn value(&self, name: &str) -> String {
        self.stage.value(SECRET, name)
    }

    fn there(&self) -> Option<serde_json::Value> {
        self.stage.fake.object("Secret", NAMESPACE, SECRET)
    }

    /// Puts other values there, as a person would.
    async fn put(&self, data: serde_json::Value) {
        self.stage.patch(SECRET, json!({ "stringData": data })).await;
    }
}

#[tokio::test]
async fn k_20_tokens_reach_a_secret_in_one_step_and_a_second_run_changes_nothing() {
    let it = Cluster::new().await;
    it.ends("sync --check", 0, &["sent HF_TOKEN, WANDB_API_KEY", "HF_TOKEN set = local here valid: user me"]).await;
    let made = it.there().expect("a secret");
    assert_eq!((made["type"].as_str(), it.value("HF_TOKEN").as_str()), (Some("Opaque"), TOKEN));
    assert_eq!(it.value("WANDB_API_KEY"), KEY);
    assert!(!made["metadata"].to_string().contains("canary") && !made.to_string().contains("last-applied"));
    it.ends("sync", 0, &["has these values already"]).await;
    assert_eq!(it.there().expect("a secret")["data"], made["data"]);

    // What other programs wrote stays in any case; what we wrote earlier only where it is asked for.
    it.put(json!({"THEIRS": "1"})).await;
    it.here("HF_TOKEN=hf_canary-me-gated\nLOG_LEVEL=info\n");
    it.ends("sync --only HF_TOKEN --merge", 0, &["sent HF_TOKEN to secret"]).await;
    assert_eq!([it.value("HF_TOKEN"), it.value("WANDB_API_KEY"), it.value("THEIRS")], ["hf_canary-me-gated", KEY, "1"]);
    it.ends("sync", 0, &["no longer there: WANDB_API_KEY", "`--merge` keeps them"]).await;
    assert_eq!([it.value("LOG_LEVEL"), it.value("WANDB_API_KEY"), it.value("THEIRS")], ["info", "", "1"]);
    let (code, said) = it.said("sync --json").await;
    assert!(code == 0 && said.contains(r#""type":"tokens_applied""#) && said.contains(r#""changed":[]"#), "{said}");
}

#[tokio::test]
async fn k_20_set_empty_missing_and_differs_are_four_things_there_too() {
    let it = Cluster::new().await;
    it.ends("check", 1, &["is not there", "go without HF_TOKEN and WANDB_API_KEY", "mops tokens sync --target k8s"])
        .await;
    assert!(it.services.calls().is_empty(), "a token that nobody uses was shown");
    it.ends("sync", 0, &[]).await;
    it.ends("check", 0, &["HF_TOKEN set = local here valid: user me, role read", "WANDB_ENTITY missing optional"])
        .await;
    assert_eq!(it.services.calls(), ["GET /api/whoami-v2", "POST /graphql"]);
    it.put(json!({"HF_TOKEN": "hf_canary-you-read"})).await;
    it.ends("check", 0, &["HF_TOKEN set ≠ local here valid: user you", "sends those of here"]).await;
    it.put(json!({"HF_TOKEN": "canary-old"})).await;
    it.ends("check", 1, &["HF_TOKEN set ≠ local here refused", "HF_TOKEN_INVALID"]).await;
    it.put(json!({"HF_TOKEN": " ", "HF_TOKEN_NOT_SET": "1", "MY_HF_TOKEN": "SET"})).await;
    it.ends("check --offline", 1, &["HF_TOKEN empty", "go without HF_TOKEN"]).await;
    it.stage.patch(SECRET, json!({"data": {"HF_TOKEN": null}})).await;
    it.ends("check --offline", 1, &["HF_TOKEN missing", "WANDB_API_KEY set = local"]).await;
    it.ends("check --offline --require WANDB_ENTITY", 1, &["HF_TOKEN and WANDB_ENTITY"]).await;
    it.put(json!({"HF_TOKEN": TOKEN})).await;
    it.ends("check --model lab/pending", 1, &["HF_PENDING", "✗ lab/pending"]).await;
    let (code, said) = it.said("check --offline --json").await;
    assert!(code == 0 && said.contains(r#""type":"tokens_in_cluster""#) && said.contains(r#""same":true"#), "{said}");
}

#[tokio::test]
async fn k_20_a_secret_of_somebody_else_is_left_as_it_is() {
    let it = Cluster::new().await;
    it.stage.secret(json!({"metadata": {"name": SECRET}, "stringData": {"HF_TOKEN": "theirs"}})).await;
    let before = it.there();
    it.ends("sync", 1, &["was not made by `mops tokens sync`; nothing was written", "--name", "label secret"]).await;
    it.ends("check --offline", 1, &["kept by somebody else", "HF_TOKEN set ≠ local"]).await;
    assert_eq!(it.there(), before);
    it.ends("sync --name mine", 0, &["secret mine of namespace"]).await;
    it.stage.patch(SECRET, json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "mops"}}})).await;
    it.ends("sync", 0, &["sent HF_TOKEN, WANDB_API_KEY"]).await;
    it.stage.patch(SECRET, json!({"metadata": {"labels": {"modelops.io/stack": "modelops.dev"}}})).await;
    it.here("HF_TOKEN=hf_canary-me-write\n");
    it.ends("sync", 1, &["belongs to stack `modelops.dev`", "mops infra up"]).await;
    it.ends("check --offline", 0, &["kept by stack modelops.dev", "HF_TOKEN set ≠ local"]).await;
    assert_eq!(it.value("HF_TOKEN"), TOKEN);
}

#[tokio::test]
async fn k_20_the_right_that_it_needs_is_told_and_flags_of_the_other_place_are_refused() {
    let it = Cluster::new().await;
    it.ends("sync --explain-permissions", 0, &["kind: Role", "- get", "- patch", "- create", SECRET, NAMESPACE]).await;
    let (code, said) = it.said("check --explain-permissions").await;
    assert!(code == 0 && !said.contains("patch") && !said.contains("create"), "{said}");
    assert!(it.there().is_none());
    it.ends("sync --host koa", 2, &["takes no flag of a host"]).await;
    let (code, said) = it.stage.desk.said("mops tokens check --namespace x").await;
    assert!(code == 2 && said.contains("--target k8s"), "{said}");
    let elsewhere = "mops tokens sync --target k8s --namespace nowhere --kubeconfig cluster.yaml";
    let (code, said) = it.stage.desk.said(elsewhere).await;
    assert!(code == 3 && said.contains("nowhere"), "{code} {said}");
}

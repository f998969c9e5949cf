//! Promise: `mops auth rotate hf`, `wandb` and `novita-key` bring a token that a person has made to the file here, the login
//! node and the cluster, wherever the old one is, and prove it there; the old one stays valid, what still holds it is named,
//! and a run that is killed at any step is taken up by the same command (M-04, E-12, V-15).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mops_host::fsx;
use mops_tests::program::Running;
use mops_tests::skip::skipped;
use mops_tests::sshd::{Node, installed};
use mops_tests::token_services::{Hostile, KEY, Services};
use rustix::process::Signal;
use serde_json::json;

use crate::ngc_stage::{NAMESPACE, Stage};

const OLD: &str = "hf_canary-me-read";
const NEXT: &str = "hf_canary-me-gated";
const SECRET: &str = "hf-wandb-tokens";
const PAGE: &str = "https://huggingface.co/settings/tokens";

struct Desk {
    stage: Stage,
    services: Services,
    node: Node,
}

impl Desk {
    async fn new(test: &str) -> Option<Self> {
        if !installed() {
            skipped("sshd", test);
            return None;
        }
        let (mut stage, services) = (Stage::new().await, Services::start());
        for name in ["HF_ENDPOINT", "WANDB_BASE_URL"] {
            stage.desk.place.set(name, services.base.clone());
        }
        let node = Node::start(&stage.desk.place, "").await;
        let this = Self { stage, services, node };
        this.write(".env", &format!("# mine\nHF_TOKEN={OLD} # old\nWANDB_API_KEY={KEY}\n"));
        [("next", NEXT), ("bad", "canary-nobody-knows")].iter().for_each(|(name, text)| this.write(name, text));
        this.stage.desk.good("chmod 600 next bad .env").await;
        this.stage.desk.good(&format!("mops tokens sync {}", this.node.flags())).await;
        this.stage.desk.good(&format!("mops tokens sync --target k8s -n {NAMESPACE} --kubeconfig cluster.yaml")).await;
        Some(this)
    }

    fn write(&self, name: &str, text: &str) {
        self.stage.desk.place.write(name, text);
    }

    fn line(&self, key: &str) -> String {
        let flags = self.node.flags();
        format!("mops auth rotate hf --kubeconfig cluster.yaml --yes {key} {flags}").replace("  ", " ")
    }

    fn here(&self) -> String {
        fsx::read_text(&self.stage.desk.place.path().join(".env")).expect("a file")
    }

    fn there(&self) -> String {
        fsx::read_text(&self.node.home().join("koa-ml/.env")).unwrap_or_default()
    }

    fn journal(&self) -> PathBuf {
        self.stage.desk.place.path().join("home/.modelops/rotation/hf.json")
    }

    fn all(&self) -> (String, String, String) {
        (self.here(), self.there(), self.stage.value(SECRET, "HF_TOKEN"))
    }

    fn is_everywhere(&self, token: &str) -> bool {
        let (here, there, cluster) = self.all();
        here.contains(token) && there.contains(token) && cluster == token
    }
}

#[tokio::test]
async fn m_04_every_place_gets_the_new_token_and_the_old_one_is_left_to_its_owner() {
    let Some(it) = Desk::new("m_04_every_place_gets_the_new_token").await else { return };
    it.write("home/.cache/huggingface/token", OLD);
    let before = it.all();
    let plan = it.stage.desk.good(&format!("{} --plan", it.line("--key-file next"))).await;
    for part in [".env", "koa-ml/.env", "secret hf-wandb-tokens of namespace research-ops", PAGE, "prove it"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let (code, told) = it.stage.desk.said(&it.line("--key-file next").replace(" --yes", "")).await;
    assert!(code == 2 && told.contains("--yes"), "{code} {told}");
    assert!(it.all() == before && !it.journal().exists(), "written without consent");

    let told = it.stage.desk.good(&format!("HF_TOKEN={OLD} {}", it.line("--key-file next"))).await;
    assert!(it.is_everywhere(NEXT), "{told}");
    assert_eq!(it.here(), format!("# mine\nHF_TOKEN={NEXT}\nWANDB_API_KEY={KEY}\n"));
    assert!(it.there().contains(KEY) && it.stage.value(SECRET, "WANDB_API_KEY") == KEY, "another token went along");
    for part in [PAGE, "not reached: variable HF_TOKEN", "huggingface/token: `hf auth login` changes it"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!it.journal().exists());
    let (code, told) = it.stage.desk.said(&it.line("--key-file next")).await;
    assert!(code == 2 && told.contains("in use already"), "{code} {told}");
}

#[tokio::test]
async fn a_token_that_is_refused_or_not_told_apart_changes_nothing() {
    let Some(it) = Desk::new("a_token_that_is_refused_or_not_told_apart_changes_nothing").await else { return };
    let before = it.all();
    let (code, told) = it.stage.desk.said(&it.line("--key-file bad")).await;
    assert!(code == 1 && told.contains("HF_TOKEN_INVALID"), "{code} {told}");
    it.services.turn(Some(Hostile::Page));
    let (code, told) = it.stage.desk.said(&it.line("--key-file next")).await;
    assert!(code != 0 && told.contains("nothing was written"), "{code} {told}");
    it.services.turn(None);
    let (code, told) = it.stage.desk.said(&format!("HF_TOKEN={NEXT} {} < /dev/null", it.line(""))).await;
    assert!(code == 2 && told.contains("--key-stdin"), "a variable was taken for the new one: {told}");
    it.node.knows("");
    let (code, told) = it.stage.desk.said(&it.line("--key-file next")).await;
    assert!(code == 3 && told.contains("SSH_HOST_KEY"), "{code} {told}");
    it.write("other.env", &format!("WANDB_API_KEY={KEY}\n"));
    let (code, told) = it.stage.desk.said(&it.line("--key-file next --env-file other.env")).await;
    assert!(code == 2 && told.contains("has no HF_TOKEN"), "{code} {told}");
    assert!(it.all() == before && !it.journal().exists(), "something was written");
}

#[tokio::test]
async fn another_value_and_what_a_stack_keeps_are_left_and_named() {
    let Some(it) = Desk::new("another_value_and_what_a_stack_keeps_are_left_and_named").await else { return };
    let file = it.node.home().join("koa-ml/.env");
    fsx::replace(&file, b"HF_TOKEN=hf_canary-somebody-read\n").expect("a file");
    it.stage.patch(SECRET, json!({"metadata": {"labels": {"modelops.io/stack": "modelops.dev"}}})).await;
    let told = it.stage.desk.good(&it.line("--key-file next")).await;
    assert!(told.contains("it has another value than the old one"), "{told}");
    assert!(told.contains("stack modelops.dev keeps it") && told.contains("mops infra up"), "{told}");
    assert_eq!(
        (it.there().as_str(), it.stage.value(SECRET, "HF_TOKEN").as_str()),
        ("HF_TOKEN=hf_canary-somebody-read\n", OLD)
    );
    assert!(it.here().contains(NEXT));
    it.write("next", OLD);
    let told =
        it.stage.desk.good(&format!("mops auth rotate hf --here --yes --key-file next {}", it.node.flags())).await;
    assert!(told.contains("not looked at") && it.here().contains(OLD), "{told}");
}

#[tokio::test]
async fn m_04_killed_at_each_step_it_goes_on_where_it_was() {
    let Some(it) = Desk::new("m_04_killed_at_each_step_it_goes_on_where_it_was").await else { return };
    let home = it.node.home();
    // The session of this number does not go on.
    it.node.before(
        "n=$(($(cat \"$HOME/count\" 2>/dev/null || echo 0) + 1)); echo $n >\"$HOME/count\"\n\
         if [ \"$n\" = \"$(cat \"$HOME/stop\" 2>/dev/null)\" ]; then : >\"$HOME/reached\"; sleep 3; exit 1; fi",
    );
    let words = it.line("--key-file next");
    // A look, a second one before the write, the write, and the look that proves it.
    for stop in 1..=4 {
        for name in ["count", "reached"] {
            let _ = std::fs::remove_file(home.join(name));
        }
        fsx::replace(&home.join("stop"), stop.to_string().as_bytes()).expect("a file");
        let line: Vec<&str> = words.split(' ').collect();
        let run = Running::start(&it.stage.desk.place, line[0], &line[1..]);
        let start = Instant::now();
        while !home.join("reached").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "session {stop} was never opened");
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        assert_eq!(run.wait(), None, "the run was over before session {stop}");
        let begun = stop > 1;
        assert_eq!((it.journal().exists(), it.here().contains(NEXT)), (begun, begun), "{stop}");
        if begun {
            let text = fsx::read_text(&it.journal()).expect("a journal");
            assert!(!text.contains("canary"), "{text}");
        }
    }
    std::fs::remove_file(home.join("stop")).expect("gone");
    // The file here has the new one: nobody has to give it again.
    let told = it.stage.desk.good(&it.line("")).await;
    assert!(told.contains("an earlier run began this rotation") && it.is_everywhere(NEXT), "{told}");
    assert!(!it.journal().exists());
}

#[tokio::test]
async fn v_15_keys_of_other_services_go_the_same_way() {
    let Some(it) = Desk::new("v_15_keys_of_other_services_go_the_same_way").await else { return };
    it.stage.desk.sandbox.novita().key("canary-novita-next-0123456789");
    it.write(".env", "WANDB_API_KEY=canary-old\nNOVITA_API_KEY=canary-novita-old\n");
    it.write("home/.netrc", "machine 127.0.0.1 login user password canary-old\n");
    it.write("wandb", KEY);
    it.write("novita", "canary-novita-next-0123456789");
    it.stage.desk.good("chmod 600 wandb novita").await;
    let told = it.stage.desk.good("mops auth rotate wandb --here --yes --key-file wandb").await;
    assert!(told.contains("wandb.ai/authorize") && told.contains(".netrc: `wandb login --relogin`"), "{told}");
    let (code, told) = it.stage.desk.said("mops auth rotate novita-key --here --yes --key-file bad").await;
    assert!(code == 1 && told.contains("NOVITA_KEY_INVALID"), "{code} {told}");
    let told = it.stage.desk.good("mops auth rotate novita-key --here --yes --key-file novita --json").await;
    assert!(told.contains(r#""type":"key_rotated""#) && told.contains(r#""kind":"novita-key""#), "{told}");
    assert_eq!(it.here(), format!("WANDB_API_KEY={KEY}\nNOVITA_API_KEY=canary-novita-next-0123456789\n"));
}

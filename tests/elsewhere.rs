//! `mops diagnose-auth` of a stack that has brought credentials to other places than its cluster: each is asked, and what is
//! wrong there is a cause of the one report.

use std::time::{Duration, Instant};

use mops_tests::job::example;
use mops_tests::skip::skipped;
use mops_tests::sshd::{Node, installed};
use mops_tests::token_services::Services;
use serde_json::Value as Json;

use crate::desk::Desk;
use crate::novita::Office;

const FILE: &str = "novita.yaml";

async fn office() -> Office {
    let office = Office::new();
    office.desk.place.write(FILE, &example("novita/novita.yaml"));
    office.desk.good(&format!("mops infra up {FILE} --yes")).await;
    office
}

/// The exit code of a diagnosis, its causes, and every check with its outcome.
async fn diagnosed(office: &Office, before: &str) -> (i32, Vec<String>, Vec<(String, String)>) {
    let (code, said) = office.desk.said(&format!("{before} mops diagnose-auth --file {FILE} --json")).await;
    let report: Json = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("a report");
    let texts = |list: &str, keys: &[&str]| -> Vec<Vec<String>> {
        let all = report[list].as_array().unwrap_or_else(|| panic!("no {list}: {said}"));
        let of = |one: &Json| keys.iter().map(|key| one[*key].as_str().unwrap_or_default().to_owned()).collect();
        all.iter().map(of).collect()
    };
    let causes = texts("findings", &["cause_id"]).concat();
    let checks = texts("probes", &["check", "status"]).into_iter().map(|mut one| (one.remove(0), one.remove(0)));
    (code, causes, checks.collect())
}

#[tokio::test]
async fn a_login_that_novita_lost_and_a_key_that_it_refuses_are_causes() {
    let office = office().await;
    let (code, causes, checks) = diagnosed(&office, "").await;
    assert_eq!((code, causes.as_slice()), (0, &[][..]), "{checks:?}");
    for check in ["novita.key", "novita.auths", "novita.auth", "novita.instance"] {
        assert!(checks.contains(&(check.to_owned(), "pass".to_owned())), "{check}: {checks:?}");
    }

    let id = office.novita().kept()[0].id.clone();
    office.desk.good(&format!("mops novita auth delete {id}")).await;
    let (code, causes, _) = diagnosed(&office, "").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_AUTH_NOT_FOUND".to_owned()]));

    let (code, causes, _) = diagnosed(&office, "NOVITA_API_KEY=canary-refused-0123456789").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_KEY_INVALID".to_owned()]));
    let sent = office.novita().calls().len();
    let (code, causes, _) = diagnosed(&office, "env -u NOVITA_API_KEY").await;
    assert_eq!((code, causes), (1, vec!["NOVITA_KEY_MISSING".to_owned()]));
    assert_eq!(office.novita().calls().len(), sent, "nothing is sent without a key");
}

/// A host that takes connections and says nothing on them holds a run no longer than its time.
#[tokio::test]
async fn b_22_a_host_of_tokens_that_hangs_ends_with_the_run() {
    const TEST: &str = "b_22_a_host_of_tokens_that_hangs_ends_with_the_run";
    if !installed() {
        return skipped("sshd", TEST);
    }
    let mut desk = Desk::new();
    let node = Node::start(&desk.place, "").await;
    desk.place.set("HF_TOKEN", "hf_canary-me-read-0123456789");
    desk.place.set("WANDB_API_KEY", "canary0123456789abcdef0123456789abcdef01");
    let host = format!("host: koa, user: {}, ssh_config: {}", node.user, node.file("ssh_config").display());
    let text = example("slurm-tokens/slurm-tokens.yaml").replace("host: koa.its.hawaii.edu, user: your-name", &host);
    desk.place.write("tokens.yaml", &text);
    desk.good("mops infra up tokens.yaml --yes").await;
    let services = Services::start();
    desk.place.set("HF_ENDPOINT", services.base.clone());
    desk.place.set("WANDB_BASE_URL", services.base.clone());
    let (_, said) = desk.said("mops diagnose-auth --file tokens.yaml --json").await;
    assert!(said.contains("slurm.file") && said.contains("hf.whoami"), "{said}");
    node.runs("exec sleep 300");
    let began = Instant::now();
    let (code, said) = desk.said("mops diagnose-auth --file tokens.yaml --timeout 3s --json").await;
    assert_eq!((code, said.contains("no answer within 3 s")), (3, true), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

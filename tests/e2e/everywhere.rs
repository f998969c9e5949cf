//! One stack file for every place (`examples/everywhere`): a cluster with its registry and storage, a login at Novita and the
//! tokens of a SLURM host go up, one diagnosis asks all three and names what is wrong at each, the next run mends it, and
//! nothing is left. Cluster, registry, storage and login node are real; Novita and the services of tokens are fakes.

use std::collections::BTreeSet;
use std::path::Path;

use mops_host::Env;
use mops_tests::job::{FILE, Job, example};
use mops_tests::novita;
use mops_tests::private::WORLD;
use mops_tests::private::login;
use mops_tests::skip::skipped;
use mops_tests::token_services::{KEY, Services};
use serde_json::{Value, json};

use crate::pods::{left, push_workload, take_away_the_plugin};

/// Where the example puts the tokens, as the login node itself has it.
const ENV_FILE: &str = "koa-ml/.env";

/// The example in a world that has all of its places.
fn job(services: &Services) -> Option<Job> {
    let world = Env::process().get(WORLD).map(|world| login::folder(Path::new(world)))?;
    let config = world.join("ssh_config").display().to_string();
    let named = "host: koa.its.hawaii.edu, user: me";
    let text = example("everywhere/everywhere.yaml");
    assert!(text.contains(named), "the example has changed");
    let text = text.replace(named, &format!("{named}, ssh_config: {config}"));
    let mut job = Job::in_private_world(&text).filter(|_| Env::process().has("KUBECONFIG") && login::installed())?;
    for (name, value) in [
        ("NOVITA_API_KEY", novita::KEY),
        ("HF_TOKEN", "hf_canary-me-read"),
        ("WANDB_API_KEY", KEY),
        ("HF_ENDPOINT", &services.base),
        ("WANDB_BASE_URL", &services.base),
    ] {
        job.place.set(name, value);
    }
    Some(job)
}

/// The causes of errors, and the checks that passed.
async fn diagnosed(job: &Job, code: i32) -> (BTreeSet<String>, BTreeSet<String>) {
    let (said, beside) = job.said(&["mops", "diagnose-auth", "--file", FILE, "--json"], code).await;
    assert!(!format!("{said}{beside}").contains("canary"), "a token was said");
    let report: Value = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("a report");
    let of = |list: &str, key: &str, wanted: (&str, &str)| -> BTreeSet<String> {
        let all = report[list].as_array().into_iter().flatten().filter(|one| one[wanted.0] == wanted.1);
        all.filter_map(|one| Some(one[key].as_str()?.to_owned())).collect()
    };
    (of("findings", "cause_id", ("severity", "error")), of("probes", "check", ("status", "pass")))
}

async fn on_the_node(job: &Job, command: &str) {
    let world = Env::process().get(WORLD).expect("a world").to_owned();
    let config = login::folder(Path::new(&world)).join("ssh_config").display().to_string();
    job.good(&["ssh", "-F", &config, login::HOST, command]).await;
}

#[tokio::test]
async fn one_file_goes_up_everywhere_and_one_diagnosis_asks_all_three_places() {
    const TEST: &str = "a stack in every place";
    let services = Services::start();
    let Some(job) = job(&services) else { return skipped("cluster", TEST) };
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    job.nothing_to_do().await;

    let (causes, good) = diagnosed(&job, 0).await;
    assert_eq!(causes, BTreeSet::new());
    for check in
        ["registry.pull", "storage.read", "novita.auth", "slurm.file", "slurm.token", "hf.whoami", "wandb.viewer"]
    {
        assert!(good.contains(check), "{check}: {good:?}");
    }

    let (list, _) = job.said(&["mops", "novita", "auth", "list", "--json"], 0).await;
    let kept = ids(&list);
    assert_eq!(kept.len(), 1, "{list}");
    job.good(&["mops", "novita", "auth", "delete", &kept[0]]).await;
    on_the_node(&job, &format!("chmod 644 {ENV_FILE}")).await;
    job.tell("POST", "/break/registry-password", &json!(null));
    let (causes, _) = diagnosed(&job, 1).await;
    for cause in ["NOVITA_AUTH_NOT_FOUND", "SLURM_ENV_MODE", "ACR_PASSWORD_ROTATED"] {
        assert!(causes.contains(cause), "{cause}: {causes:?}");
    }

    job.good(&["mops", "infra", "up", FILE, "--refresh", "--yes"]).await;
    let (causes, _) = diagnosed(&job, 0).await;
    assert_eq!(causes, BTreeSet::new());

    job.good(&["mops", "infra", "down", "-c", "workspace", "--with-deps", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
    on_the_node(&job, &format!("test ! -e {ENV_FILE}")).await;
    let (list, _) = job.said(&["mops", "novita", "auth", "list", "--json"], 0).await;
    assert_eq!(ids(&list), Vec::<String>::new());
}

/// The ids of what a verb listed.
fn ids(lines: &str) -> Vec<String> {
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect()
}

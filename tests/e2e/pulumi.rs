//! Promise: Pulumi's own program takes what `mops infra export` prints, opens its secrets with the same passphrase, and
//! what it exports in turn is taken back by a `mops` that has never seen the stack, with nothing to do.

use mops_tests::job::{FILE, Job, example};
use mops_tests::pulumi::{PASSPHRASE, Pulumi, resources};
use mops_tests::skip::skipped;
use serde_json::Value;

fn urns(export: &[u8]) -> Vec<String> {
    let export: Value = serde_json::from_slice(export).expect("an export");
    resources(&export).iter().filter_map(|resource| resource["urn"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn pulumi_takes_an_export_and_gives_it_back() {
    let test = "Pulumi's own import and export";
    let Some(mut job) = Job::in_private_world(&example("minimal/minimal.yaml")) else { return skipped("world", test) };
    job.place.set(PASSPHRASE.0, PASSPHRASE.1);
    let Some(pulumi) = Pulumi::of(&job, test) else { return };
    job.up().await;
    let export = job.good(&["mops", "infra", "export"]).await.stdout;
    job.place.write("export.json", &String::from_utf8_lossy(&export));

    job.place.write("Pulumi.yaml", "name: modelops\nruntime: yaml\n");
    pulumi.good("stack init organization/modelops/dev").await;
    pulumi.good("stack import --file export.json").await;
    let shown = pulumi.good("stack output storage --show-secrets --json").await.stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("SharedAccessSignature="), "the secret was not opened");
    let back = pulumi.good("stack export").await.stdout;
    assert!(urns(&export).len() > 5 && urns(&back) == urns(&export), "{:?}", urns(&back));

    job.place.write("back.json", &String::from_utf8_lossy(&back));
    let elsewhere = job.place.path().join("elsewhere").display().to_string();
    job.place.set("MODELOPS_HOME", elsewhere);
    job.good(&["mops", "infra", "import", "--file", FILE, "--state", "back.json"]).await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

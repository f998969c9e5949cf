//! Promise: a stack goes from `mops` to Pulumi's engine and back with its secrets; on the other side nothing is to be done,
//! an `up` writes nothing, and everything can be taken away there. Two engines that both go on with one stack refuse each
//! other at the first resource that both have written. One stack file gives the same deployment under both.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_tests::pulumi::{Pulumi, only_same, resources, text};
use std::collections::BTreeMap;

use mops_tests::job::{FILE, Job, example};
use serde_json::Value;

/// A registry, storage with a signature, a cluster, and the objects of a workspace with Secrets in it.
fn whole() -> String {
    example("unified-infra/unified-infra.yaml")
}

fn least() -> String {
    example("minimal/minimal.yaml")
}

/// `mops infra export | pulumi stack import`.
async fn to_pulumi(job: &Job, pulumi: &Pulumi) {
    job.good(&["mops", "infra", "export", FILE, "-o", "export.json"]).await;
    pulumi.good("stack import --file export.json").await;
}

/// `pulumi stack export | mops infra import --state -`, into a home that has never seen the stack.
async fn to_mops(job: &mut Job, pulumi: &Pulumi, home: &str) {
    job.place.write("theirs.json", &pulumi.state().await.to_string());
    job.place.set("MODELOPS_HOME", job.place.path().join(home).display().to_string());
    job.good(&["mops", "infra", "import", "--file", FILE, "--state", "theirs.json"]).await;
}

/// What was made, changed and deleted so far.
fn book(job: &Job) -> Value {
    job.ask("/ledger")["entries"].clone()
}

#[tokio::test]
async fn a_stack_goes_to_pulumi_with_its_secrets() {
    let Some((job, pulumi)) = Pulumi::project(&whole(), "a stack that goes to Pulumi").await else { return };
    job.with_images().await;
    job.up().await;
    let before = book(&job);
    to_pulumi(&job, &pulumi).await;
    let planned = pulumi.planned().await;
    assert!(only_same(&planned) && planned["same"].as_u64() > Some(20), "{planned}");
    let shown = pulumi.good("stack output storage --show-secrets --json").await.stdout;
    assert!(String::from_utf8_lossy(&shown).contains("SharedAccessSignature="), "the secret was not opened");
    pulumi.good("up --yes --skip-preview").await;
    assert_eq!(book(&job), before, "an `up` with nothing to do wrote something");

    pulumi.good("refresh --yes --skip-preview").await;
    let again = pulumi.planned().await;
    assert_eq!(again, planned, "after a refresh");
    pulumi.good("destroy --yes --skip-preview --exclude-protected").await;
    let left = job.existing();
    assert!(left.len() == 1 && left[0].ends_with("/resourcegroups/modelops-dev-rg"), "{left:?}");
    println!("pulumi move direction=there resources={} preview=same", planned["same"]);
}

#[tokio::test]
async fn a_stack_comes_back_from_pulumi_with_its_secrets() {
    let Some((mut job, pulumi)) = Pulumi::project(&whole(), "a stack that comes from Pulumi").await else { return };
    job.with_images().await;
    to_pulumi(&job, &pulumi).await;
    pulumi.good("up --yes --skip-preview").await;
    let before = book(&job);
    to_mops(&mut job, &pulumi, "elsewhere").await;
    job.nothing_to_do().await;
    job.good(&["mops", "infra", "preview", FILE, "--refresh", "--exit-code"]).await;
    job.up().await;
    assert_eq!(book(&job), before, "an `up` with nothing to do wrote something");
    let count = resources(&pulumi.state().await).len();

    // And there again: marks of three states are on what exists.
    to_pulumi(&job, &pulumi).await;
    assert!(only_same(&pulumi.planned().await));
    pulumi.good("refresh --yes --skip-preview").await;
    to_mops(&mut job, &pulumi, "third").await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
    println!("pulumi move direction=back resources={count} preview=same");
}

#[tokio::test]
async fn a_stack_that_says_who_signs_in_keeps_its_provider() {
    let file = least().replace("azure: {", "azure: {auth: service_principal, ");
    let Some((mut job, pulumi)) = Pulumi::project(&file, "a stack with a provider of its own").await else { return };
    job.up().await;
    let before = book(&job);
    to_pulumi(&job, &pulumi).await;
    let planned = pulumi.planned().await;
    assert!(only_same(&planned), "{planned}");
    pulumi.good("up --yes --skip-preview").await;
    to_mops(&mut job, &pulumi, "elsewhere").await;
    job.nothing_to_do().await;
    assert_eq!(book(&job), before);
}

#[tokio::test]
async fn two_engines_that_go_on_with_one_stack_refuse_each_other() {
    let Some((mut job, pulumi)) = Pulumi::project(&least(), "two engines on one stack").await else { return };
    let sized =
        |sku: &str| least().replace("{name: modelopsminimal}", &format!("{{name: modelopsminimal, sku: {sku}}}"));
    job.up().await;
    to_pulumi(&job, &pulumi).await;
    job.place.write(FILE, &sized("Standard"));
    pulumi.up(&job).await;

    job.place.write(FILE, &sized("Premium"));
    let (_, told) = job.said(&["mops", "infra", "up", FILE, "--yes"], 3).await;
    assert!(told.contains("`registry` is managed by the stack of this name under Pulumi's engine"), "{told}");
    let (_, told) = job.said(&["mops", "infra", "down", "--destroy-all", "--delete-rg", "--yes"], 3).await;
    assert!(told.contains("under Pulumi's engine"), "{told}");

    to_mops(&mut job, &pulumi, "elsewhere").await;
    job.up().await;
    job.place.write(FILE, &sized("Basic"));
    let refused = pulumi.run("up --yes --skip-preview").await;
    assert!(
        !refused.success() && text(&refused).contains("`registry` is managed from another state"),
        "{}",
        text(&refused)
    );
    let refused = pulumi.run("refresh --yes --skip-preview").await;
    assert!(!refused.success() && text(&refused).contains("managed from another state"), "{}", text(&refused));
    let kept = text(&pulumi.good("destroy --yes --skip-preview --exclude-protected").await);
    assert!(kept.contains("is kept: another state of this stack manages it"), "{kept}");
    assert!(
        job.existing().iter().any(|id| id.ends_with("/registries/modelopsminimal")),
        "the other's registry is gone"
    );
}

/// Inputs and outputs by URN; what a service chose or signed is told by its kind only.
fn compared(export: &Value) -> BTreeMap<String, Value> {
    let of = |r: &Value| {
        Some((r["urn"].as_str()?.to_owned(), serde_json::json!([shape(&r["inputs"]), shape(&r["outputs"])])))
    };
    resources(export).iter().filter(|r| r["type"] != "pulumi:providers:modelops").filter_map(of).collect()
}

/// A value with secrets, and what a service chose, told by their kind.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("ciphertext") => "secret".into(),
        Value::Object(map) => {
            let of = |(name, value): (&String, &Value)| {
                (name.clone(), if name == "fqdn" { "chosen".into() } else { shape(value) })
            };
            map.iter().filter(|(name, _)| !name.starts_with("__")).map(of).collect()
        }
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::String(text) if text.starts_with("20") && text.ends_with('Z') => "moment".into(),
        Value::String(text) if text.starts_with("v1:") => "fingerprint".into(),
        Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 => "uuid".into(),
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => "sum".into(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn one_stack_file_gives_one_deployment_under_both_engines() {
    let test = "one stack file under both engines";
    let Some((one, theirs)) = Pulumi::project(&whole(), test).await else { return };
    let Some((other, _)) = Pulumi::project(&whole(), test).await else { return };
    for job in [&one, &other] {
        job.with_images().await;
    }
    other.up().await;
    to_pulumi(&one, &theirs).await;
    theirs.good("up --yes --skip-preview").await;
    let ours = other.good(&["mops", "infra", "export", FILE]).await.stdout;
    let ours = compared(&serde_json::from_slice(&ours).expect("an export"));
    let theirs = compared(&theirs.state().await);
    let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    let differ = ours.iter().filter(|(urn, one)| **one != theirs[*urn]);
    let differ: Vec<String> = differ.map(|(urn, one)| format!("{urn}\n  {one}\n  {}", theirs[urn])).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    println!("pulumi engines embedded={} real={} equal={}", ours.len(), theirs.len(), ours.len());
}

//! Promise: under Pulumi's own engine a stack file changes in place, is replaced in both orders, is repaired after what
//! was done behind its back, and takes over what exists by its id alone. After each step the cloud's ledger and Pulumi's
//! state agree, and a preview finds nothing.

use mops_tests::control;
use mops_tests::job::{FILE, Job, example};
use mops_tests::pulumi::{Pulumi, only_same, resources, text};
use serde_json::{Value, json};

fn least() -> String {
    example("minimal/minimal.yaml")
}

/// The stack file with other words in the place of some.
fn with(from: &str, to: &str) -> String {
    let changed = least().replace(from, to);
    assert_ne!(changed, least(), "`{from}` is not in the file");
    changed
}

/// How often something was made, changed and deleted.
fn account(job: &Job, end: &str) -> [u64; 3] {
    let book = job.ask("/ledger");
    let entries = book["entries"].as_object().expect("entries");
    let (_, entry) = entries.iter().find(|(id, _)| id.ends_with(end)).unwrap_or_else(|| panic!("{end}: {entries:?}"));
    ["made", "changed", "deleted"].map(|what| entry[what].as_u64().expect("a count"))
}

const REGISTRY: &str = "/registries/modelopsminimal";

#[tokio::test]
async fn a_change_is_made_in_place_and_what_was_done_behind_its_back_is_undone() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "a change under Pulumi's engine").await else { return };
    pulumi.up(&job).await;
    job.place.write(FILE, &with("{name: modelopsminimal}", "{name: modelopsminimal, sku: Standard}"));
    let planned = pulumi.planned().await;
    assert_eq!(planned["update"], 1, "{planned}");
    pulumi.up(&job).await;
    assert_eq!(account(&job, REGISTRY), [1, 1, 0]);

    job.tell(
        "POST",
        "/behind/edit",
        &json!({"end": REGISTRY, "pointer": "/sku/name", "value": "Premium", "by": "mallory"}),
    );
    assert!(only_same(&pulumi.planned().await), "Pulumi looks only when it is asked to");
    let container = "/containers/results";
    control::ask(&job.control(), "POST", "/behind/delete", container).expect("the sandbox");
    let seen = text(&pulumi.good("refresh --yes --skip-preview").await);
    assert!(seen.contains("~ 1 updated") && seen.contains("- 1 deleted"), "{seen}");
    pulumi.agrees(&job).await;
    let planned = pulumi.planned().await;
    assert_eq!((&planned["update"], &planned["create"]), (&json!(1), &json!(1)), "{planned}");
    pulumi.up(&job).await;
    assert_eq!((account(&job, REGISTRY), account(&job, container)), ([1, 2, 0], [2, 0, 1]));
}

/// The place of each resource in the order in which a run ended with it.
fn order(told: &str, name: &str, what: &str) -> usize {
    told.lines()
        .position(|line| line.contains(&format!(" {name} ")) && line.contains(what))
        .unwrap_or_else(|| panic!("{name} {what}: {told}"))
}

#[tokio::test]
async fn a_replacement_goes_both_ways() {
    let signed = |kind: &str| {
        with(
            "location: eastus2}",
            &format!(
                "location: eastus2, containers: [results], sas: [{{container: results, permissions: rl, kind: {kind}, lifetime: 3d, renew_before: 1d}}]}}"
            ),
        )
    };
    let Some((job, pulumi)) = Pulumi::project(&signed("service"), "replacements under Pulumi's engine").await else {
        return;
    };
    pulumi.up(&job).await;
    // A signature is made anew before the old one goes.
    job.place.write(FILE, &signed("user_delegation"));
    let planned = pulumi.planned().await;
    assert_eq!(planned["replace"], 1, "{planned}");
    let told = text(&pulumi.good("up --yes --skip-preview").await);
    assert!(
        order(&told, "sas-results", "created replacement") < order(&told, "sas-results", "deleted original"),
        "{told}"
    );
    pulumi.settled(&job).await;

    // Another kind of account: its name is free only when the old one is gone, and what is inside goes first.
    job.place
        .write(FILE, &signed("user_delegation").replace("location: eastus2,", "location: eastus2, sku: Premium_LRS,"));
    let told = text(&pulumi.good("up --yes --skip-preview").await);
    let gone = order(&told, "storage", "deleted original");
    assert!(
        order(&told, "container-results", "deleted original") < gone
            && gone < order(&told, "storage", "created replacement"),
        "{told}"
    );
    pulumi.settled(&job).await;
    assert_eq!(account(&job, "/containers/results"), [2, 0, 1]);
}

/// The entry of a resource in Pulumi's state.
fn named<'a>(state: &'a Value, name: &str) -> &'a Value {
    let of_name = |r: &&Value| r["urn"].as_str().is_some_and(|urn| urn.ends_with(&format!("::{name}")));
    resources(state).iter().find(of_name).unwrap_or_else(|| panic!("{name}: {state}"))
}

#[tokio::test]
async fn what_exists_is_imported_by_its_id_alone() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "an import under Pulumi's engine").await else { return };
    pulumi.up(&job).await;
    let state = pulumi.state().await;
    let names = ["container-results", "registry"];
    for name in names {
        pulumi.good(&format!("state delete {} --yes", named(&state, name)["urn"].as_str().expect("a URN"))).await;
    }
    // One of them is a stranger's now.
    job.tell("POST", "/behind/edit", &json!({"end": REGISTRY, "pointer": "/tags", "value": {}, "by": "mallory"}));
    for name in names {
        let entry = named(&state, name);
        let word = |key: &str| entry[key].as_str().expect("a text").to_owned();
        let (kind, id) = (word("type"), word("id"));
        pulumi
            .good(&format!("import {kind} {name} {id} --yes --protect=false --generate-code=false --skip-preview"))
            .await;
    }
    pulumi.settled(&job).await;
    assert_eq!((account(&job, REGISTRY)[0], account(&job, "/containers/results")[0]), (1, 1));
    let told = text(&pulumi.good("destroy --yes --skip-preview --exclude-protected").await);
    assert!(told.contains("is kept: it was there before this stack"), "{told}");
    let left = job.existing();
    assert!(left.len() == 2 && left.iter().any(|id| id.ends_with(REGISTRY)), "{left:?}");
}

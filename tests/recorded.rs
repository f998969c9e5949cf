//! Promise: the ARM fake answers recorded requests as Azure did: status, polling headers, members of
//! the body, error codes. A difference is mended or listed here with its reason.
//!
//! Needs the folder that `MOPS_AZURE_DATA` names; without it the test says so and passes.

use std::collections::BTreeSet;

use mops_tests::recordings::{Interaction, Recordings, Scenario};
use serde_json::{Value, json};

use crate::client::{API_GROUP, API_STORAGE, Answer, Bench};

/// Part of the path, what differs, why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("/registries/", "status 202 instead of 200", "both are seen for Premium; here clients meet the harder one"),
    (
        "/registries/",
        "status 400 instead of 200: {\"error\":{\"code\":\"ContractViolation\"",
        "`softDeletePolicy` is a property of previews, which the official documents do not have",
    ),
    ("/managedClusters/", "status 400 instead of 200", "1.28 was a version in 2024"),
    ("/managedClusters/", "missing `linuxProfile`", "mops sends no SSH key"),
    ("/managedClusters/", "missing `windowsProfile`", "mops has no Windows pools"),
    ("/managedClusters/", "missing `servicePrincipalProfile`", "clusters here have a managed identity"),
    ("/managedClusters/", "extra `eTag`", "the recording's API version is older"),
    ("/managedClusters", "missing `nextLink`", "one page is enough"),
    ("/storageAccounts/", "missing `secondaryEndpoints`", "no secondary region"),
    ("/resourcegroups/", "missing `tags`", "the group that the test prepared has none"),
];

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

/// What differs between a recorded answer and ours.
fn compare(recorded: &Interaction, ours: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.status != ours.status {
        return vec![format!("status {} instead of {}: {}", ours.status, recorded.status, ours.text)];
    }
    for name in ["azure-asyncoperation", "location"] {
        if recorded.headers[name].is_string() == ours.header(name).is_empty() {
            found.push(format!("header {name}: {:?}", ours.header(name)));
        }
    }
    let code = recorded.answer["error"]["code"].as_str().unwrap_or_default();
    if code != ours.body["error"]["code"].as_str().unwrap_or_default() {
        found.push(format!("code {} instead of {code}", ours.code()));
    }
    for (theirs, mine) in [(&recorded.answer, &ours.body), (&recorded.answer["properties"], &ours.body["properties"])] {
        let (theirs, mine) = (members(theirs), members(mine));
        found.extend(theirs.difference(&mine).map(|m| format!("missing `{m}`")));
        found.extend(
            mine.difference(&theirs).filter(|m| *m == "eTag" || *m == "nextLink").map(|m| format!("extra `{m}`")),
        );
    }
    found
}

fn excused(path: &str, difference: &str) -> bool {
    let path = path.to_lowercase();
    DIFFERENCES.iter().any(|(part, begins, _)| path.contains(&part.to_lowercase()) && difference.starts_with(begins))
}

/// The first segments of a path.
fn upper(path: &str, segments: usize) -> String {
    path.split('/').take(segments + 1).collect::<Vec<_>>().join("/")
}

/// What a recording takes for granted, for it does not make it: groups, and accounts whose keys it asks for.
async fn prepare(bench: &Bench, played: &[&Interaction]) {
    let lower = |path: &str| path.to_lowercase();
    let named = |part: &str, segments: usize| -> BTreeSet<String> {
        let inside = played.iter().filter(|p| lower(&p.path).contains(part)).map(|p| upper(&p.path, segments));
        inside.filter(|path| path.split('/').count() == segments + 1).collect()
    };
    let made: BTreeSet<String> = played.iter().filter(|p| p.method == "PUT").map(|p| lower(&p.path)).collect();
    for group in named("/resourcegroups/", 4) {
        bench.arm("PUT", &group, API_GROUP, Some(json!({"location": "westus"}))).await;
    }
    for account in named("/microsoft.storage/storageaccounts/", 8).iter().filter(|path| !made.contains(&lower(path))) {
        let body = json!({"location": "westus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"});
        bench.arm("PUT", account, API_STORAGE, Some(body)).await;
    }
    bench.pass(900);
}

/// What differs, how many answers were compared, and what the sandbox has no route for.
async fn play(bench: &mut Bench, name: &str, played: &[&Interaction]) -> (Vec<String>, usize, BTreeSet<String>) {
    let (mut found, mut compared, mut not_built) = (Vec::new(), 0, BTreeSet::new());
    for (index, recorded) in played.iter().enumerate() {
        let origin = bench.sandbox.world().arm_origin();
        bench.token = bench.sign_in(&format!("{origin}/.default")).await;
        let body = recorded.body.is_object().then(|| recorded.body.clone());
        let url = format!("{origin}{}?{}", recorded.path, recorded.query);
        let ours = bench.call(&recorded.method, &url, body).await;
        if ours.status == 501 {
            not_built.insert(format!("{} {}", recorded.method, recorded.path.rsplit('/').next().unwrap_or_default()));
            continue;
        }
        compared += 1;
        let differences = compare(recorded, &ours).into_iter().filter(|d| !excused(&recorded.path, d));
        found.extend(differences.map(|d| format!("{name} #{index} {} {}: {d}", recorded.method, recorded.path)));
        // The recordings wait for each operation to end, but for the one that looks at a group on its way out.
        let next = played.get(index + 1);
        if next.is_none_or(|next| next.answer["properties"]["provisioningState"] != "Deleting") {
            bench.pass(900);
        }
    }
    (found, compared, not_built)
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was compared belongs into the log")]
async fn recorded_requests_are_answered_as_azure_answered_them() {
    let Some(recordings) = Recordings::here("recorded requests") else { return };
    let mut found = Vec::new();
    for Scenario { name, interactions } in recordings.scenarios() {
        let played: Vec<&Interaction> = interactions.iter().filter(|p| !p.is_poll()).collect();
        let mut bench = Bench::in_subscription(crate::stand::SUBSCRIPTION).await;
        prepare(&bench, &played).await;
        let (differences, compared, not_built) = play(&mut bench, &name, &played).await;
        println!("{name}: {compared} of {} compared, not built: {not_built:?}", played.len());
        found.extend(differences);
    }
    assert!(found.is_empty(), "{found:#?}");
}

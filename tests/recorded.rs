//! Promise: the ARM fake answers recorded requests as Azure did: status, polling headers, members of
//! the body, error codes. A difference is mended or listed here with its reason.
//!
//! Needs the folder that `MOPS_AZURE_DATA` names; without it the test says so and passes.

use std::collections::BTreeSet;

use mops_host::fsx;
use serde_json::{Value, json};

use crate::client::{API_GROUP, API_STORAGE, Answer, Bench};

const SCENARIOS: &[&str] = &[
    "acr-create-show-credentials-renew-delete",
    "acr-check-name",
    "aks-create-getcredentials-scale-delete",
    "aks-nodepool-create-scale-delete",
    "aks-nodepool-gpu-instance-profile",
    "storage-create-update",
    "storage-keys-renew",
    "rg-create-delete-nowait",
];

/// Scenario, part of the path, what differs, why.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "acr-create",
        "/registries/",
        "status 202 instead of 200",
        "both are seen for Premium; here clients meet the harder one",
    ),
    (
        "acr-create",
        "/registries/",
        "status 400 instead of 200: {\"error\":{\"code\":\"ContractViolation\"",
        "`softDeletePolicy` is a property of previews, which the official documents do not have",
    ),
    ("aks-create", "/managedClusters/", "status 400 instead of 200", "1.28 was a version in 2024"),
    ("aks-", "/managedClusters/", "missing `linuxProfile`", "mops sends no SSH key"),
    ("aks-", "/managedClusters/", "missing `windowsProfile`", "mops has no Windows pools"),
    ("aks-", "/managedClusters/", "missing `servicePrincipalProfile`", "clusters here have a managed identity"),
    ("aks-", "/managedClusters/", "extra `eTag`", "the recording's API version is older"),
    ("aks-", "/managedClusters", "missing `nextLink`", "one page is enough"),
    ("storage-create", "/storageAccounts/", "missing `secondaryEndpoints`", "no secondary region"),
    ("", "/resourcegroups/", "missing `tags`", "the group that the test prepared has none"),
];

fn data() -> Option<std::path::PathBuf> {
    let env = mops_host::env::Env::process();
    env.get("MOPS_AZURE_DATA").map(|folder| std::path::Path::new(folder).join("recordings"))
}

/// One recorded request with its answer.
struct Played {
    method: String,
    path: String,
    api: String,
    request: Value,
    status: u16,
    headers: Value,
    body: Value,
}

impl Played {
    fn of(value: &Value) -> Self {
        let (request, response) = (&value["request"], &value["response"]);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let query = text(&request["query"]);
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let api = pairs.find(|(n, _)| n == "api-version").map(|(_, v)| v.into_owned()).unwrap_or_default();
        Self {
            method: text(&request["method"]),
            path: text(&request["path"]),
            api,
            request: request["body"].clone(),
            status: response["status"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap_or_default(),
            headers: response["headers"].clone(),
            body: response["body"].clone(),
        }
    }

    fn is_poll(&self) -> bool {
        let path = self.path.to_lowercase();
        ["/operations/", "/operationresults/", "/operationstatuses/", "/asyncoperations/"]
            .iter()
            .any(|p| path.contains(p))
    }
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

/// What differs between a recorded answer and ours.
fn compare(recorded: &Played, ours: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.status != ours.status {
        return vec![format!("status {} instead of {}: {}", ours.status, recorded.status, ours.text)];
    }
    for name in ["azure-asyncoperation", "location"] {
        if recorded.headers[name].is_string() == ours.header(name).is_empty() {
            found.push(format!("header {name}: {:?}", ours.header(name)));
        }
    }
    let code = recorded.body["error"]["code"].as_str().unwrap_or_default();
    if code != ours.body["error"]["code"].as_str().unwrap_or_default() {
        found.push(format!("code {} instead of {code}", ours.code()));
    }
    for (theirs, mine) in [(&recorded.body, &ours.body), (&recorded.body["properties"], &ours.body["properties"])] {
        let (theirs, mine) = (members(theirs), members(mine));
        found.extend(theirs.difference(&mine).map(|m| format!("missing `{m}`")));
        found.extend(
            mine.difference(&theirs).filter(|m| *m == "eTag" || *m == "nextLink").map(|m| format!("extra `{m}`")),
        );
    }
    found
}

fn excused(scenario: &str, path: &str, difference: &str) -> bool {
    let fits = |row: &&(&str, &str, &str, &str)| {
        scenario.starts_with(row.0)
            && path.to_lowercase().contains(&row.1.to_lowercase())
            && difference.starts_with(row.2)
    };
    DIFFERENCES.iter().any(|row| fits(&row))
}

/// What a recording takes for granted: its groups, and the account whose keys it renews.
async fn prepare(bench: &Bench, scenario: &str, played: &[Played]) {
    let group = |p: &Played| p.path.split('/').nth(4).map(str::to_owned);
    let groups: BTreeSet<String> =
        played.iter().filter(|p| p.path.to_lowercase().contains("/resourcegroups/")).filter_map(group).collect();
    for name in groups {
        let path = format!("/subscriptions/{}/resourceGroups/{name}", crate::stand::SUBSCRIPTION);
        bench.arm("PUT", &path, API_GROUP, Some(json!({"location": "westus"}))).await;
        if scenario == "storage-keys-renew" {
            let account = format!("{path}/providers/Microsoft.Storage/storageAccounts/clitest000002");
            let body = json!({"location": "westus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"});
            bench.arm("PUT", &account, API_STORAGE, Some(body)).await;
        }
    }
    bench.pass(900);
}

async fn play(bench: &mut Bench, scenario: &str, played: &[Played]) -> (Vec<String>, usize, usize) {
    let (mut found, mut compared, mut not_built) = (Vec::new(), 0, 0);
    for (index, recorded) in played.iter().enumerate() {
        let scope = format!("{}/.default", bench.sandbox.world().arm_origin());
        bench.token = bench.sign_in(&scope).await;
        let body = recorded.request.is_object().then(|| recorded.request.clone());
        let ours = bench.arm(&recorded.method, &recorded.path, &recorded.api, body).await;
        if ours.status == 501 {
            not_built += 1;
            continue;
        }
        compared += 1;
        let differences = compare(recorded, &ours).into_iter().filter(|d| !excused(scenario, &recorded.path, d));
        found.extend(differences.map(|d| format!("{scenario} #{index} {} {}: {d}", recorded.method, recorded.path)));
        // The recordings wait for each operation to end, but for the one that looks at a group on its way out.
        let next_looks = played.get(index + 1).is_some_and(|n| n.body["properties"]["provisioningState"] == "Deleting");
        if !next_looks {
            bench.pass(900);
        }
    }
    (found, compared, not_built)
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was compared belongs into the log")]
async fn recorded_requests_are_answered_as_azure_answered_them() {
    let Some(folder) = data() else {
        mops_tests::skip::skipped("azure-data", "recorded requests");
        return;
    };
    let mut found = Vec::new();
    for scenario in SCENARIOS {
        let text = fsx::read_text(&folder.join(format!("{scenario}.json"))).expect("the recording");
        let recording: Value = serde_json::from_str(&text).expect("json");
        let all = recording["interactions"].as_array().cloned().unwrap_or_default();
        let arm = all.iter().filter(|i| i["request"]["host"] == "management.azure.com").map(Played::of);
        let played: Vec<Played> = arm.filter(|p| !p.is_poll()).collect();
        let mut bench = Bench::in_subscription(crate::stand::SUBSCRIPTION).await;
        prepare(&bench, scenario, &played).await;
        let (differences, compared, not_built) = play(&mut bench, scenario, &played).await;
        println!("{scenario}: {compared} compared, {not_built} not built");
        found.extend(differences);
    }
    assert!(found.is_empty(), "{found:#?}");
}

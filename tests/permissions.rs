//! M-17, Azure's half: `--explain-permissions` prints what `mops diagnose-auth` asks of Azure in the ways in which pods
//! may sign in, and nothing else. Prints `stacks=… actions=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;

use mops_tests::job::{FILE, Job};
use serde_json::Value;

fn stack(auth: &str) -> String {
    format!(
        "schemaVersion: 1
registry: {{name: modelopsdevacr, auth: {auth}}}
cluster:
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  aks:
    name: modelops-dev-aks
    node_pools: [{{name: system, mode: System, vm_size: Standard_B2s, count: 1}}]
workspace:
  metadata: {{name: main, namespace: modelops-dask-dev}}
  spec:
    scheduler: {{image: 'modelopsdevacr.azurecr.io/scheduler:1'}}
    workers: {{image: 'modelopsdevacr.azurecr.io/worker:1', replicas: 1}}
    autoscaling: {{enabled: false}}
"
    )
}

/// The action that a request to the resource manager needs: its types, and what is done.
fn action(request: &str) -> Option<String> {
    let (method, uri) = request.split_once(' ')?;
    let path = uri.split('?').next()?.split_once("/providers/")?.1;
    let mut parts = path.split('/');
    let mut words = vec![parts.next()?];
    let rest: Vec<&str> = parts.collect();
    words.extend(rest.iter().step_by(2));
    let done = if method == "POST" { "action" } else { "read" };
    Some(format!("{}/{done}", words.join("/")).to_ascii_lowercase())
}

/// What a diagnosis of the stack asks the resource manager.
async fn asked(job: &Job) -> BTreeSet<String> {
    job.ask_to("/heard/forget");
    job.good(&["mops", "diagnose-auth", "-f", FILE]).await;
    let heard: Vec<(String, String)> = serde_json::from_value(job.ask("/heard")).expect("pairs");
    let requests =
        heard.iter().filter(|(fake, text)| fake == "arm" && (text.starts_with("GET ") || text.starts_with("POST ")));
    requests.filter_map(|(_, text)| action(text)).collect()
}

#[tokio::test]
async fn azure_is_asked_for_what_the_printed_role_allows() {
    let mut all = BTreeSet::new();
    let ways = ["admin_user", "token", "workload_identity"];
    let mut allowed = BTreeSet::new();
    for way in ways {
        let job = Job::of(&stack(way)).await;
        job.with_images().await;
        job.up().await;
        let (out, _) = job.said(&["mops", "diagnose-auth", "-f", FILE, "--explain-permissions", "--json"], 0).await;
        let line: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("json");
        assert_eq!(line["kubernetes"][0]["metadata"]["namespace"], "modelops-dask-dev");
        let scopes = line["azure"]["AssignableScopes"].as_array().expect("scopes");
        assert!(scopes.iter().any(|s| s.as_str().is_some_and(|id| id.ends_with("/modelops-dev-rg"))), "{scopes:?}");
        let actions = line["azure"]["Actions"].as_array().expect("actions").iter();
        allowed = actions.filter_map(|a| Some(a.as_str()?.to_ascii_lowercase())).collect();
        all.extend(asked(&job).await);
    }
    assert_eq!(all, allowed);
    println!("M-17 stacks={} actions={}", ways.len(), all.len());
}

/// Probes of nodes in a namespace of their own have a Role of their own there, which reads no secret.
#[tokio::test]
async fn each_namespace_of_a_run_has_its_role() {
    let job = Job::new().await;
    let roles = async |space: &str| {
        let words =
            ["mops", "diagnose-auth", "-n", "ml", "--probe-namespace", space, "--explain-permissions", "--json"];
        let (out, _) = job.said(&words, 0).await;
        let line: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("json");
        line["kubernetes"].as_array().expect("roles").clone()
    };
    let apart = roles("probes").await;
    let of = |role: &Value| (role["kind"].clone(), role["metadata"]["namespace"].clone());
    let want = [("Role", Some("ml")), ("Role", Some("probes")), ("ClusterRole", None)];
    let want = want.map(|(kind, space)| (Value::from(kind), Value::from(space)));
    assert_eq!(apart.iter().map(of).collect::<Vec<_>>(), want);
    let (own, probes) = (apart[0]["rules"].to_string(), apart[1]["rules"].to_string());
    assert!(own.contains("secrets") && probes.contains("jobs") && !probes.contains("secrets"), "{probes}");
    assert_eq!(roles("ml").await.len(), 2, "the same namespace has one role");
}

#[tokio::test]
async fn the_roles_are_printed_as_their_tools_take_them() {
    let job = Job::new().await;
    let (out, err) = job.said(&["mops", "diagnose-auth", "-n", "ml", "--explain-permissions"], 0).await;
    let (cluster, azure) = out.split_once("# Azure: ").expect("two parts");
    assert!(cluster.contains("kind: Role\n") && cluster.contains("namespace: ml"), "{cluster}");
    let json: Value = serde_json::from_str(azure.split_once('\n').expect("a body").1).expect("json");
    assert_eq!(json["Name"], "mops-diagnose");
    assert!(err.contains("AssignableScopes"), "{err}");
    assert_eq!(job.ask("/heard").as_array().map(Vec::len), Some(0), "nobody was asked");
}

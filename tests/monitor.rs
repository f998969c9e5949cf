//! Promise: `monitor:` in the stack file becomes one pod of *restricted* form with exactly the rights that
//! `--explain-permissions` prints, whose metrics a scraper finds; what the file does not ask for is not there.

use std::collections::BTreeMap;

use mops_core::Value;
use mops_diagnose::Command;
use mops_diagnose::permissions::{self, Purpose};
use mops_engine::program::{ExpandOptions, Program, expand};
use mops_engine::stackfile;
use mops_tests::job::example;
use serde_json::{Value as Json, json};

const NAMESPACE: &str = "modelops-dask-dev";

fn program(section: &str) -> Program {
    let text = example("unified-infra/unified-infra.yaml") + section;
    let loaded = stackfile::load("stack.yaml", &text);
    let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    assert!(stackfile::unsupported(&file).is_empty());
    expand(&file, &ExpandOptions::default()).expect("a program")
}

/// The objects of the monitor by kind; outputs of others stand as words.
fn objects(program: &Program) -> BTreeMap<String, Json> {
    let resolve = |_: &mops_core::Urn, path: &[String]| Value::from(format!("<{}>", path.join(".")));
    let all = program.resources.iter().filter(|r| r.urn.token() == "modelops:kubernetes:Manifest");
    let all = all.map(|r| r.inputs.resolve(&resolve).exposed_json()["object"].clone());
    let ours = all.filter(|o| o["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("mops-monitor")));
    ours.map(|o| (o["kind"].as_str().unwrap_or_default().to_owned(), o)).collect()
}

#[test]
fn a_file_that_does_not_ask_for_it_has_none() {
    assert!(objects(&program("")).is_empty());
    assert!(objects(&program("monitor: {enabled: false, interval: 1m}\n")).is_empty());
    let alone = "schemaVersion: 1\nmonitor: {enabled: true}\nregistry: {provider: azure, name: someregistry1}\n";
    let said = format!("{:?}", stackfile::load("s.yaml", alone).diagnostics);
    assert!(said.contains("`monitor` needs a workspace to watch"), "{said}");
    let short = "schemaVersion: 1\nmonitor: {enabled: true, interval: 5s}\n";
    assert!(format!("{:?}", stackfile::load("s.yaml", short).diagnostics).contains("under 10 seconds"));
}

#[test]
fn its_rights_are_those_that_are_printed_and_are_bound_to_it_alone() {
    let made = objects(&program("monitor: {enabled: true}\n"));
    let printed = permissions::kubernetes(Purpose::new(Command::DiagnoseAuth, NAMESPACE));
    for (kind, role) in ["Role", "ClusterRole"].into_iter().zip(&printed) {
        assert_eq!(role["kind"], kind);
        assert_eq!(made[kind]["rules"], role["rules"], "{kind}");
        let bound = &made[&format!("{kind}Binding")];
        assert_eq!(bound["roleRef"]["kind"], kind);
        assert_eq!(bound["roleRef"]["name"], made[kind]["metadata"]["name"]);
        let one = json!([{"kind": "ServiceAccount", "name": "mops-monitor", "namespace": NAMESPACE}]);
        assert_eq!(bound["subjects"], one);
    }
    let rules = made["Role"]["rules"].to_string() + &made["ClusterRole"]["rules"].to_string();
    assert!(!rules.contains('*') && !rules.contains("patch") && !rules.contains("ephemeral"), "{rules}");
}

#[test]
fn it_is_one_restricted_pod_that_watches_the_workspace() {
    let made = objects(&program("monitor: {enabled: true, interval: 1m, image: \"reg.example/own-mops:2\"}\n"));
    let spec = &made["Deployment"]["spec"];
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&json!(1), &json!("Recreate")));
    assert_eq!(
        (&pod["serviceAccountName"], &container["image"]),
        (&json!("mops-monitor"), &json!("reg.example/own-mops:2"))
    );
    assert_eq!(
        (&pod["securityContext"]["runAsNonRoot"], &pod["securityContext"]["seccompProfile"]["type"]),
        (&json!(true), &json!("RuntimeDefault"))
    );
    let security =
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(container["securityContext"], security);
    let args: Vec<&str> = container["args"].as_array().expect("words").iter().filter_map(Json::as_str).collect();
    assert_eq!(&args[..4], ["diagnose-auth", "--no-arm", "--watch", "60s"]);
    for pair in [["--namespace", NAMESPACE], ["--metrics-port", "0.0.0.0:9464"], ["--storage", "bundle-blobs"]] {
        assert!(args.windows(2).any(|two| two == pair), "{pair:?} in {args:?}");
    }
    assert!(!args.iter().any(|word| ["--fix", "c"].contains(word)), "{args:?}");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/healthz");
    let (service, port) = (&made["Service"], &container["ports"][0]["containerPort"]);
    assert_eq!(service["spec"]["selector"], spec["template"]["metadata"]["labels"]);
    assert_eq!((&service["spec"]["ports"][0]["port"], port), (&json!(9464), &json!(9464)));
    assert_eq!(service["metadata"]["annotations"]["prometheus.io/scrape"], "true");
    let config = made["ConfigMap"]["data"]["kubeconfig"].as_str().expect("a kubeconfig");
    assert!(config.contains("tokenFile") && !config.contains("\"token\""), "{config}");
}

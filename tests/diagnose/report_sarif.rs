//! Promise: a SARIF log is one by the standard's own schema (M-08), every id of the catalogue is a rule of it, and a
//! fingerprint outlives a new run, new pods and a new version.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use mops_diagnose::observed::{Object, Observed, Vantage, check};
use mops_diagnose::report::{self, Command, Report};
use mops_host::fsx;
use mops_probe::Observation;
use mops_tests::reports;
use serde_json::Value;
use serde_sarif::sarif::Sarif;

/// The log, read by types that are generated from the schema.
fn typed(report: &Report) -> Sarif {
    serde_json::from_value(report::sarif(report)).expect("a log")
}

#[tokio::test]
async fn every_report_is_a_log_by_the_official_schema() {
    const URL: &str = "https://schema.test/sarif";
    let text = fsx::read_text(&crate::workspace::source("serde-sarif").await.join("src/schema.json")).expect("schema");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource(URL, serde_json::from_str(&text).expect("JSON")).expect("a schema");
    let schema = compiler.compile(URL, &mut schemas).expect("the schema compiles");
    for (name, report) in reports::all() {
        let log = report::sarif(&report);
        assert!(schemas.validate(&log, schema).is_ok(), "{name}: {:#}", schemas.validate(&log, schema).unwrap_err());
        // The schema is the one that refuses.
        let mut other = log;
        other["runs"][0]["results"][0]["message"] = Value::Null;
        assert!(schemas.validate(&other, schema).is_err(), "{name}");
    }
}

#[test]
fn every_id_of_the_catalogue_is_a_rule_and_results_point_at_theirs() {
    for (name, report) in reports::all() {
        let log = typed(&report);
        let run = &log.runs[0];
        let rules = run.tool.driver.rules.as_ref().expect("rules");
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules.len(), "an id comes twice");
        assert!(ids.len() > 40 && ids.contains("UNCLASSIFIED"), "{ids:?}");
        let results = run.results.as_ref().expect("results");
        assert_eq!(results.len(), report.findings.len(), "{name}");
        for result in results {
            let at = usize::try_from(result.rule_index.expect("an index")).expect("a place");
            assert_eq!(result.rule_id.as_ref(), Some(&rules[at].id), "{name}");
        }
    }
}

#[test]
fn a_result_says_where_and_how_sure() {
    let log = report::sarif(&reports::rotated());
    let first = &log["runs"][0]["results"][0];
    assert_eq!(first["level"], "error");
    assert_eq!(first["properties"]["confidence"], "certain");
    assert_eq!(first["properties"]["unconfirmed"], false);
    let place = &first["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "examples/unified-infra/unified-infra.yaml");
    assert_eq!(place["logicalLocations"][0]["fullyQualifiedName"], "Secret/modelops-dask-dev/bundle-credentials");
    let mut report = reports::rotated();
    report.stack_file = Some("/home/a b/é#1.yaml".into());
    let uri =
        report::sarif(&report)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .clone();
    assert_eq!(uri, "file:///home/a%20b/%C3%A9%231.yaml");
    report.stack_file = None;
    assert!(report::sarif(&report)["runs"][0]["results"][0]["locations"][0]["physicalLocation"].is_null());
}

/// The line of what the finding is about, where the stack file is known to ask for it; no line is guessed.
#[test]
fn a_result_has_the_line_of_the_stack_file_that_asks_for_its_object() {
    let mut record = reports::rotated_record();
    record.stack_lines.add("Secret", "bundle-credentials", 41);
    record.stack_lines.add("NodePool", "gpuspot", 17);
    let report = record.report();
    let log = report::sarif(&report);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let lines: Vec<&Value> =
        results.iter().map(|r| &r["locations"][0]["physicalLocation"]["region"]["startLine"]).collect();
    assert_eq!(lines, [&Value::from(41), &Value::Null, &Value::from(17)]);
    let annotations = report::github(&report);
    let places: Vec<bool> = annotations.lines().map(|line| line.contains(".yaml,line=")).collect();
    assert_eq!(places, [true, false, true], "{annotations}");
    assert!(annotations.contains(".yaml,line=41,title=ACR_PASSWORD_ROTATED"), "{annotations}");
}

fn waiting(pod: &str) -> Report {
    let o = Observation::failed(check::KUBELET, "", "reg.azurecr.io/worker:1", "CREDENTIAL_REFUSED").detail("401");
    let seen = Observed::at(Vantage::K, o).on("gpu", "node-1").about(Object::new("Pod", "ns", pod));
    reports::report(Command::DiagnoseAuth, vec![seen], Vec::new(), reports::clean())
}

#[test]
fn a_fingerprint_stays_when_run_and_pods_are_new() {
    let prints = |report: &Report| -> Vec<String> {
        let log = report::sarif(report);
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        results.iter().map(|r| r["partialFingerprints"]["causeAndObject/v1"].to_string()).collect()
    };
    // Written down, so that another version cannot make others.
    let kept = [
        "\"ACR_PASSWORD_ROTATED Secret/modelops-dask-dev/bundle-credentials by env\"",
        "\"ACR_PASSWORD_ROTATED Secret/modelops-dask-dev/acr-pull by pullsecret\"",
        "\"POOL_EMPTY gpuspot\"",
    ];
    assert_eq!(prints(&reports::rotated()), kept);
    let (before, after) = (waiting("dask-worker-5d4f8c7b9-x2x4z"), waiting("dask-worker-6b7c8d9f4-ttz9k"));
    assert!(!before.findings.is_empty());
    assert_eq!(prints(&before), prints(&after));
}

#[test]
fn what_a_fix_has_done_is_told_and_kept_for_machines() {
    let report = reports::fixed();
    let log = report::sarif(&report);
    let run = &log["runs"][0];
    let told = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications");
    let has =
        |start: &str| told.iter().any(|n| n["message"]["text"].as_str().is_some_and(|text| text.starts_with(start)));
    for start in
        ["applied: SECRET_WRONG_TYPE acr-pull: Secret acr-pull type", "rolled back: ACR", "left alone: NGC_LICENSE"]
    {
        assert!(has(start), "{start}: {told:?}");
    }
    assert_eq!(run["properties"]["fixing"], serde_json::to_value(&report.fixing).expect("json"));
    assert!(report::sarif(&reports::rotated())["runs"][0].get("properties").is_none(), "nobody asked for a fix");
}

//! `mops ngc check -n NS` through the built program: where a key lies and what each gate says of it, one name each,
//! beside what only looks like it (N-03, N-06, N-07, N-09, N-17).

use std::collections::BTreeSet;

use mops_tests::ngc::{Access, Key};
use mops_tests::watcher::{Watcher, command_lines};
use serde_json::{Value as Json, json};

use crate::desk::GOOD;
use crate::ngc_stage::{NAMESPACE, Stage};

const IMAGE: &str = "nvcr.io/nim/acme/server:1";

/// A namespace whose secrets hold this key, and a server that has both.
async fn stage(key: &str) -> Stage {
    let stage = Stage::new().await;
    let ngc = stage.desk.sandbox.ngc();
    ngc.image("nim/acme/server", Access::Licensed(vec!["acme".to_owned()]), true);
    // What everybody gets tells a key that is good from one that is not.
    ngc.image("nvidia/cuda", Access::Everybody, true);
    stage.secrets(key).await;
    stage
}

fn linked() -> (Json, Json) {
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    let env = json!({"env": [{"name": "NGC_API_KEY", "valueFrom": key}]});
    (env, json!({"imagePullSecrets": [{"name": "ngc-secret"}]}))
}

/// The ids of errors and warnings.
async fn causes(stage: &Stage, key: &str) -> BTreeSet<String> {
    let (_, said) = stage.ngc(key, "check --json").await;
    let report: Json = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("a report");
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("no report: {said}"));
    let heavy = findings.iter().filter(|f| f["severity"] != "note" && f["severity"] != "info");
    heavy.filter_map(|f| f["cause_id"].as_str()).map(ToOwned::to_owned).collect()
}

fn only(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[tokio::test]
async fn n_06_n_17_a_key_that_is_missing_or_another_is_named_where_it_is() {
    let stage = stage(GOOD).await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    assert_eq!(causes(&stage, GOOD).await, only(&[]));

    let other = "nvapi-canary-0123456789-other-key";
    stage.desk.sandbox.ngc().key(Key::new(other, "acme"));
    stage.patch("nvidia-ngc-secret", json!({"stringData": {"NGC_API_KEY": other}})).await;
    let found = causes(&stage, "").await;
    assert!(found.contains("SECRETS_DISAGREE"), "N-17: {found:?}");

    stage.patch("nvidia-ngc-secret", json!({"data": {"NGC_API_KEY": null}})).await;
    let found = causes(&stage, "").await;
    assert!(found.contains("SECRET_KEY_MISSING") && !found.contains("SECRETS_DISAGREE"), "N-06: {found:?}");
}

#[tokio::test]
async fn n_07_n_09_m_09_each_refusal_of_the_registry_has_its_name_and_a_licence_only_by_its_sentence() {
    let rows = [
        (Access::Everybody, ""),
        (Access::Licensed(vec!["acme".into()]), ""),
        (Access::Licensed(vec!["other".into()]), "NGC_LICENSE_NOT_ACCEPTED"),
        (Access::Organisation("other".into()), "NGC_NOT_ENTITLED"),
        (Access::Subscription, "NGC_SUBSCRIPTION_REQUIRED"),
        (Access::Withheld, "NGC_LEGAL_RESTRICTION"),
    ];
    let stage = stage(GOOD).await;
    let ngc = stage.desk.sandbox.ngc();
    for (access, cause) in rows {
        let what = format!("{access:?}");
        ngc.image("nim/acme/gate", access, true);
        let (code, said) = stage.desk.said(&format!("NGC_API_KEY={GOOD} mops ngc check nvcr.io/nim/acme/gate:1")).await;
        assert_eq!(
            (code, said.contains("cause: ")),
            (i32::from(!cause.is_empty()), !cause.is_empty()),
            "{what}: {said}"
        );
        assert!(said.contains(cause), "{what}: {said}");
        assert_eq!(said.contains("LICENSE"), cause.contains("LICENSE"), "M-09, {what}: {said}");
    }
    let (_, said) = stage.desk.said(&format!("NGC_API_KEY={GOOD} mops ngc check nvcr.io/nim/acme/absent:1")).await;
    assert!(said.contains("NGC_IMAGE_NOT_FOUND") && !said.contains("LICENSE"), "{said}");
}

#[tokio::test]
async fn n_03_no_key_is_in_a_process_list_while_it_is_written() {
    let stage = stage("nvapi-canary-0123456789-old-wxyz").await;
    stage.server("embedding-nim", IMAGE, linked()).await;
    let watcher = Watcher::over(|found: &mut BTreeSet<String>| {
        for words in command_lines() {
            // The shell of this test has the assignment in its words; what it starts has not.
            if words.starts_with("sh -c") {
                continue;
            }
            if words.contains(GOOD) {
                found.insert(words);
            } else if words.contains("ngc fix") && words.contains(NAMESPACE) {
                found.insert("seen".to_owned());
            }
        }
    });
    let (code, said) = stage.ngc(GOOD, "fix --apply").await;
    assert_eq!(code, 0, "{said}");
    let (looks, found) = watcher.end();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["seen"], "{looks} looks");
    assert_eq!(stage.value("nvidia-ngc-secret", "NGC_API_KEY"), GOOD);
}

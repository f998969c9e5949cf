//! Apply, delete, list, watch.

use std::time::Duration;

use mops_clients::kubernetes::{Apply, Holder, KubernetesError, ObjectRef, Selection, Wait, judge};
use mops_core::{Cancel, Class};
use mops_host::SystemClock;
use serde_json::json;

use super::bench::{Bench, deployment, deployment_ref, secret_ref};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/n/deployments/d";

#[tokio::test]
async fn a_field_of_another_manager_is_never_taken_silently() {
    let bench = Bench::start().await;
    bench.applied_by("helm", DEPLOYMENT, &deployment("d", 3)).await;
    let error = bench.kube.apply(&deployment("d", 1), Apply::Respect).await.expect_err("a conflict");
    let KubernetesError::Held { holders, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*holders, [Holder { manager: "helm".into(), field: ".spec.replicas".into() }]);
    assert_eq!(error.class(), Class::Conflict);
    let live = bench.kube.get(&deployment_ref("d")).await.expect("an answer").expect("it is there");
    assert_eq!(live["spec"]["replicas"], 3, "nothing was overwritten");
    let forced = bench.kube.apply(&deployment("d", 1), Apply::Force).await.expect("with consent");
    assert_eq!(forced["spec"]["replicas"], 1);
}

#[tokio::test]
async fn a_conflict_has_the_servers_own_words() {
    let bench = Bench::start().await;
    bench.applied_by("helm", DEPLOYMENT, &deployment("d", 3)).await;
    let (code, body) = bench.applied_by("mops", DEPLOYMENT, &deployment("d", 1)).await;
    let message = "Apply failed with 1 conflict: conflict with \"helm\": .spec.replicas";
    assert_eq!((code, body["message"].as_str()), (409, Some(message)));
    assert_eq!(body["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let patch = json!({"spec": {"replicas": 5}}).to_string();
    let path = format!("{DEPLOYMENT}?fieldManager=kubectl");
    assert_eq!(bench.ask("PATCH", &path, "application/merge-patch+json", &patch).await.0, 200);
    let (code, body) = bench.applied_by("helm", DEPLOYMENT, &deployment("d", 3)).await;
    let message = "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas";
    assert_eq!((code, body["message"].as_str()), (409, Some(message)));
}

#[tokio::test]
async fn an_apply_that_changes_nothing_is_no_new_version() {
    let bench = Bench::start().await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
        "type": "Opaque", "data": {"A": "YQ=="}});
    let first = bench.kube.apply(&secret, Apply::Respect).await.expect("made");
    let second = bench.kube.apply(&secret, Apply::Respect).await.expect("the same");
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    let less = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "type": "Opaque",
        "data": {"B": "Yg=="}});
    let third = bench.kube.apply(&less, Apply::Respect).await.expect("changed");
    assert_eq!(third["data"], json!({"B": "Yg=="}), "what is no longer applied goes");
}

#[tokio::test]
async fn an_unknown_field_is_refused_and_not_dropped() {
    let bench = Bench::start().await;
    let mut body = deployment("d", 1);
    body["spec"]["replicass"] = json!(2);
    let (code, answer) = bench.applied_by("mops", DEPLOYMENT, &body).await;
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(code == 500 && message.ends_with(".spec.replicass: field not declared in schema"), "{code} {message}");
    let error = bench.kube.apply(&body, Apply::Respect).await.expect_err("a typing error");
    assert_eq!(error.class(), Class::User, "and not tried again: {error}");
    assert!(error.to_string().ends_with("is not valid: .spec.replicass: field not declared in schema"), "{error}");
    let mut body = deployment("d", 1);
    body["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A"}, {"name": "A"}]);
    let (code, answer) = bench.applied_by("mops", DEPLOYMENT, &body).await;
    let message = answer["message"].as_str().unwrap_or_default();
    let words = ".spec.template.spec.containers[name=\"main\"].env: duplicate entries for key [name=\"A\"]";
    assert!(code == 500 && message.ends_with(words), "{code} {message}");
}

#[tokio::test]
async fn only_the_object_that_was_seen_is_deleted() {
    let bench = Bench::start().await;
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": {"A": value}});
    let seen = bench.kube.apply(&secret("YQ=="), Apply::Respect).await.expect("made");
    let uid = seen["metadata"]["uid"].as_str().unwrap_or_default();
    bench.ask("DELETE", "/api/v1/namespaces/n/secrets/s", "", "").await;
    bench.kube.apply(&secret("Yg=="), Apply::Respect).await.expect("made by somebody else");
    let error = bench.kube.delete(&secret_ref("s"), uid).await.expect_err("another object");
    let KubernetesError::Changed { detail, .. } = &error else { panic!("{error:?}") };
    let words = "Operation cannot be fulfilled on Secret \"s\": the UID in the precondition (";
    assert!(detail.starts_with(words), "{detail}");
    assert!(bench.fake.object("Secret", "n", "s").is_some());
    let now = bench.fake.object("Secret", "n", "s").unwrap_or_default();
    let uid = now["metadata"]["uid"].as_str().unwrap_or_default();
    assert!(bench.kube.delete(&secret_ref("s"), uid).await.expect("gone"));
    assert!(!bench.kube.delete(&secret_ref("s"), uid).await.expect("already gone is success"));
}

#[tokio::test]
async fn a_write_on_an_old_version_is_refused() {
    let bench = Bench::start().await;
    let (_, old) = bench.post("/api/v1/namespaces/n/secrets", &json!({"metadata": {"name": "s"}})).await;
    let path = "/api/v1/namespaces/n/secrets/s";
    let patch = json!({"data": {"A": "YQ=="}}).to_string();
    assert_eq!(bench.ask("PATCH", path, "application/merge-patch+json", &patch).await.0, 200);
    let (code, body) = bench.ask("PUT", path, "application/json", &old.to_string()).await;
    let message = "Operation cannot be fulfilled on secrets \"s\": the object has been modified; please apply your \
                   changes to the latest version and try again";
    assert_eq!((code, body["message"].as_str()), (409, Some(message)));
}

#[tokio::test]
async fn long_lists_come_in_pages_and_old_pages_are_gone() {
    let bench = Bench::start().await;
    for i in 0..505 {
        let body = json!({"metadata": {"name": format!("s{i:03}"), "labels": {"even": (i % 2 == 0).to_string()}}});
        assert_eq!(bench.post("/api/v1/namespaces/n/secrets", &body).await.0, 201);
    }
    let all = bench.kube.list(&secret_ref(""), &Selection::default()).await.expect("all");
    assert_eq!((all.len(), all[504]["kind"].as_str()), (505, Some("Secret")));
    let even = Selection { labels: "even=true".into(), fields: String::new() };
    assert_eq!(bench.kube.list(&secret_ref(""), &even).await.expect("half").len(), 253);
    let (_, page) = bench.get("/api/v1/namespaces/n/secrets?limit=2").await;
    assert_eq!(page["metadata"]["remainingItemCount"], 503);
    bench.fake.compact();
    let token = page["metadata"]["continue"].as_str().unwrap_or_default();
    let (code, body) = bench.get(&format!("/api/v1/namespaces/n/secrets?limit=2&continue={token}")).await;
    assert_eq!((code, body["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test]
async fn a_watch_from_before_the_history_says_410() {
    let bench = Bench::start().await;
    bench.fake.compact();
    let (code, event) = bench.get("/api/v1/namespaces/n/secrets?watch=true&resourceVersion=1").await;
    assert_eq!((code, event["type"].as_str(), event["object"]["code"].as_u64()), (200, Some("ERROR"), Some(410)));
}

#[tokio::test]
async fn a_wait_survives_dropped_watches_and_lost_history() {
    let bench = Bench::with(None, true);
    bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    bench.kube.apply(&deployment("d", 2), Apply::Respect).await.expect("made");
    let (clock, cancel, said) = (SystemClock::shared(), Cancel::new(), std::sync::Mutex::new(Vec::new()));
    let progress = |words: &str| said.lock().expect("a lock").push(words.to_owned());
    let wait = Wait { limit: Duration::from_secs(120), clock: &clock, cancel: &cancel, progress: &progress };
    let place = deployment_ref("d");
    let waiting = bench.kube.wait(&place, &wait, &judge);
    let disturbing = async {
        for _ in 0..3 {
            bench.until("it waits", |_| !said.lock().expect("a lock").is_empty()).await;
            bench.fake.drop_watches();
            bench.fake.compact();
        }
        bench.fake.add_pool(&mops_tests::kubernetes::NodePool { name: "p".into(), count: 1, ..Default::default() });
    };
    let (seen, ()) = tokio::join!(waiting, disturbing);
    assert_eq!(seen.expect("ready").expect("there")["status"]["availableReplicas"], 2);
    assert!(said.lock().expect("a lock").contains(&"0 of 2 available".to_owned()));
}

#[tokio::test]
async fn a_namespace_goes_with_everything_in_it() {
    let bench = Bench::start().await;
    bench.kube.apply(&deployment("d", 2), Apply::Respect).await.expect("made");
    bench.until("pods run", |f| f.objects("Pod", "n").len() == 2).await;
    assert_eq!(bench.ask("DELETE", "/api/v1/namespaces/n", "", "").await.1["status"]["phase"], "Terminating");
    assert!(bench.fake.objects("Pod", "n").is_empty() && bench.fake.object("Namespace", "", "n").is_none());
    let namespace = ObjectRef::cluster_wide("v1", "Namespace", "n");
    assert!(bench.kube.get(&namespace).await.expect("an answer").is_none());
    assert!(bench.ledger.existing().is_empty(), "{:?}", bench.ledger.existing());
}

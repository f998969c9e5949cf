//! Server-side apply: who holds which field, conflicts and their words, force.

use serde_json::{Value as Json, json};

use super::seat::{APPLY, MERGE, SPACE, Seat};

fn secret(data: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "applied"}, "type": "Opaque", "data": data})
}

/// A deployment whose pods fit nowhere, so that it stays as it is with and without nodes.
pub(crate) fn deployment(name: &str, replicas: i64) -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {
                "nodeSelector": {"mops.test/nowhere": "yes"},
                "containers": [{"name": "main", "image": "registry.example/worker:1",
                    "env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": "1000m"}}}]}}}})
}

pub(crate) async fn run(seat: &mut Seat) {
    let path = format!("{SPACE}/secrets/applied");
    seat.chapter("applied");
    let first = seat.apply("new", &path, "mops", &secret(&json!({"A": "YQ==", "B": "Yg=="}))).await;
    let second = seat.apply("the same", &path, "mops", &secret(&json!({"A": "YQ==", "B": "Yg=="}))).await;
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"], "nothing was written");
    seat.apply("less", &path, "mops", &secret(&json!({"A": "YQ=="}))).await;
    seat.apply("the same value by another", &path, "helm", &secret(&json!({"A": "YQ=="}))).await;
    seat.apply("less of what another holds", &path, "mops", &secret(&json!({"C": "Yw=="}))).await;

    seat.chapter("conflicts");
    seat.apply("one field", &path, "mops", &secret(&json!({"A": "eA=="}))).await;
    seat.apply("two fields of one", &path, "kubectl", &secret(&json!({"A": "eA==", "C": "eA=="}))).await;
    let merge = json!({"data": {"A": "dXBkYXRl"}});
    seat.see_as("taken by an update", "PATCH", &format!("{path}?fieldManager=edit"), (MERGE, &merge)).await;
    seat.apply("against an update", &path, "helm", &secret(&json!({"A": "YQ=="}))).await;
    seat.apply("by force", &format!("{path}?force=true"), "helm", &secret(&json!({"A": "YQ=="}))).await;

    seat.chapter("applies that are refused");
    seat.see_as("without a manager", "PATCH", &path, (APPLY, &secret(&json!({})))).await;
    seat.apply("without a kind", &path, "mops", &json!({"metadata": {"name": "applied"}})).await;
    seat.apply(
        "under another name",
        &path,
        "mops",
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}),
    )
    .await;
    let mut old = secret(&json!({}));
    old["metadata"]["resourceVersion"] = json!("1");
    seat.apply("from an old version", &path, "mops", &old).await;
    let mut managed = secret(&json!({}));
    managed["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    seat.apply("with managers", &path, "mops", &managed).await;

    workload(seat).await;
}

async fn workload(seat: &mut Seat) {
    let path = "/apis/apps/v1/namespaces/referee/deployments/applied";
    seat.chapter("a workload applied");
    seat.apply("new", path, "mops", &deployment("applied", 1)).await;
    let mut unknown = deployment("applied", 1);
    unknown["spec"]["replicass"] = json!(2);
    seat.apply("a field that is none", path, "mops", &unknown).await;
    let mut twice = deployment("applied", 1);
    twice["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A"}, {"name": "A"}]);
    seat.apply("one key twice", path, "mops", &twice).await;
    seat.see_as(
        "scaled by another",
        "PATCH",
        &format!("{path}?fieldManager=scaler"),
        (MERGE, &json!({"spec": {"replicas": 2}})),
    )
    .await;
    seat.apply("against it", path, "mops", &deployment("applied", 1)).await;
    let mut without = deployment("applied", 1);
    without["spec"].as_object_mut().map(|spec| spec.shift_remove("replicas"));
    let kept = seat.apply("without the count", path, "mops", &without).await;
    assert_eq!(kept["spec"]["replicas"], 2, "what another holds stays");
    let mut selector = deployment("applied", 2);
    selector["spec"]["selector"]["matchLabels"] = json!({"app": "applied", "more": "yes"});
    selector["spec"]["template"]["metadata"]["labels"] = json!({"app": "applied", "more": "yes"});
    seat.apply("another selector", &format!("{path}?force=true"), "mops", &selector).await;
    let mut wrong = deployment("applied", 2);
    wrong["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    wrong["spec"]["template"]["spec"]["containers"] = json!([]);
    seat.apply("two causes", &format!("{path}?force=true"), "mops", &wrong).await;
}

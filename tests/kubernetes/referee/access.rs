//! Who may do what.

use serde_json::{Value as Json, json};

use super::seat::{APPLY, SPACE, Seat};

pub(crate) async fn run(seat: &mut Seat) {
    seat.chapter("may I");
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let one = json!({"verb": "create", "resource": "secrets", "namespace": "referee"});
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": one}});
    let (status, answer) = seat.ask("POST", path, "application/json", &body).await;
    seat.write("> make secrets", status, &json!({"spec": answer["spec"], "status": answer["status"]}));

    seat.chapter("a user who may do nothing");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}});
    let secrets = format!("{SPACE}/secrets");
    let deployments = "/apis/apps/v1/namespaces/referee/deployments";
    let rows = [
        ("GET", secrets.clone(), "", Json::Null),
        ("GET", format!("{secrets}/x"), "", Json::Null),
        ("POST", secrets.clone(), "application/json", secret.clone()),
        ("PATCH", format!("{secrets}/x?fieldManager=mops"), APPLY, secret),
        ("DELETE", format!("{deployments}/x"), "", Json::Null),
        ("GET", deployments.to_owned(), "", Json::Null),
        ("GET", "/api/v1/nodes".to_owned(), "", Json::Null),
        ("GET", format!("{SPACE}/pods/x/log"), "", Json::Null),
    ];
    for (method, path, media, body) in rows {
        seat.see_as_stranger(method, &path, (media, &body)).await;
    }
}

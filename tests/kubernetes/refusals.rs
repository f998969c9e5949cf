//! Every refusal with its body, and what our client makes of it.

use mops_clients::kubernetes::{Apply, KubernetesError, ObjectRef, Selection, Wait, judge};
use mops_core::Class;
use serde_json::{Value as Json, json};

use super::bench::{Bench, deployment, deployment_ref};

#[tokio::test]
async fn each_refusal_has_its_body() {
    let bench = Bench::start().await;
    bench.post("/api/v1/namespaces/n/secrets", &json!({"metadata": {"name": "s"}})).await;
    let long = "x".repeat(64);
    let rows: Vec<(&str, &str, Json, u16, &str)> = vec![
        ("GET", "/api/v1/namespaces/n/secrets/gone", Json::Null, 404, "secrets \"gone\" not found"),
        ("GET", "/apis/apps/v1/namespaces/n/deployments/d", Json::Null, 404, "deployments.apps \"d\" not found"),
        (
            "POST",
            "/api/v1/namespaces/gone/secrets",
            json!({"metadata": {"name": "s"}}),
            404,
            "namespaces \"gone\" not found",
        ),
        (
            "POST",
            "/api/v1/namespaces/n/secrets",
            json!({"metadata": {"name": "s"}}),
            409,
            "secrets \"s\" already exists",
        ),
        (
            "POST",
            "/api/v1/namespaces/n/secrets",
            json!({"metadata": {"name": "t", "labels": {"a": long}}}),
            422,
            "must be no more than 63 characters",
        ),
        (
            "POST",
            "/api/v1/namespaces/n/secrets",
            json!({"metadata": {"name": "Upper"}}),
            422,
            "a lowercase RFC 1123 subdomain must consist of",
        ),
        (
            "POST",
            "/apis/apps/v1/namespaces/n/deployments",
            json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}}),
            422,
            "`selector` does not match template `labels`",
        ),
        (
            "POST",
            "/api/v1/namespaces/n/secrets",
            json!({"metadata": {"name": "t", "namespace": "m"}}),
            400,
            "does not match the namespace sent on the request",
        ),
        (
            "POST",
            "/api/v1/namespaces/n/pods",
            json!({"metadata": {"name": "p"},
                "spec": {"serviceAccountName": "gone", "containers": [{"name": "c", "image": "i"}]}}),
            403,
            "error looking up service account n/gone: serviceaccount \"gone\" not found",
        ),
        ("GET", "/apis/apps/v1/namespaces/n/controllerrevisions", Json::Null, 501, "the sandbox has no"),
        ("GET", "/api/v1/namespaces/n/pods?fieldSelector=spec.x%3D1", Json::Null, 400, "field label not supported"),
    ];
    for (method, path, body, code, words) in rows {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (got, status) = bench.ask(method, path, "application/json", &text).await;
        let message = status["message"].as_str().unwrap_or_default();
        assert!(got == code && message.contains(words), "{method} {path}: {got} {message}");
        assert_eq!((status["kind"].as_str(), status["code"].as_u64()), (Some("Status"), Some(code.into())), "{path}");
    }
    assert_eq!(bench.ask_as("wrong", "GET", "/version", ("", "")).await.0, 401);
}

#[tokio::test]
async fn a_403_names_verb_resource_group_and_namespace() {
    let bench = Bench::start().await;
    let object = deployment_ref("d");
    let (clock, cancel) = (mops_host::SystemClock::shared(), mops_core::Cancel::new());
    let limit = std::time::Duration::from_secs(60);
    let wait = Wait { limit, clock: &clock, cancel: &cancel, progress: &|_| {} };
    for verb in ["get", "list", "patch", "delete", "create", "watch"] {
        bench.fake.allow_all();
        bench.fake.deny(verb, "deployments");
        let error = match verb {
            "get" => bench.kube.get(&object).await.err(),
            "list" => bench.kube.list(&object, &Selection::default()).await.err(),
            "patch" => bench.kube.apply(&deployment("d", 1), Apply::Respect).await.err(),
            "delete" => bench.kube.delete(&object, "x").await.err(),
            "watch" => bench.kube.wait(&object, &wait, &judge).await.err(),
            _ => bench.kube.create(&deployment("d", 1)).await.err(),
        };
        let error = error.expect(verb);
        assert_eq!(error.class(), Class::Auth);
        let text = error.to_string();
        for part in [&format!("to {verb} "), "`deployments`", "`apps`", "`n`"] {
            assert!(text.contains(part), "{text}");
        }
        let KubernetesError::Forbidden { by_rbac, detail, .. } = error else { panic!("{text}") };
        assert!(by_rbac && detail.contains(&format!("cannot {verb} resource \"deployments\"")), "{detail}");
        assert!(!bench.kube.may(verb, &object).await.expect("a review"));
    }
}

#[tokio::test]
async fn causes_of_a_422_are_all_named() {
    let bench = Bench::start().await;
    let mut object = deployment("d", 1);
    object["spec"]["template"]["metadata"]["labels"] = json!({});
    object["spec"]["template"]["spec"]["containers"] = json!([]);
    let error = bench.kube.apply(&object, Apply::Respect).await.expect_err("two causes");
    let text = error.to_string();
    assert!(text.contains("`spec.template.metadata.labels`"), "{text}");
    assert!(text.contains("`spec.template.spec.containers`: Required value"), "{text}");
    assert_eq!(error.class(), Class::User);
}

#[tokio::test]
async fn a_missing_namespace_is_what_does_not_exist() {
    let bench = Bench::start().await;
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "gone"}});
    let error = bench.kube.apply(&object, Apply::Respect).await.expect_err("no namespace");
    assert_eq!(error.to_string(), "`gone` of `namespaces` does not exist");
    let place = ObjectRef::of(&object);
    assert!(bench.kube.get(&place).await.expect("an answer").is_none());
}

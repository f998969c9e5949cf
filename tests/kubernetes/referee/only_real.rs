//! Refusals of admission as the real one words them, which the client must tell from a missing role.

use mops_clients::kubernetes::{Access, Auth, Kubernetes, KubernetesError};
use mops_core::Secret;
use mops_tests::http::{Reply, handler};
use mops_tests::tls::{Authority, Leaf, bind, serve_tls};
use mops_wire::HttpConfig;
use serde_json::{Value as Json, json};

use super::seat::{MERGE, SPACE, Seat};
use crate::referee::bodies;

fn pod() -> Json {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "refused"},
        "spec": {"containers": [{"name": "main", "image": "registry.example/worker:1"}]}})
}

pub(crate) async fn run(seat: &mut Seat) {
    let pods = format!("{SPACE}/pods");
    seat.chapter("a namespace with restricted pods");
    let level = |level: Json| json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
    seat.ask("PATCH", SPACE, MERGE, &level(json!("restricted"))).await;
    seat.see("a pod that may too much", "POST", &pods, &pod()).await;
    seat.ask("PATCH", SPACE, MERGE, &level(Json::Null)).await;

    seat.chapter("a namespace with a quota");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}});
    seat.ask("POST", &format!("{SPACE}/resourcequotas"), "application/json", &quota).await;
    seat.until(&format!("{SPACE}/resourcequotas/q"), |q| q["status"]["used"]["pods"] == "0").await;
    seat.see("one pod too many", "POST", &pods, &pod()).await;
}

/// A server that has one answer.
async fn told(answer: Json) -> KubernetesError {
    let authority = Authority::new();
    let identity = authority.leaf(Leaf::Good, &["127.0.0.1"]);
    let code = answer["code"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("a status");
    let answering = handler(move |_| Reply::json(code, &answer));
    let server = serve_tls(answering, bind().expect("a port"), identity.server_config()).expect("a server");
    let access = Access {
        server: format!("https://{}", server.address()).parse().expect("an address"),
        roots: Some(authority.pem().as_bytes().to_vec()),
        auth: Auth::Token(Secret::from("token-of-this-test")),
        namespace: "referee".into(),
    };
    let config = HttpConfig { this_machine_only: true, ..HttpConfig::new() };
    Kubernetes::over(&access, &config).expect("a client").create(&pod()).await.expect_err("a refusal")
}

#[tokio::test]
async fn what_admission_refuses_is_no_missing_role() {
    let refusals = bodies(super::ONLY_REAL);
    assert_eq!(refusals.len(), 2);
    for (refusal, words) in refusals.into_iter().zip(["violates PodSecurity", "exceeded quota: q"]) {
        let error = told(refusal).await;
        let KubernetesError::Forbidden { by_rbac, detail, .. } = &error else { panic!("{error:?}") };
        assert!(!by_rbac && detail.contains(words), "{detail}");
        let shown = error.into_core().to_string();
        assert!(!shown.contains("ask for a role"), "{shown}");
    }
}

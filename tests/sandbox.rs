//! Promise: one sandbox is one cloud: what ARM makes is reachable, what it deletes is gone, nodes
//! pull with the pod's own secret, faults happen as planned, and the control port obeys its owner.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_tests::control::ask;
use mops_tests::fault::Fault;
use mops_tests::image::Image;
use mops_tests::push::{Login, pipeline, push};
use mops_tests::sandbox::Sandbox;
use mops_tests::tls::{Authority, Leaf, bind, serve_tls};
use serde_json::{Value, json};

use crate::client::{API_AKS, API_GROUP, API_REGISTRY, Answer, Bench};

async fn with_cluster() -> (Bench, String) {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", "Microsoft.ContainerService/managedClusters", "dev");
    let body = json!({
        "location": "eastus2", "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "dev", "agentPoolProfiles": [
            {"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 2},
        ]},
    });
    assert_eq!(bench.arm("PUT", &path, API_AKS, Some(body)).await.status, 201);
    bench.pass(600);
    (bench, path)
}

async fn kubeconfig(bench: &Bench, path: &str) -> (String, String) {
    let answer = bench.arm("POST", &format!("{path}/listClusterUserCredential"), API_AKS, None).await;
    let value = answer.body["kubeconfigs"][0]["value"].as_str().unwrap_or_default();
    let text = String::from_utf8(STANDARD.decode(value).expect("base64")).expect("text");
    let after = |key: &str| {
        let line = text.lines().find(|l| l.trim().starts_with(key)).unwrap_or_default();
        line.trim()[key.len()..].trim().to_owned()
    };
    (after("server:"), after("token:"))
}

async fn kubernetes(bench: &mut Bench, (server, token): &(String, String), path: &str) -> Answer {
    let own = std::mem::replace(&mut bench.token, token.clone());
    let answer = bench.call("GET", &format!("{server}{path}"), None).await;
    bench.token = own;
    answer
}

#[tokio::test]
async fn a_cluster_of_arm_is_a_cluster_with_nodes() {
    let (mut bench, path) = with_cluster().await;
    let login = kubeconfig(&bench, &path).await;
    let nodes = kubernetes(&mut bench, &login, "/api/v1/nodes").await;
    assert_eq!((nodes.status, nodes.body["items"].as_array().map(Vec::len)), (200, Some(2)), "{}", nodes.text);
    let pool = json!({"properties": {
        "vmSize": "Standard_NC24ads_A100_v4", "enableAutoScaling": true, "minCount": 1, "maxCount": 2, "mode": "User",
        "nodeTaints": ["sku=gpu:NoSchedule"], "nodeLabels": {"modelops.io/role": "gpu"},
    }});
    let made = bench.arm("PUT", &format!("{path}/agentPools/gpu"), API_AKS, Some(pool)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let early = kubernetes(&mut bench, &login, "/api/v1/nodes").await;
    assert_eq!(early.body["items"].as_array().map(Vec::len), Some(2), "nodes come when the pool is done");
    bench.pass(600);
    let nodes = kubernetes(&mut bench, &login, "/api/v1/nodes?labelSelector=modelops.io%2Frole%3Dgpu").await;
    assert_eq!(nodes.body["items"][0]["spec"]["taints"][0]["key"], "sku", "{}", nodes.text);
    assert_eq!(bench.arm("DELETE", &path, API_AKS, None).await.status, 202);
    bench.pass(600);
    assert_eq!(kubernetes(&mut bench, &login, "/api/v1/nodes").await.status, 401);
    assert_eq!(bench.sandbox.ledger().existing(), [bench.group("g").to_lowercase()]);
}

#[tokio::test]
async fn a_new_cluster_of_the_same_name_has_other_credentials() {
    let (bench, path) = with_cluster().await;
    let before = kubeconfig(&bench, &path).await;
    bench.arm("DELETE", &path, API_AKS, None).await;
    bench.pass(600);
    assert_eq!(bench.arm("GET", &path, API_AKS, None).await.code(), "ResourceNotFound");
    let body = json!({
        "location": "eastus2", "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "dev", "agentPoolProfiles": [{"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1}]},
    });
    assert_eq!(bench.arm("PUT", &path, API_AKS, Some(body)).await.status, 201);
    bench.pass(600);
    assert_ne!(kubeconfig(&bench, &path).await.1, before.1);
}

async fn post(bench: &mut Bench, (server, token): &(String, String), path: &str, body: Value) -> Answer {
    let own = std::mem::replace(&mut bench.token, token.clone());
    let answer = bench.call("POST", &format!("{server}{path}"), Some(body)).await;
    bench.token = own;
    answer
}

fn pod(name: &str, secret: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": {
        "containers": [{"name": "main", "image": "modelopsdevacr.azurecr.io/worker:1"}], "imagePullSecrets": [{"name": secret}],
    }})
}

fn pull_secret(name: &str, password: &str) -> Value {
    let auth = STANDARD.encode(format!("modelopsdevacr:{password}"));
    let config = json!({"auths": {"modelopsdevacr.azurecr.io": {"auth": auth}}}).to_string();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode(config)}})
}

/// What a pod's container waits for or that it runs, as soon as the kubelet has an opinion.
async fn opinion(bench: &mut Bench, login: &(String, String), name: &str) -> Value {
    for _ in 0..200 {
        let answer = kubernetes(bench, login, &format!("/api/v1/namespaces/default/pods/{name}")).await;
        let state = answer.body["status"]["containerStatuses"][0]["state"].clone();
        let waiting = state["waiting"]["reason"].as_str().unwrap_or_default();
        if state.is_object() && waiting != "ContainerCreating" && !waiting.is_empty() || state["running"].is_object() {
            return state;
        }
    }
    panic!("the kubelet never looked after {name}");
}

#[tokio::test]
async fn nodes_pull_with_the_secret_of_the_pod() {
    let (mut bench, path) = with_cluster().await;
    let acr = bench.of("g", "Microsoft.ContainerRegistry/registries", "modelopsdevacr");
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
    bench.arm("PUT", &acr, API_REGISTRY, Some(body)).await;
    bench.pass(60);
    let listed = bench.arm("POST", &format!("{acr}/listCredentials"), API_REGISTRY, None).await;
    let password = listed.body["passwords"][0]["value"].as_str().unwrap_or_default().to_owned();
    let admin = Login {
        host: "modelopsdevacr.azurecr.io".into(),
        username: "modelopsdevacr".into(),
        password: Secret::new(password.clone()),
    };
    push(&bench.http, &admin, &Image::tiny("worker:1", "x").expect("in memory")).await.expect("a push");
    let login = kubeconfig(&bench, &path).await;
    for (name, password) in [("good", password.as_str()), ("bad", "wrong")] {
        let made = post(&mut bench, &login, "/api/v1/namespaces/default/secrets", pull_secret(name, password)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = post(&mut bench, &login, "/api/v1/namespaces/default/pods", pod(name, name)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let state = opinion(&mut bench, &login, name).await;
        if name == "good" {
            assert!(state["running"].is_object(), "{state}");
            bench.sandbox.clusters().fakes().iter().for_each(|f| f.forget_images());
        } else {
            let reason = state["waiting"]["reason"].as_str().unwrap_or_default();
            assert!(["ErrImagePull", "ImagePullBackOff"].contains(&reason), "{state}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_lost_after_the_change() {
    let bench = Bench::new().await;
    bench.sandbox.faults().once(&["arm", "PUT", "/resourcegroups/g"], Fault::LostAfterCommit);
    let url = format!("{}{}?api-version={API_GROUP}", bench.sandbox.world().arm_origin(), bench.group("g"));
    let lost = bench.send(bench.request("PUT", &url, Some(json!({"location": "eastus2"})))).await;
    assert!(lost.is_err());
    assert_eq!(bench.arm("GET", &bench.group("g"), API_GROUP, None).await.status, 200);
}

#[tokio::test]
async fn every_kind_of_fault_reaches_the_client() {
    let bench = Bench::new().await.with_group("g").await;
    let url = format!("{}{}?api-version={API_GROUP}", bench.sandbox.world().arm_origin(), bench.group("g"));
    let faults = bench.sandbox.faults();
    faults.once(&["arm GET"], Fault::Reset);
    assert!(bench.send(bench.request("GET", &url, None)).await.is_err());
    faults.once(&["arm GET"], Fault::Truncate);
    assert!(bench.send(bench.request("GET", &url, None)).await.is_err());
    faults.once(&["arm GET"], Fault::Status { status: 429, code: "TooManyRequests".into(), retry_after: Some(7) });
    let throttled = bench.call("GET", &url, None).await;
    assert_eq!((throttled.status, throttled.header("retry-after"), throttled.code()), (429, "7", "TooManyRequests"));
    assert_eq!(bench.call("GET", &url, None).await.status, 200);
    assert_eq!(faults.met().len(), 3);
}

#[tokio::test]
async fn bad_leaves_are_refused_by_the_product() {
    let authority = Authority::new();
    let answers = mops_tests::http::handler(|_| mops_tests::http::Reply::empty(204));
    for leaf in [Leaf::Good, Leaf::OtherName, Leaf::Expired, Leaf::NotYetValid] {
        let config = authority.leaf(leaf, &["127.0.0.1", "localhost"]).server_config();
        let server = serve_tls(answers.clone(), bind().expect("a port"), config).expect("a server");
        let http = pipeline(authority.pem().as_bytes(), Vec::new()).expect("a pipeline");
        let mut request = mops_wire::Request::get(format!("https://{}/", server.address()).parse().expect("a url"));
        request.retry = mops_wire::Retry::Never;
        assert_eq!(http.send(request).await.is_ok(), leaf == Leaf::Good, "{leaf:?}");
    }
}

#[tokio::test]
async fn the_control_port_obeys_only_who_has_its_file() {
    let sandbox = Sandbox::start(mops_tests::sandbox::Options::default()).expect("a sandbox");
    let file = mops_host::fsx::read_text(&sandbox.dir().join("control")).expect("the file");
    let ledger = ask(&file, "GET", "/ledger", "").expect("an answer");
    assert_eq!(serde_json::from_str::<Value>(&ledger).expect("json")["existing"], json!([]));
    let (address, _) = sandbox.control().rsplit_once('/').expect("a path");
    assert!(ask(&format!("{address}/guess"), "GET", "/ledger", "").is_err());
}

//! Promise: what the product sends is judged by Azure's official documents, and the judge is neither blind nor strict
//! beyond them: what real clients sent passes, and each kind of mistake is named. The sandbox asks it about every request
//! of every test. Needs the folder that `MOPS_AZURE_DATA` names; without it these tests are counted as skipped.

use bytes::Bytes;
use http::{HeaderMap, Method};
use mops_tests::http::Call;
use mops_tests::openapi::Contract;
use mops_tests::recordings::{Interaction, Recordings};
use serde_json::{Value, json};

use crate::client::{API_REGISTRY, API_STORAGE, Bench};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g";

/// What real clients sent beyond the documents, and why.
const BEYOND: [(&str, &str); 2] = [
    ("`/properties/policies/softDeletePolicy` is unknown", "a property of previews that no stable version has"),
    ("listAssociatedResources", "an operation of a preview"),
];

fn contract(test: &str) -> Option<&'static Contract> {
    let contract = Contract::official();
    if contract.is_none() {
        mops_tests::skip::skipped("azure-data", test);
    }
    contract
}

fn call(method: &str, path: &str, query: &str, body: &Value) -> Call {
    Call {
        method: method.parse::<Method>().expect("a verb"),
        host: "management.azure.com".into(),
        path: path.into(),
        raw_query: query.into(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: HeaderMap::new(),
        body: if body.is_null() { Bytes::new() } else { body.to_string().into() },
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was judged belongs into the log")]
fn what_real_clients_sent_passes() {
    let Some(contract) = contract("recorded requests before the official documents") else { return };
    let Some(recordings) = Recordings::here("recorded requests before the official documents") else { return };
    let scenarios = recordings.scenarios();
    let asked: Vec<&Interaction> =
        scenarios.iter().flat_map(|scenario| &scenario.interactions).filter(|asked| !asked.is_poll()).collect();
    let mut found: Vec<String> = Vec::new();
    for asked in &asked {
        let call = call(&asked.method, &asked.path, &asked.query, &asked.body);
        found.extend(match asked.status {
            success @ ..400 => contract.faults_with(&call, &Value::Null, success),
            _ => contract.faults(&call, &Value::Null),
        });
    }
    println!("requests={} faults={}", asked.len(), found.len());
    for (part, why) in BEYOND {
        let before = found.len();
        found.retain(|fault| !fault.contains(part));
        assert!(found.len() < before, "no longer seen: {part} ({why})");
    }
    assert_eq!(found, Vec::<String>::new());
}

fn registry() -> Value {
    json!({"location": "westus", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}})
}

/// The faults of one registry that somebody wants to have.
fn judged(contract: &Contract, method: &str, query: &str, body: &Value) -> Vec<String> {
    let path = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/name1");
    contract.faults(&call(method, &path, query, body), &Value::Null)
}

#[test]
fn each_kind_of_mistake_is_named() {
    let Some(contract) = contract("mistakes before the official documents") else { return };
    let api = format!("api-version={API_REGISTRY}");
    assert_eq!(judged(contract, "PUT", &api, &registry()), Vec::<String>::new());
    let path = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/name1");
    let answered = contract.faults_with(&call("PUT", &path, &api, &registry()), &Value::Null, 299);
    assert_eq!(answered, ["status 299 is not documented"]);
    let with = |pointer: &str, value: Value| {
        let mut body = registry();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").insert(name.into(), value);
        judged(contract, "PUT", &api, &body)
    };
    assert_eq!(with("/sku", Value::Null), ["`/sku` is missing"]);
    assert_eq!(with("/properties/adminUserEnabeld", json!(true)), ["`/properties/adminUserEnabeld` is unknown"]);
    assert_eq!(
        with("/properties/adminUserEnabled", json!("true")),
        ["`/properties/adminUserEnabled` is string, wanted boolean"]
    );
    assert_eq!(with("/properties/loginServer", json!("x")), ["`/properties/loginServer` is read-only"]);
    assert_eq!(with("/sku/name", json!(1)), ["`/sku/name` is integer, wanted string"]);
    assert_eq!(judged(contract, "PUT", "", &registry()), ["query `api-version` is missing"]);
    assert_eq!(judged(contract, "PUT", &format!("{api}&force=1"), &registry()), ["query `force` is unknown"]);
    assert_eq!(judged(contract, "PUT", &api, &Value::Null), ["the body is missing"]);
    assert!(judged(contract, "POST", &api, &registry())[0].starts_with("no document describes POST"));
}

#[test]
fn what_the_service_returned_may_be_sent_back() {
    let Some(contract) = contract("a merged body before the official documents") else { return };
    let mut body = registry();
    body["properties"]["loginServer"] = json!("name1.azurecr.io");
    body["properties"]["novelty"] = json!({"on": true});
    let path = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/name1");
    let sent = call("PUT", &path, &format!("api-version={API_REGISTRY}"), &body);
    assert_eq!(contract.faults(&sent, &body), Vec::<String>::new());
    assert_eq!(contract.faults(&sent, &Value::Null).len(), 2);
}

#[tokio::test]
async fn the_sandbox_refuses_what_the_documents_forbid() {
    if contract("a wrong request to the sandbox").is_none() {
        return;
    }
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", "Microsoft.Storage/storageAccounts", "devstore01");
    let body = json!({"location": "westus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {"minimumTlsVersoin": "TLS1_2"}});
    let answer = bench.arm("PUT", &path, API_STORAGE, Some(body)).await;
    assert_eq!((answer.status, answer.code()), (400, "ContractViolation"), "{}", answer.text);
    assert!(answer.text.contains("`/properties/minimumTlsVersoin` is unknown"), "{}", answer.text);
}

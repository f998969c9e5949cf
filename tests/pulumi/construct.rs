//! The component: its children are those of a stack file, below it, made from each other, under the rules of the request.

use std::sync::Arc;

use mops_core::{Secret, Value};
use mops_tests::pulumi::{Recorded, Recorder};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use serde_json::{Value as Json, json};
use tonic::{Code, Status};

use super::wire::{Wire, bag, value};
use crate::stand::Stand;

const COMPONENT: &str = "urn:pulumi:dev::shop::modelops:index:Workspace::main";
const OTHER: &str = "urn:pulumi:dev::shop::other:index:Thing::before";

/// Registry, storage with a signature, cluster, and workers in it.
fn everything() -> Value {
    Value::from(json!({
        "registry": {"name": "shopacr"},
        "storage": {"account_name": "shopstore", "sas": [{"container": "bundle-blobs", "permissions": "rl"}]},
        "cluster": {
            "provider": "azure",
            "subscription_id": "00000000-1111-2222-3333-444444444444",
            "resource_group": "shop-rg",
            "location": "eastus2",
            "aks": {
                "name": "shop-aks",
                "kubernetes_version": "1.33",
                "node_pools": [{"name": "system", "mode": "System", "vm_size": "Standard_B2s", "count": 1}],
            },
        },
        "workspace": {
            "metadata": {"name": "main", "namespace": "shop"},
            "spec": {
                "scheduler": {"image": "shopacr.azurecr.io/scheduler:1"},
                "workers": {"image": "shopacr.azurecr.io/worker:1", "resources": {"cpu": 1, "memory": "1Gi"}},
            },
        },
    }))
}

/// The same with another value at a place.
fn with(mut inputs: Value, path: &[&str], new: Value) -> Value {
    fn put(value: &mut Value, path: &[&str], new: Value) {
        let (Value::Map(map), Some((head, rest))) = (&mut *value, path.split_first()) else {
            *value = new;
            return;
        };
        put(map.entry((*head).to_owned()).or_default(), rest, new);
    }
    put(&mut inputs, path, new);
    inputs
}

fn request(inputs: &Value) -> rpc::ConstructRequest {
    rpc::ConstructRequest {
        project: "shop".into(),
        stack: "dev".into(),
        r#type: "modelops:index:Workspace".into(),
        name: "main".into(),
        parent: "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev".into(),
        inputs: bag(inputs),
        ..rpc::ConstructRequest::default()
    }
}

async fn constructed(
    monitor: &Recorder,
    request: rpc::ConstructRequest,
) -> Result<(rpc::ConstructResponse, Recorded), Status> {
    let stand = Stand::new();
    let mut wire = Wire::unconfigured(Arc::new(stand.provider()), stand.clock.clone()).await;
    let request = rpc::ConstructRequest { monitor_endpoint: monitor.address.clone(), ..request };
    let answer = wire.client.construct(request).await?.into_inner();
    Ok((answer, monitor.recorded()))
}

fn of_type<'a>(recorded: &'a Recorded, kind: &str) -> &'a rpc::RegisterResourceRequest {
    let mut all = recorded.resources.iter().filter(|resource| resource.r#type == format!("modelops:{kind}"));
    all.next().unwrap_or_else(|| panic!("no {kind}"))
}

#[tokio::test]
async fn a_workspace_is_what_its_sections_ask_for_below_one_parent() {
    let monitor = Recorder::start(false, None).await;
    let (answer, recorded) = constructed(&monitor, request(&everything())).await.expect("made");
    assert_eq!(answer.urn, COMPONENT);
    let (component, children) = recorded.resources.split_first().expect("a component");
    assert!(!component.custom && component.parent.ends_with("::shop-dev"), "{component:?}");
    assert_eq!(value(component.object.as_ref()), everything());
    for kind in [
        "azure:ContainerRegistry",
        "azure:StorageAccount",
        "azure:BlobContainer",
        "azure:BlobSasToken",
        "azure:ManagedCluster",
        "kubernetes:Namespace",
        "kubernetes:Secret",
    ] {
        of_type(&recorded, kind);
    }
    for child in children {
        assert!(child.custom && child.parent == COMPONENT && child.name.starts_with("main-"), "{child:?}");
        for urn in child.property_dependencies.values().flat_map(|from| &from.urns).chain(&child.dependencies) {
            assert!(urn.contains("modelops:index:Workspace$modelops:"), "{}: {urn}", child.name);
        }
    }
    let account = "urn:pulumi:dev::shop::modelops:index:Workspace$modelops:azure:StorageAccount::main-";
    let container = of_type(&recorded, "azure:BlobContainer");
    assert!(container.property_dependencies["accountId"].urns[0].starts_with(account), "{container:?}");

    let [outputs] = recorded.outputs.as_slice() else { panic!("{:?}", recorded.outputs) };
    assert_eq!((outputs.urn.as_str(), &outputs.outputs), (COMPONENT, &answer.state));
    let state = value(answer.state.as_ref());
    let at = |path: &[&str]| state.at(&path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>());
    assert_eq!(at(&["registry", "registry_name"]), Some(Value::from("shopacr")));
    assert_eq!(at(&["workspace", "namespace"]), Some(Value::from("shop")));
    assert!(answer.state_dependencies["workspace"].urns.iter().any(|urn| urn.contains("Namespace")), "{answer:?}");
}

#[tokio::test]
async fn what_the_request_says_of_the_component_holds_for_its_children() {
    let monitor = Recorder::start(false, None).await;
    let timeouts = rpc::construct_request::CustomTimeouts { create: "5m".into(), ..Default::default() };
    let from = rpc::construct_request::PropertyDependencies { urns: vec![OTHER.to_owned()] };
    let asked = rpc::ConstructRequest {
        protect: Some(true),
        retain_on_delete: Some(true),
        providers: [("modelops".to_owned(), "urn::id".to_owned())].into(),
        input_dependencies: [("registry".to_owned(), from)].into(),
        custom_timeouts: Some(timeouts),
        ..request(&everything())
    };
    let (_, recorded) = constructed(&monitor, asked).await.expect("made");
    let component = &recorded.resources[0];
    assert_eq!(component.property_dependencies["registry"].urns, [OTHER]);
    assert_eq!(component.providers["modelops"], "urn::id");
    for resource in &recorded.resources {
        assert!(resource.protect == Some(true) && resource.retain_on_delete == Some(true), "{resource:?}");
        assert!(resource.dependencies.iter().any(|urn| urn == OTHER), "{resource:?}");
    }
    for child in &recorded.resources[1..] {
        assert_eq!(child.provider, "urn::id");
        assert!(
            child.custom_timeouts.as_ref().is_some_and(|t| t.create == "5m" || t.create.ends_with('s')),
            "{child:?}"
        );
    }
}

#[tokio::test]
async fn unknown_and_secret_inputs_are_so_in_the_children() {
    let monitor = Recorder::start(true, None).await;
    let secret = Value::Secret(Secret::new(Box::new(Value::from("shopcanary"))));
    let inputs = with(with(everything(), &["registry", "name"], Value::Unknown), &["storage", "account_name"], secret);
    let asked = rpc::ConstructRequest { dry_run: true, ..request(&inputs) };
    let (answer, recorded) = constructed(&monitor, asked).await.expect("shown");
    let registry = value(of_type(&recorded, "azure:ContainerRegistry").object.as_ref());
    assert_eq!(registry.get("name"), Some(&Value::Unknown));
    let account = value(of_type(&recorded, "azure:StorageAccount").object.as_ref());
    assert_eq!(account.get("name"), Some(&Value::from("shopcanary").into_secret()));
    let names = recorded.resources.iter().map(|resource| resource.name.as_str());
    assert!(names.clone().all(|name| !name.contains("canary")), "{:?}", names.collect::<Vec<_>>());
    let shown = value(answer.state.as_ref()).masked_json().to_string();
    assert!(!shown.contains("canary") && !shown.contains("later0"), "{shown}");
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_declared() {
    let monitor = Recorder::start(false, None).await;
    let bad = |path: &[&str], new: Json| request(&with(everything(), path, Value::from(new)));
    for (asked, told) in [
        (bad(&["registry", "sku"], json!("Huge")), "Huge"),
        (bad(&["workers"], json!(3)), "`workers` is not an input"),
        (rpc::ConstructRequest { stack: "Dev_1".into(), ..request(&everything()) }, "`Dev_1`"),
        (request(&Value::map()), "declares nothing"),
    ] {
        let status = constructed(&monitor, asked).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(told), "{status}");
    }
    let other = rpc::ConstructRequest { r#type: "modelops:index:Other".into(), ..request(&everything()) };
    assert_eq!(constructed(&monitor, other).await.expect_err("refused").code(), Code::NotFound);
    assert!(monitor.recorded().resources.is_empty());
}

#[tokio::test]
async fn a_child_that_fails_ends_the_component_and_what_is_made_from_it_is_not_declared() {
    let monitor = Recorder::start(false, Some("modelops:azure:StorageAccount")).await;
    let status = constructed(&monitor, request(&everything())).await.expect_err("failed");
    assert_eq!(status.code(), Code::Aborted, "{status}");
    let recorded = monitor.recorded();
    assert!(recorded.outputs.is_empty());
    assert!(recorded.resources.iter().all(|resource| resource.r#type != "modelops:azure:BlobContainer"));
    of_type(&recorded, "azure:ManagedCluster");
}

//! A node's way to its registry: the metadata service gives the kubelet's token, and the registry trades it. The service is
//! answered in the pipeline, so that nothing leaves this machine.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use mops_host::{Env, SystemClock};
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::image::Image;
use mops_tests::push::{Login, push};
use mops_wire::fault::{Call, Fault, FaultLayer};
use mops_wire::{Http, HttpConfig};
use serde_json::{Value, json};

use crate::client::{API_REGISTRY, Bench};

const HOST: &str = "modelopsdevacr.azurecr.io";
const IMAGE: &str = "modelopsdevacr.azurecr.io/team/worker:1";
const ACR: &str = "Microsoft.ContainerRegistry/registries/modelopsdevacr";
const KUBELET: &str = "c1ient-of-the-kubelet";

/// The metadata service of a machine that has one identity.
struct Metadata {
    token: String,
}

impl FaultLayer for Metadata {
    fn before(&self, call: Call<'_>) -> Option<Fault> {
        if call.url.host_str() != Some("169.254.169.254") {
            return None;
        }
        let asked = |name: &str| call.url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
        let known = asked("client_id").as_deref() == Some(KUBELET);
        let (status, body): (StatusCode, Value) = match asked("resource").as_deref() {
            Some("https://management.azure.com/") if known => (StatusCode::OK, json!({"access_token": self.token})),
            _ => (
                StatusCode::BAD_REQUEST,
                json!({"error": "invalid_request", "error_description": "Identity not found"}),
            ),
        };
        Some(Fault::Answer { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() })
    }
}

/// What a probe in the network of a node sees, whose identity the registry knows.
async fn probe(kubelet: Option<&str>) -> Vec<Observation> {
    let bench = Bench::new().await.with_group("g").await;
    let path = format!("{}/providers/{ACR}", bench.group("g"));
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
    bench.arm("PUT", &path, API_REGISTRY, Some(body)).await;
    bench.pass(60);
    let listed = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
    let password = listed.body["passwords"][0]["value"].as_str().expect("a password").into();
    let login = Login { host: HOST.into(), username: "modelopsdevacr".into(), password };
    push(&bench.http, &login, &Image::tiny("team/worker:1", "hello").expect("in memory")).await.expect("a push");

    let faults: Arc<dyn FaultLayer> = Arc::new(Metadata { token: bench.token.clone() });
    let config = HttpConfig { faults: Some(faults), this_machine_only: false, ..bench.http.config().clone() };
    let http = Http::new(config).expect("a pipeline");
    let env = [(names::NODE, "1"), (names::REGISTRY, HOST), (names::IMAGES, IMAGE)].into_iter();
    let env = Env::of(env.chain(kubelet.map(|id| (names::KUBELET_ID, id))));
    checks::run(&Settings::from_env(&env), &http, &SystemClock::shared()).await
}

fn of<'a>(seen: &'a [Observation], check: &str) -> &'a Observation {
    seen.iter().find(|o| o.check == check).unwrap_or_else(|| panic!("no {check} in {seen:?}"))
}

#[tokio::test]
async fn a_node_pulls_as_its_kubelet_does() {
    let seen = probe(Some(KUBELET)).await;
    let ways =
        [check::IDENTITY, check::IDENTITY_EXCHANGE, check::IDENTITY_ACCESS, check::REGISTRY_V2, check::REGISTRY_PULL];
    for way in ways {
        let passed = |o: &&Observation| o.check == way && o.variant == variant::KUBELET && o.outcome == Outcome::Ok;
        assert!(seen.iter().any(|o| passed(&o)), "{way}: {seen:?}");
    }
    let others = [check::ENV, check::PULL_SECRET, check::STORAGE_READ, check::STORAGE_SAS];
    assert!(!seen.iter().any(|o| others.contains(&o.check.as_str())), "a node has no worker: {seen:?}");
    assert!(!format!("{seen:?}").contains("eyJ"), "no token is shown");
}

#[tokio::test]
async fn an_identity_that_the_node_lacks_has_a_code_and_an_unknown_one_is_not_asked_for() {
    let seen = probe(Some("another")).await;
    let refused = of(&seen, check::IDENTITY);
    assert_eq!((refused.outcome, refused.status), (Outcome::Failed, Some(400)), "{refused:?}");
    assert!(refused.has_code(code::IDENTITY_UNKNOWN) && refused.target == "another", "{refused:?}");
    assert!(!seen.iter().any(|o| o.check == check::IDENTITY_EXCHANGE), "{seen:?}");
    let seen = probe(None).await;
    assert_eq!(of(&seen, check::IDENTITY).outcome, Outcome::Skipped);
    assert!(seen.iter().any(|o| o.check == check::REGISTRY_CHALLENGE && o.outcome == Outcome::Ok), "{seen:?}");
}

//! The probe's own image cannot be pulled: which ways are gone then, and what a report says of each.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use mops_core::BoxFuture;
use mops_diagnose::observed::Vantage;
use mops_diagnose::request::PROBE_IMAGE;
use mops_diagnose::{Report, Request, report};
use mops_probe::Observation;
use mops_probe::observation::check;
use mops_tests::kubernetes::{ImagePuller, PullError};
use serde_json::json;

use super::cluster::{HOST, World, causes, diagnose, request, says};

/// Where the worker's image comes from; the probe's needs a login.
struct Guarded;

impl ImagePuller for Guarded {
    fn pull<'a>(&'a self, image: &'a str, configs: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        let known = configs.iter().any(|config| String::from_utf8_lossy(config).contains("ghcr.io"));
        Box::pin(async move {
            match image == PROBE_IMAGE && !known {
                true => Err(PullError::AnonymousToken { url: "https://ghcr.io/token".into(), status: 401 }),
                false => Ok(()),
            }
        })
    }
}

async fn world() -> World {
    let world = World::pulled_by(&says(&[Observation::ok(check::NET_TCP, "", HOST)]), Arc::new(Guarded)).await;
    world.workload(true).await;
    world
}

fn everywhere(secret: Option<&str>) -> Request {
    let mut request = Request { vantages: vec![Vantage::P, Vantage::N], ..request() };
    request.probe.fallback_secret = secret.map(str::to_owned);
    request
}

/// Places from which a probe has told something.
fn told(report: &Report) -> Vec<(Vantage, &str)> {
    let here = report.probes.iter().filter(|o| o.check == check::NET_TCP);
    let mut places: Vec<_> = here.map(|o| (o.vantage, o.pool.as_str())).collect();
    places.sort_unstable();
    places
}

#[tokio::test]
async fn without_any_way_the_note_names_what_was_tried_and_the_rest_of_the_run_goes_on() {
    let world = world().await;
    let report = diagnose(everywhere(Some("absent")), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(told(&report), [], "{text}");
    assert!(causes(&report).contains(&"PROBE_IMAGE_UNAVAILABLE"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "nothing was asked from there: failed to resolve image",
        "tried as it is, with pull secret `absent`, from the worker's image",
    ] {
        assert!(flat.contains(words), "{words}: {text}");
    }
    // What the objects of the cluster say is there all the same.
    assert!(report.probes.iter().any(|o| o.check == "secret.env"), "{text}");
    assert_eq!((report.summary.exit_code, report.cleanup.complete, world.probes_left()), (3, true, 0), "{text}");
}

#[tokio::test]
async fn the_named_pull_secret_is_the_second_way() {
    let world = world().await;
    let config = json!({"auths": {"ghcr.io": {"username": "u", "password": "canary-ghcr"}}}).to_string();
    world
        .make::<Secret>(json!({"metadata": {"name": "ours"}, "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config}}))
        .await;
    let report = diagnose(everywhere(Some("ours")), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(told(&report).len(), 4, "two pools, pods and nodes: {text}");
    assert!(!causes(&report).contains(&"PROBE_IMAGE_UNAVAILABLE"), "{text}");
    assert!(report.notices.iter().any(|n| n.contains("pool cpu") && n.contains("`ours`")), "{:?}", report.notices);
    assert!(!(text + &report::json(&report).to_string()).contains("canary"));
    assert_eq!((report.cleanup.complete, world.probes_left()), (true, 0));
}

/// The node of the worker has its image; another pool's has not, and nothing is pulled for the probe's sake.
#[tokio::test]
async fn the_workers_image_is_the_third_way_when_it_holds_the_probe() {
    let world = world().await;
    world.fake.install("reg.azurecr.io/worker:1", "mops-probe");
    let report = diagnose(everywhere(None), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(told(&report), [(Vantage::N, "cpu"), (Vantage::P, "cpu")], "{text}");
    assert!(report.notices.iter().any(|n| n.contains("pool cpu") && n.contains("worker's image")), "{text}");
    let unavailable = report.findings.iter().find(|f| f.cause_id == "PROBE_IMAGE_UNAVAILABLE").expect("for pool gpu");
    assert!(unavailable.message.contains("gpu"), "{text}");
    assert_eq!((report.cleanup.complete, world.probes_left()), (true, 0));
}

//! GPU pools against the Kubernetes fake: step 6 of a smoke test, in which a pod gets a GPU where a pool offers one and
//! nowhere else, and a pool that nobody can use.

use mops_diagnose::observed::{Status, check};
use mops_diagnose::report;
use mops_diagnose::smoke::{Artefact, SmokeTest};
use mops_diagnose::{Command, Report, Request, look};
use mops_tests::kubernetes::NodePool;
use serde_json::json;

use super::cluster::{World, diagnose, observations, request, says};

async fn asked_for_a_gpu(world: &World) -> Report {
    let smoke = SmokeTest { gpu: true, ..SmokeTest::new("7f3a", Artefact::tiny("7f3a"), Vec::new()) };
    let request = Request { smoke: Some(smoke), ..request() };
    look(Command::SmokeTest, request, world.services()).await.report()
}

#[tokio::test]
async fn a_pod_gets_a_gpu_where_a_pool_offers_one() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let without = asked_for_a_gpu(&world).await;
    assert!(without.skipped.iter().any(|s| s.what == "GPU" && s.required), "{:?}", without.skipped);
    assert_eq!(without.summary.exit_code, 3);

    world.fake.add_pool(&NodePool { name: "a100".into(), count: 1, gpus: 1, managed: true, ..NodePool::default() });
    let with = asked_for_a_gpu(&world).await;
    let got: Vec<_> =
        with.probes.iter().filter(|o| o.check == check::GPU).map(|o| (o.pool.as_str(), o.status)).collect();
    assert_eq!(got, [("a100", Status::Pass)]);
    assert!(with.cleanup.complete && world.probes_left() == 0);
}

/// The sandbox's pool has the hardware, a taint, and nobody who announces the devices.
#[tokio::test]
async fn a_gpu_pool_that_nobody_can_use_is_named() {
    let world = World::new(&says(&observations())).await;
    let labels = [("node.kubernetes.io/instance-type".to_owned(), "Standard_NC4as_T4_v3".to_owned())].into();
    let taints = vec!["sku=gpu:NoSchedule".to_owned()];
    world.fake.add_pool(&NodePool { name: "t4".into(), count: 1, labels, taints, gpus: 1, ..NodePool::default() });
    world.workload(true).await;
    world
        .make::<k8s_openapi::api::core::v1::Pod>(json!({
            "metadata": {"name": "dask-worker-2", "labels": {"app": "dask-worker"}},
            "spec": {"containers": [{
                "name": "worker", "image": "reg.azurecr.io/worker:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}
            }]}
        }))
        .await;
    let report = diagnose(request(), world.services()).await;
    let text = report::text(&report, 80, false);
    let about: Vec<_> = report.findings.iter().map(|f| (f.cause_id.as_str(), f.target.as_str())).collect();
    assert!(about.contains(&("GPU_TOLERATION_MISSING", "t4")), "{text}");
    assert!(about.contains(&("GPU_PLUGIN_MISSING", "t4")), "{text}");
    assert!(!about.iter().any(|(id, target)| id.starts_with("GPU_") && *target != "t4"), "{text}");
    assert!(text.contains("sku=gpu:NoSchedule"), "{text}");
}

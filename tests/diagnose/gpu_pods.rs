//! Step 6 of a smoke test against the Kubernetes fake: a pod gets a GPU where a pool offers one, and nowhere else.

use mops_diagnose::observed::{Status, check};
use mops_diagnose::smoke::{Artefact, SmokeTest};
use mops_diagnose::{Command, Report, Request, look};
use mops_tests::kubernetes::NodePool;

use super::cluster::{World, observations, request, says};

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

//! `--scale-up` against the Kubernetes fake: a pool at zero gets a node and is then probed, or it is told in the
//! autoscaler's own words why not; nothing is left in any case.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, PostParams};
use mops_diagnose::observed::check;
use mops_diagnose::permissions::{self, Purpose};
use mops_diagnose::{Command, KnownPool, Report, Request, Services, report};
use mops_host::clock::{Clock as _, ManualClock, SystemClock};
use mops_probe::observation::check as probe;
use mops_tests::kubernetes::{KubernetesFake, NodePool};
use serde_json::{Value as Json, json};

use super::cluster::{NAMESPACE, World, diagnose, observations, request, says};

const LIMIT: Duration = Duration::from_secs(900);
const TAINT: &str = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule";

fn asked(autoscale: Option<(u32, u32)>) -> Request {
    let pool = KnownPool { name: "gpuspot".into(), autoscale, taints: vec![TAINT.into()], ..KnownPool::default() };
    Request { scale_up: Some(LIMIT), pools: vec![pool], ..request() }
}

/// The run's pod for the pool, as soon as the scheduler has found no node for it.
async fn waiting(fake: &Arc<KubernetesFake>) -> Json {
    loop {
        let waits = |p: &Json| {
            let name = p["metadata"]["name"].as_str().unwrap_or_default();
            name.starts_with("mops-probe-7f3a-s") && p["status"]["conditions"][0]["status"] == "False"
        };
        if let Some(pod) = fake.objects("Pod", NAMESPACE).into_iter().find(waits) {
            return pod;
        }
        fake.changed().await;
    }
}

fn not_scaled(report: &Report) -> Option<(&str, bool)> {
    let about = |what: &str| what.contains("pool gpuspot") && what != "pool gpuspot";
    report.skipped.iter().find(|s| about(&s.what)).map(|s| (s.why.as_str(), s.required))
}

async fn event(world: &World, namespace: &str, event: Json) {
    let event: Event = serde_json::from_value(event).expect("an event");
    let events: Api<Event> = Api::namespaced(world.client.clone(), namespace);
    events.create(&PostParams::default(), &event).await.expect("made");
}

/// B-19: an unpinned pod with the pool's label and tolerations; with the node come the pool's checks.
#[tokio::test]
async fn a_pool_at_zero_gets_a_node_and_is_probed() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let fake = Arc::clone(&world.fake);
    let autoscaler = async {
        let pod = waiting(&fake).await;
        let spec = &pod["spec"];
        assert_eq!((&spec["nodeSelector"], &spec["affinity"]), (&json!({"agentpool": "gpuspot"}), &Json::Null));
        let key = "kubernetes.azure.com/scalesetpriority";
        assert!(spec["tolerations"].as_array().is_some_and(|all| all.iter().any(|t| t["key"] == key)), "{spec}");
        let taints = vec![TAINT.to_owned()];
        fake.add_pool(&NodePool { name: "gpuspot".into(), count: 1, taints, ..NodePool::default() });
    };
    let (report, ()) = tokio::join!(diagnose(asked(Some((0, 2))), world.services()), autoscaler);
    let text = report::text(&report, 80, false);
    assert_eq!(report.summary.exit_code, 0, "{text}");
    let probed = report.probes.iter().filter(|o| o.check == probe::STORAGE_READ).map(|o| o.pool.as_str());
    assert_eq!(probed.collect::<Vec<_>>(), ["cpu", "gpu", "gpuspot"], "{text}");
    assert!(
        report.notices.iter().any(|n| n.starts_with("pool gpuspot was scaled up from 0 nodes; its node costs")),
        "{text}"
    );
    let steps = world.steps().join("\n");
    assert!(steps.contains("this run may take 1020 s"), "{steps}");
    assert!(
        steps.contains("scaling pool gpuspot up from 0 nodes: some minutes, at most 900 s; the node costs"),
        "{steps}"
    );
    assert!(report.cleanup.complete && world.probes_left() == 0);

    // Without the flag it stays as it is; with a node there is nothing to scale.
    fake.remove_pool("gpuspot");
    let report = diagnose(Request { scale_up: None, ..asked(Some((0, 2))) }, world.services()).await;
    let pool = report.probes.iter().find(|o| o.check == check::POOL && o.pool == "gpuspot").expect("the pool");
    assert_eq!(pool.reason, "0 nodes (autoscale 0-2)");
    println!("B-19 scaled=1");
}

#[tokio::test]
async fn without_an_autoscaler_nothing_is_made_and_the_change_is_named() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    for (autoscale, words) in
        [(None, "no autoscaler: set `enableAutoScaling`, `minCount` and `maxCount`"), (Some((0, 0)), "`maxCount`")]
    {
        let report = diagnose(asked(autoscale), world.services()).await;
        let text = report::text(&report, 80, false);
        let why = report.skipped.iter().find(|s| s.what == "pool gpuspot").map(|s| (s.why.contains(words), s.required));
        assert_eq!((why, report.summary.exit_code), (Some((true, true)), 3), "{text}");
    }
    assert!(!world.steps().iter().any(|step| step.contains("scaling")), "{:?}", world.steps());
}

#[tokio::test]
async fn a_node_that_does_not_come_is_told_in_the_autoscalers_words() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let clock = ManualClock::stepped(time::macros::datetime!(2026-11-24 08:00 UTC));
    let services = Services { clock: clock.shared(), ..world.services() };
    let fake = Arc::clone(&world.fake);
    let words = "pod didn't trigger scale-up: 1 in backoff after failed scale-up";
    let later = async {
        let pod = waiting(&fake).await;
        let about = json!({"kind": "Pod", "namespace": NAMESPACE, "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]});
        event(
            &world,
            NAMESPACE,
            json!({
                "metadata": {"name": "a"}, "involvedObject": about, "reason": "NotTriggerScaleUp", "type": "Normal",
                "message": words, "source": {"component": "cluster-autoscaler"}
            }),
        )
        .await;
        // The run's own time is over long before that of the pool.
        for _ in 0..90 {
            clock.advance(Duration::from_secs(10));
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
        // What is left to do has its own time, which goes on.
        loop {
            clock.advance(Duration::from_millis(20));
            SystemClock::new().sleep(Duration::from_millis(10)).await;
        }
    };
    let report = tokio::select! {
        report = diagnose(asked(Some((0, 2))), services) => report,
        () = later => unreachable!("it goes on"),
    };
    let text = report::text(&report, 80, false);
    let want = format!("no node within 900 s: {words}");
    assert_eq!((not_scaled(&report), report.summary.exit_code), (Some((want.as_str(), true)), 3), "{text}");
    // What it waited does not count against the rest of the run.
    let probed = report.probes.iter().filter(|o| o.check == probe::STORAGE_READ).count();
    assert_eq!((probed, world.probes_left()), (2, 0), "{text}");
}

#[tokio::test]
async fn a_quota_is_told_as_azure_says_it_and_ends_the_wait() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let fake = Arc::clone(&world.fake);
    let words = "Scale-up failed for group aks-gpuspot-24117382-vmss: Code=\"OperationNotAllowed\" Message=\"Operation results in \
                 exceeding quota limits of Core. Maximum allowed: 10, Current in use: 7, Additional requested: 4.\"";
    let quota = |name: &str, message: &str| {
        json!({
            "metadata": {"name": name}, "reason": "FailedToScaleUpGroup", "type": "Warning", "message": message,
            "involvedObject": {"kind": "ConfigMap", "namespace": "kube-system", "name": "cluster-autoscaler-status"}
        })
    };
    let azure = async {
        waiting(&fake).await;
        event(&world, "kube-system", quota("another", "Scale-up failed for group aks-gpu-1-vmss: not ours")).await;
        event(&world, "kube-system", quota("ours", words)).await;
    };
    let (report, ()) = tokio::join!(diagnose(asked(Some((0, 2))), world.services()), azure);
    let text = report::text(&report, 80, false);
    assert_eq!((not_scaled(&report), report.summary.exit_code), (Some((words, true)), 3), "{text}");
    assert!(report.cleanup.complete && world.probes_left() == 0, "{text}");
    // For that it reads what the printed roles let it read.
    let roles = permissions::kubernetes(Purpose { scale_up: true, ..Purpose::new(Command::DiagnoseAuth, NAMESPACE) });
    let system: Vec<&Json> = roles.iter().filter(|role| role["metadata"]["namespace"] == "kube-system").collect();
    assert_eq!(system.len(), 1, "{roles:?}");
    assert_eq!(system[0]["rules"], json!([{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]));
}

#[tokio::test]
async fn an_interrupted_scale_up_leaves_nothing() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let services = world.services();
    let (fake, cancel) = (Arc::clone(&world.fake), services.cancel.clone());
    let interrupt = async {
        waiting(&fake).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(diagnose(asked(Some((0, 2))), services), interrupt);
    assert_eq!(report.summary.exit_code, 130);
    assert!(report.cleanup.complete && world.probes_left() == 0, "{:?}", report.cleanup);
}

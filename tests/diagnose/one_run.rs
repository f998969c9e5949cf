//! Whole runs that are promised as one: the original's own set-up, in which each of its defects is met (E-07), and three
//! faults that the cluster's own check does not see (E-11).

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Secret};
use mops_core::BoxFuture;
use mops_diagnose::observed::{Status, Vantage, check};
use mops_diagnose::smoke::{Artefact, SmokeTest};
use mops_diagnose::{Command, NoClient, Request, could_not_run, look, report};
use mops_host::Env;
use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen};
use mops_tests::kubernetes::{ImagePuller, NodePool, PullError};
use serde_json::json;

use super::cluster::{HOST, NAMESPACE, World, causes, diagnose, request, says};
use super::scheduler::with_scheduler;

/// E-07: M-D1 to M-D8, on workers without Python or a shell, in a stack that is not `dev`, beside a scheduler.
#[tokio::test]
async fn the_original_set_up_is_told_in_one_run() {
    let asked = Request { env: "prod".into(), selector: "app=worker".into(), vantages: vec![Vantage::P], ..request() };
    // M-D1: without a cluster there is a cause, and no crash.
    let none = could_not_run(Command::SmokeTest, &asked, &NoClient::Access("no such host".into())).report();
    assert_eq!((causes(&none), none.summary.exit_code), (vec!["K8S_UNREACHABLE"], 3));

    let bin = Env::process().get("MOPS_BIN_DIR").expect("MOPS_BIN_DIR is not set: run `make test`").to_owned();
    let ports = json!([{"port": 8786}, {"port": 8787}]);
    let (world, _server) = with_scheduler(&format!("exec {bin}/mops-probe"), "dask-scheduler", ports).await;
    // M-D3: the names of two variables contain the one that is wanted, and a third is empty.
    let env = json!([{"name": "OLD_REGISTRY_USERNAME", "value": "u"}, {"name": "REGISTRY_USERNAME_FILE", "value": "/u"},
        {"name": "REGISTRY_PASSWORD", "value": ""}]);
    for (name, pool) in [("worker-1", "cpu"), ("worker-2", "gpu")] {
        world
            .make::<Pod>(json!({
                "metadata": {"name": name, "labels": {"app": "worker"}},
                "spec": {"nodeSelector": {"agentpool": pool}, "tolerations": [{"key": "sku", "operator": "Exists"}],
                    "containers": [{"name": "worker", "image": "reg.azurecr.io/scratch:1", "env": env}]}
            }))
            .await;
    }
    world.settled(NAMESPACE).await;
    let smoke = SmokeTest::new("7f3a", Artefact::tiny("7f3a"), Vec::new());
    let request = Request { smoke: Some(smoke), env_secret: None, ..asked };
    let found = look(Command::SmokeTest, request, world.services()).await.report();
    let text = report::text(&found, 80, false);

    // M-D2: what is named is looked at, and nothing else.
    assert_eq!((found.run.env.as_str(), found.run.namespace.as_str()), ("prod", NAMESPACE));
    let workers: BTreeSet<&str> = found.probes.iter().map(|o| o.worker.as_str()).filter(|w| !w.is_empty()).collect();
    assert_eq!(workers, BTreeSet::from(["worker-1", "worker-2"]), "{text}");
    // M-D3: by exact names.
    let about: BTreeSet<(&str, &str)> =
        found.findings.iter().map(|f| (f.cause_id.as_str(), f.target.as_str())).collect();
    for want in [("ENV_MISSING", "REGISTRY_USERNAME"), ("ENV_EMPTY", "REGISTRY_PASSWORD")] {
        assert!(about.contains(&want), "{want:?} {about:?} {text}");
    }
    // M-D4: verdict and exit code come from all checks.
    assert!(found.summary.exit_code == 1 && text.starts_with("smoke-test  env=prod  FAILED"), "{text}");
    // M-D5: a command that is advised has no hole, and a program that is known.
    let commands: Vec<&str> =
        found.findings.iter().flat_map(|f| &f.fixes).filter_map(|f| f.command.as_deref()).collect();
    let known = |command: &&str| ["mops ", "kubectl ", "az "].iter().any(|program| command.starts_with(program));
    assert!(!commands.is_empty() && commands.iter().all(|c| known(c) && !c.contains('{')), "{commands:?}");
    // M-D6, M-D7: a pod of each pool has looked, whatever the image holds, and the rest is listed.
    let ran = found.probes.iter().filter(|o| o.check == check::PROBE && o.status == Status::Pass);
    assert_eq!(ran.map(|o| o.pool.as_str()).collect::<BTreeSet<_>>(), BTreeSet::from(["cpu", "gpu"]), "{text}");
    assert!(text.contains("gpuspot") && text.contains("skipped: 0 nodes (autoscale 0-2)"), "{text}");
    // M-D8: the scheduler is asked, and what is its own is gone.
    let answers = found.probes.iter().filter(|o| o.check == check::SCHEDULER && o.status == Status::Pass).count();
    assert_eq!((answers, found.cleanup.complete, world.probes_left()), (2, true, 0), "{text}");
    println!("E-07 defects=8 runs=1");
}

/// The registry refuses the login of one image's pull secret.
struct Refused;

impl ImagePuller for Refused {
    fn pull<'a>(&'a self, image: &'a str, _: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        Box::pin(async move {
            match image.ends_with("/late:1") {
                true => Err(PullError::OauthToken { url: format!("https://{HOST}/oauth2/token"), status: 401 }),
                false => Ok(()),
            }
        })
    }
}

/// E-11: a network that is closed to pods and not to nodes, a pull secret that is refused, and a taint. `az aks check-acr`
/// looks from one node with the node's identity, and passes in each of these.
#[tokio::test]
async fn what_the_clusters_own_check_does_not_see_is_found_in_one_run() {
    let pod = says(&[Observation::failed(probe::NET_TCP, "", HOST, seen::TIMEOUT)]);
    let node = says(&[Observation::ok(probe::NET_TCP, "", HOST)]);
    let looks = format!("if [ -n \"$MOPS_PROBE_NODE\" ]; then\n{node}\nelse\n{pod}\nfi");
    let world = World::pulled_by(&looks, Arc::new(Refused)).await;
    let labels = [("node.kubernetes.io/instance-type".to_owned(), "Standard_NC4as_T4_v3".to_owned())].into();
    let taints = vec!["modelops.io/role=gpu:NoSchedule".to_owned()];
    world.fake.add_pool(&NodePool { name: "t4".into(), count: 1, labels, taints, gpus: 1, managed: true });
    world.workload(true).await;
    let config = json!({"auths": {HOST: {"username": "u", "password": "canary-old"}}}).to_string();
    let pull = json!({"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config}});
    world.make::<Secret>(pull).await;
    let worker = |name: &str, spec: serde_json::Value| json!({"metadata": {"name": name, "labels": {"app": "dask-worker"}}, "spec": spec});
    let late = json!({"nodeSelector": {"agentpool": "cpu"}, "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "worker", "image": format!("{HOST}/late:1")}]});
    world.make::<Pod>(worker("dask-worker-2", late)).await;
    let limits = json!({"limits": {"nvidia.com/gpu": "1"}});
    let wants = json!({"containers": [{"name": "worker", "image": format!("{HOST}/worker:1"), "resources": limits}]});
    world.make::<Pod>(worker("dask-worker-3", wants)).await;
    world.settled(NAMESPACE).await;

    let found = diagnose(Request { vantages: vec![Vantage::P, Vantage::N], ..request() }, world.services()).await;
    let text = report::text(&found, 80, false);
    let seen: BTreeSet<&str> = causes(&found).into_iter().collect();
    for cause in ["NETWORK_POLICY", "KUBELET_BAD_CREDENTIALS", "GPU_TOLERATION_MISSING"] {
        assert!(seen.contains(cause), "{cause}: {text}");
    }
    assert_eq!((found.summary.exit_code, world.probes_left()), (1, 0), "{text}");
    assert!(!report::json(&found).to_string().contains("canary-"));
    println!("E-11 faults=3 runs=1");
}

//! Promise: `mops smoke-test` and `mops diagnose-auth` look from real pods of every pool, also of one that repels pods,
//! and a pull secret whose password is refused is named as the cause of what the real kubelets say, on both runtimes.

use std::collections::BTreeSet;
use std::time::Duration;

use mops_host::clock::{Clock as _, SystemClock};
use mops_tests::job::{FILE, Job};
use serde_json::Value;

use crate::pods::{
    NAMESPACE, job_with_cluster, kubectl, late_worker, left, push_images, push_workload, take_away_the_plugin,
};

const POOLS: [&str; 2] = ["gpu", "system"];

/// The report of a verb that must end with this code and take its own pods away.
async fn report(job: &Job, verb: &str, code: i32) -> Value {
    let output = job.run(&["mops", verb, "--json"]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.code, Some(code), "{verb}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(said.trim()).expect("one object");
    assert_eq!(report["cleanup"]["complete"], true, "{}", report["cleanup"]);
    report
}

fn seen<'a>(report: &'a Value, vantage: &str, pool: &str) -> Vec<&'a Value> {
    let probes = report["probes"].as_array().into_iter().flatten();
    probes.filter(|o| o["vantage"] == vantage && o["pool"] == pool).collect()
}

/// From a pod of each pool the registry and the storage must have answered as they should.
fn green_in_every_pool(report: &Value) {
    for pool in POOLS {
        let seen = seen(report, "P", pool);
        let failed: Vec<_> = seen.iter().filter(|o| o["status"] != "pass").collect();
        assert!(failed.is_empty(), "{pool}: {failed:?}");
        assert!(seen.iter().all(|o| o["node"] == pool), "{pool}: {seen:?}");
        let checks: BTreeSet<&str> = seen.iter().filter_map(|o| o["check"].as_str()).collect();
        for check in ["registry.v2", "registry.pull", "storage.read", "storage.write_refused"] {
            assert!(checks.contains(check), "{pool} lacks {check}: {checks:?}");
        }
    }
}

async fn until_it_backs_off(pool: &str) {
    let path = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    let (clock, name) = (SystemClock::new(), format!("late-{pool}"));
    while kubectl(&["get", "pod", &name, "-n", NAMESPACE, "-o", path]).await != "ImagePullBackOff" {
        assert!(clock.monotonic() < Duration::from_secs(60), "{name} does not back off");
        clock.sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn every_pool_is_proven_from_its_own_pods() {
    let Some(job) = job_with_cluster("proof from pods of every pool") else { return };
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    let with_workload = left().await;
    for verb in ["smoke-test", "diagnose-auth"] {
        green_in_every_pool(&report(&job, verb, 0).await);
    }
    assert_eq!(left().await, with_workload, "a check leaves nothing");

    push_images(&job, &["worker:2"]).await;
    job.ask_to("/break/registry-password");
    for pool in POOLS {
        late_worker(pool, "worker:2").await;
    }
    for pool in POOLS {
        until_it_backs_off(pool).await;
    }
    let report = report(&job, "diagnose-auth", 1).await;
    for pool in POOLS {
        let pulls = seen(&report, "K", pool).into_iter().filter(|o| o["check"] == "kubelet.pull");
        let said: Vec<&Value> = pulls.map(|o| &o["error_code"]).collect();
        assert_eq!(said, ["CREDENTIAL_REFUSED"], "the kubelet of {pool}");
    }
    let causes: BTreeSet<&str> =
        report["findings"].as_array().into_iter().flatten().filter_map(|f| f["cause_id"].as_str()).collect();
    assert_eq!(causes, BTreeSet::from(["ACR_PASSWORD_ROTATED"]), "{}", report["findings"]);

    for pool in POOLS {
        kubectl(&["delete", "pod", &format!("late-{pool}"), "-n", NAMESPACE]).await;
    }
    job.good(&["mops", "infra", "up", FILE, "--refresh", "--yes"]).await;
    green_in_every_pool(&self::report(&job, "diagnose-auth", 0).await);
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
}

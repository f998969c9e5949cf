//! A workspace of many pods, of which two in five cannot pull: for whoever counts time, memory or lines.

use mops_diagnose::Capture;
use mops_diagnose::observed::{Object, Observed, Vantage, check};
use mops_diagnose::report::{Command, Report};
use mops_probe::Observation;
use mops_probe::observation::check as probe;

use crate::reports::{clean, healthy, record};

/// What its run saw, each pod in one of three pools.
#[must_use]
pub fn capture(pods: usize) -> Capture {
    let mut seen = Vec::new();
    for n in 0..pods {
        let (pool, node) = (["system", "gpu", "spot"][n % 3], format!("node-{}", n / 30));
        let pod = format!("dask-worker-5d4f8c7b9-{}", suffix(n));
        for o in healthy() {
            seen.push(Observed::at(Vantage::P, o).on(pool, &node).standing_for(&pod, Some(&pod)));
        }
        if n % 5 < 2 {
            let o = Observation::failed(check::KUBELET, "", "reg.azurecr.io/worker:1", "CREDENTIAL_REFUSED");
            let object = Object::new("Pod", "modelops-dask-dev", &pod);
            seen.push(Observed::at(Vantage::K, o).on(pool, &node).standing_for(&pod, Some(&pod)).about(object));
            let o = Observation::failed(probe::REGISTRY_TAGS, "env", "reg.azurecr.io", "TEAPOT").status(418);
            seen.push(Observed::at(Vantage::P, o).on(pool, &node).standing_for(&pod, Some(&pod)));
        }
    }
    record(Command::DiagnoseAuth, seen, Vec::new(), clean())
}

/// The report of a thousand pods, in which every pod stands for itself, where the rules keep one a place.
///
/// # Panics
/// When no rule knows a refused pull.
#[must_use]
pub fn report() -> Report {
    let mut report = capture(1000).report();
    let waiting = report.probes.iter().filter(|o| o.vantage == Vantage::K);
    let (ids, pods) = waiting.map(|o| (o.id.clone(), o.object.clone().expect("a pod"))).unzip();
    let first = report.findings.iter_mut().find(|f| f.vantage == [Vantage::K]).expect("a cause");
    (first.evidence, first.objects) = (ids, pods);
    report
}

/// Five letters as Kubernetes takes them.
fn suffix(mut n: usize) -> String {
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::new();
    for _ in 0..5 {
        text.push(char::from(letters[n % letters.len()]));
        n /= letters.len();
    }
    text
}

//! Whether workers that ask for a GPU bear the taints of a pool that has one: otherwise they wait for ever.

use mops_core::Place;

use super::pool::Pool;
use super::reader::{Context, Spanned};
use super::root::StackFile;
use super::taint::{Effect, Taint};
use super::toleration::Toleration;

/// What a pod asks for to get a GPU.
const GPU: &str = "nvidia.com/gpu";

/// Warns of workers that no pool with GPUs takes.
pub(super) fn check(file: &StackFile, cx: &mut Context) {
    let Some(spec) = file.workspace.as_ref().map(|w| &w.spec) else { return };
    let resources = spec.workers.resources.as_ref();
    let Some((_, asked)) = resources.and_then(|r| r.limits.iter().find(|(name, _)| name == GPU)) else { return };
    let Some(aks) = file.cluster.as_ref().and_then(|c| c.aks.as_ref()) else { return };
    let pools = aks.node_pools.iter().filter(|pool| pool.gpu().is_some());
    let closed = pools.map(|pool| Some((pool, repelling(pool, &spec.tolerations)?))).collect::<Option<Vec<_>>>();
    match closed.as_ref().map(|pools| pools.first()) {
        // One of them takes the workers.
        None => {}
        Some(None) => {
            let hint = "add a pool with such a `vm_size`, or take `nvidia.com/gpu` out of `resources`";
            cx.warning(&asked.place, "the workers ask for a GPU, and no node pool has one", hint);
        }
        Some(Some((pool, taint))) => warn(&asked.place, pool, taint, cx),
    }
}

fn warn(place: &Place, pool: &Pool, taint: &Taint, cx: &mut Context) {
    let summary = format!(
        "the workers ask for a GPU and do not bear the taint `{}` of pool `{}`: they would wait for ever",
        taint.text(),
        pool.name.as_str()
    );
    let hint = format!(
        "add to `workspace.spec`: `tolerations: [{{key: {}, operator: Exists, effect: {}}}]`",
        taint.key,
        taint.effect.as_str()
    );
    cx.warning(place, summary, hint);
}

/// Spot nodes have it from AKS.
fn of_spot() -> Taint {
    let key = "kubernetes.azure.com/scalesetpriority".to_owned();
    Taint { key, value: "spot".to_owned(), effect: Effect::NoSchedule }
}

/// The first taint of a pool that keeps the pods away.
fn repelling(pool: &Pool, tolerations: &[Spanned<Toleration>]) -> Option<Taint> {
    let spot = pool.spot.as_ref().is_some_and(|spot| spot.value).then(of_spot);
    let mut all = pool.taints.iter().map(|taint| taint.value.clone()).chain(spot);
    all.find(|taint| repels(taint) && !tolerations.iter().any(|t| t.bears(taint)))
}

/// AKS lets whoever asks for a GPU bear a taint with the name of the resource (its `ExtendedResourceToleration`).
fn repels(taint: &Taint) -> bool {
    match taint.effect {
        Effect::PreferNoSchedule => false,
        Effect::NoSchedule => taint.key != GPU,
        Effect::NoExecute => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::stackfile::load;

    fn told(pool: &str, spec: &str) -> String {
        let text = format!(
            "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks:\n    node_pools:\n      - {{name: s, mode: System, vm_size: Standard_B2s, count: 1}}\n      - {{name: gpu, vm_size: {pool}, count: 1}}\nworkspace:\n  metadata: {{name: w}}\n  spec:\n    scheduler: {{image: a/s:1}}\n    workers: {{image: a/w:1, replicas: 1, resources: {{cpu: 1, nvidia.com/gpu: 1}}}}\n{spec}"
        );
        load("f.yaml", &text).diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn workers_that_no_gpu_pool_takes_are_told_of() {
        assert_eq!(told("Standard_NC6s_v3", ""), "");
        assert!(told("Standard_D4s_v5", "").contains("no node pool has one"));
        let tainted = "Standard_NC6s_v3, taints: [\"sku=gpu:NoSchedule\"]";
        assert!(told(tainted, "").contains("do not bear the taint `sku=gpu:NoSchedule` of pool `gpu`"));
        assert_eq!(told(tainted, "    tolerations: [{key: sku, operator: Exists}]\n"), "");
        assert_eq!(told(tainted, "    tolerations: [{key: sku, value: gpu, effect: NoSchedule}]\n"), "");
        assert!(told(tainted, "    tolerations: [{key: sku, value: cpu}]\n").contains("do not bear"));
        assert_eq!(told("Standard_NC6s_v3, taints: [\"nvidia.com/gpu=present:NoSchedule\"]", ""), "");
        assert_eq!(told("Standard_NC6s_v3, taints: [\"a=b:PreferNoSchedule\"]", ""), "");
        assert!(told("Standard_NC6s_v3, spot: true", "").contains("scalesetpriority=spot:NoSchedule"));
    }
}

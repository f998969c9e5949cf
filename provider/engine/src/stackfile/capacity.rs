//! How much one AKS cluster holds, and what it keeps for itself: limits of the service, told before anything is called.

use mops_core::Place;

use super::pool::{Pool, PoolMode};
use super::reader::{Context, Spanned};
use super::taint::Effect;

/// Pools of one cluster.
const MOST_POOLS: usize = 100;
/// Nodes of one cluster, all pools together.
const MOST_NODES: i64 = 5000;
/// Labels and taints that AKS sets itself begin so.
const OWN: &str = "kubernetes.azure.com/";
/// The one label of them that may be declared: it says what a spot pool has anyway.
const SPOT: &str = "kubernetes.azure.com/scalesetpriority";

/// Checks the pools of a cluster together.
pub(super) fn check(pools: &[Spanned<Pool>], place: &Place, cx: &mut Context) {
    if pools.len() > MOST_POOLS {
        let summary = format!("{} node pools; a cluster has at most {MOST_POOLS}", pools.len());
        cx.error(place, summary, "join pools of the same size, or make a second cluster");
    }
    let nodes: i64 = pools.iter().map(|pool| most(pool)).sum();
    if nodes > MOST_NODES {
        let summary = format!("the pools may have {nodes} nodes together; a cluster has at most {MOST_NODES}");
        cx.error(place, summary, "lower `count` or `max` of a pool, or make a second cluster");
    }
    for pool in pools {
        check_kept(pool, cx);
    }
}

fn most(pool: &Pool) -> i64 {
    let max = pool.max.as_ref().map(|n| n.0);
    max.or(pool.count.as_ref().map(|n| n.0)).unwrap_or_default()
}

/// What AKS keeps for itself.
fn check_kept(pool: &Pool, cx: &mut Context) {
    for (key, _) in pool.labels.0.iter().filter(|(key, _)| key.starts_with(OWN) && key.value != SPOT) {
        let summary = format!("AKS keeps labels that begin with `{OWN}` for itself");
        cx.error(&key.place, summary, "give the label another domain, for example `modelops.io/`");
    }
    for taint in pool.taints.iter().filter(|_| pool.mode() == PoolMode::System) {
        if taint.effect != Effect::PreferNoSchedule && taint.key != "CriticalAddonsOnly" {
            let summary =
                format!("a System pool cannot have the taint `{}`: AKS runs its own pods there", taint.text());
            cx.error(
                &taint.place,
                summary,
                "use `CriticalAddonsOnly=true:NoSchedule`, or put the taint on a User pool",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::stackfile::load;

    fn told(pools: &str) -> Vec<String> {
        let text = format!(
            "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks:\n    node_pools:\n{pools}"
        );
        load("f.yaml", &text).diagnostics.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_cluster_has_a_hundred_pools_and_five_thousand_nodes() {
        let pools = |n: usize, count: usize| -> String {
            let row = |i| format!("      - {{name: p{i}, mode: System, vm_size: Standard_B2s, count: {count}}}\n");
            (0..n).map(row).collect()
        };
        assert_eq!(told(&pools(100, 50)), Vec::<String>::new());
        assert!(told(&pools(101, 1))[0].contains("101 node pools; a cluster has at most 100"));
        assert!(told(&pools(6, 1000))[0].contains("6000 nodes together; a cluster has at most 5000"));
    }

    #[test]
    fn what_aks_keeps_for_itself_is_refused() {
        let pool =
            |more: &str| told(&format!("      - {{name: s, mode: System, vm_size: Standard_B2s, count: 1, {more}}}\n"));
        assert!(pool("labels: {kubernetes.azure.com/mode: x}")[0].contains("AKS keeps labels"));
        assert!(pool("taints: [\"a=b:NoSchedule\"]")[0].contains("cannot have the taint `a=b:NoSchedule`"));
        assert_eq!(pool("taints: [\"CriticalAddonsOnly=true:NoSchedule\"]"), Vec::<String>::new());
    }
}

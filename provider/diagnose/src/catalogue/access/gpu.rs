//! What a GPU pool needs before a worker can use it.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "GPU_SKU_UNAVAILABLE",
        title: "The region does not sell this size here",
        meaning: "The machine size of the pool is not offered to this subscription in this region or zone. The pool cannot \
                  be made or grow, whatever the quota says.",
        signal: "the region's list of sizes carries a restriction for the size",
        near_miss: "a size that is offered while too few vCPUs are free is GPU_QUOTA_SHORT",
        severity: Severity::Warning,
        repair: Repair::Stack,
        remedy: Remedy {
            text: "take another size or another region in the stack file",
            stack: "",
            plain: "az vm list-skus --size {target} --all --output table",
        },
        rules: &[certain(
            &[failed(&[check::ARM_SIZES]).code(&[code::RESTRICTED])],
            "pool {pool}: the size `{target}` cannot be had: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "GPU_QUOTA_SHORT",
        title: "The quota is too small for the pool",
        meaning: "The pool at its largest, with the nodes that an upgrade adds, needs more vCPUs than the subscription has \
                  left in this family or altogether. It works until the pool has to grow.",
        signal: "vCPUs of a node times (largest count and surge, less what already runs) are more than the free quota",
        near_miss: "a quota that is exactly enough passes",
        severity: Severity::Warning,
        repair: Repair::Stack,
        page: "https://learn.microsoft.com/azure/quotas/per-vm-quota-requests",
        remedy: Remedy { text: "ask for more quota, or lower the pool's largest count", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[check::ARM_QUOTA]).code(&[code::SHORT])],
            "pool {pool}: the quota of `{target}` does not reach: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "GPU_TOLERATION_MISSING",
        title: "No worker may run on the GPU pool",
        meaning: "The pool keeps other pods away by a taint, or cuts its GPUs in a way that no worker asks for. Its \
                  machines cost money and stay empty, while the workers run elsewhere or wait.",
        signal: "a taint NoSchedule or NoExecute of the pool that no worker tolerates, or a MIG or driver setting that no \
                 worker's request matches",
        near_miss: "a taint PreferNoSchedule only advises, and passes",
        severity: Severity::Warning,
        repair: Repair::Stack,
        remedy: Remedy {
            text: "write the toleration, or the resource that the pool offers, into the stack file",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl describe nodes -l agentpool={pool}",
        },
        rules: &[certain(
            &[failed(&[check::TAINTS]).code(&[code::NOT_TOLERATED, code::NOT_REQUESTED])],
            "no worker can use pool {pool}: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "GPU_PLUGIN_MISSING",
        title: "Nodes with GPUs do not offer them",
        meaning: "The machines have GPUs, and Kubernetes does not know: the device plugin that announces them runs on none \
                  of the nodes. Every pod that asks for a GPU waits for ever.",
        signal: "nodes of a GPU size are Ready, `nvidia.com/gpu` is not allocatable on them, and they run no pod of a device \
                 plugin or GPU operator",
        near_miss: "a plugin pod that is there and not ready gives the finding of that pod",
        repair: Repair::Apply,
        sources: &["Azure/AKS#5035", "Azure/AKS#4418"],
        remedy: Remedy {
            text: "let the stack install the plugin with `gpu.plugin`",
            stack: "mops infra up {file}",
            plain: "kubectl get daemonsets --all-namespaces",
        },
        rules: &[certain(&[failed(&[check::GPU_PLUGIN]).code(&[code::NONE])], "pool {pool} offers no GPU: {detail}")],
        ..CAUSE
    },
];

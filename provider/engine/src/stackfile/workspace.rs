//! `workspace:` — scheduler, workers and their scaling, in the original's `modelops/v1` form.

use mops_core::Place;

use super::reader::{Check, Context, Spanned, section};
use super::rule::ObjectName;
use super::scalar::{Whole, words};
use super::toleration::{PullSecretRef, Toleration};
use super::workload::{Scheduler, Workers};

words! {
    /// Version of the workspace format.
    WorkspaceApi {
        /// The only one.
        "modelops/v1" V1,
    }
}

words! {
    /// What the section describes.
    WorkspaceKind {
        /// A workspace.
        "Workspace" Workspace,
    }
}

words! {
    /// Who changes the number of workers.
    AutoscalingType {
        /// A HorizontalPodAutoscaler.
        "hpa" Hpa,
        /// The scheduler.
        "dask-adaptive" DaskAdaptive,
    }
}

section! {
    /// Name and place of the workspace.
    Strict Metadata {
        /// Its name.
        "name" name: Spanned<ObjectName>,
        /// Default `modelops-dask-ENV`.
        "namespace" namespace: Option<Spanned<ObjectName>>,
    }
}
impl Check for Metadata {}

section! {
    /// How the number of workers changes.
    Tolerant Autoscaling {
        /// Default true.
        "enabled" enabled: Option<Spanned<bool>>,
        /// `hpa` or `dask-adaptive`; default `hpa`.
        "type" kind: Option<Spanned<AutoscalingType>>,
        /// Fewest workers; default 2.
        "min_workers" min_workers: Option<Spanned<Whole<1, 10_000>>>,
        /// Most workers; default 20.
        "max_workers" max_workers: Option<Spanned<Whole<1, 10_000>>>,
        /// Wanted use of the processor in percent; default 70.
        "target_cpu" target_cpu: Option<Spanned<Whole<10, 100>>>,
        /// Seconds to wait before workers are taken away; default 300.
        "scale_down_delay" scale_down_delay: Option<Spanned<Whole<0, 3600>>>,
    }
}

impl Check for Autoscaling {
    fn check(&self, _: &Place, cx: &mut Context) {
        if let (Some(min), Some(max)) = (&self.min_workers, &self.max_workers)
            && min.0 > max.0
        {
            let summary = format!("min_workers ({}) is greater than max_workers ({})", min.0, max.0);
            cx.error(&min.place, summary, "lower `min_workers` or raise `max_workers`");
        }
    }
}

section! {
    /// What runs in the workspace.
    Tolerant WorkspaceSpec {
        /// The scheduler.
        "scheduler" scheduler: Spanned<Scheduler>,
        /// The workers.
        "workers" workers: Spanned<Workers>,
        /// How the number of workers changes.
        "autoscaling" autoscaling: Option<Spanned<Autoscaling>>,
        /// Taints that the pods bear, as in Kubernetes.
        "tolerations" tolerations: Vec<Spanned<Toleration>>,
        /// Further Secrets of the namespace to pull with.
        "imagePullSecrets" image_pull_secrets: Vec<Spanned<PullSecretRef>>,
    }
}
impl Check for WorkspaceSpec {
    fn check(&self, _: &Place, cx: &mut Context) {
        let asked = self.workers.resources.as_ref().is_some_and(|r| r.requests.iter().any(|(name, _)| name == "cpu"));
        if self.scaling().kind == Some(AutoscalingType::Hpa) && !asked {
            let summary = "the workers ask for no `cpu`, so the autoscaler cannot tell how busy they are";
            cx.warning(
                &self.workers.place,
                summary,
                "add `resources: {cpu: 1, memory: 2Gi}` to the workers, or `enabled: false`",
            );
        }
    }
}

section! {
    /// What runs in the cluster.
    Strict Workspace {
        /// `modelops/v1`.
        "apiVersion" api_version: Option<Spanned<WorkspaceApi>>,
        /// `Workspace`.
        "kind" kind: Option<Spanned<WorkspaceKind>>,
        /// Name and place.
        "metadata" metadata: Spanned<Metadata>,
        /// What runs.
        "spec" spec: Spanned<WorkspaceSpec>,
    }
}
impl Check for Workspace {}

/// Who changes the number of workers, with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// `None`: the number is fixed.
    pub kind: Option<AutoscalingType>,
    /// Fewest workers.
    pub min: i64,
    /// Most workers.
    pub max: i64,
    /// Wanted use of the processor in percent.
    pub target_cpu: i64,
    /// Seconds before workers are taken away.
    pub scale_down_delay: i64,
    /// Workers at the beginning.
    pub replicas: i64,
}

impl WorkspaceSpec {
    /// The number of workers and who changes it.
    #[must_use]
    pub fn scaling(&self) -> Scaling {
        let auto = self.autoscaling.as_ref().map(|a| &a.value);
        let number = |own: Option<i64>, other: Option<i64>, default: i64| own.or(other).unwrap_or(default);
        let workers = &self.workers.value;
        let own_min = auto.and_then(|a| a.min_workers.as_ref()).map(|n| n.0);
        let own_max = auto.and_then(|a| a.max_workers.as_ref()).map(|n| n.0);
        let min = number(own_min, workers.min_replicas.as_ref().map(|n| n.0), 2);
        let max = number(own_max, workers.max_replicas.as_ref().map(|n| n.0), 20);
        // Only one of the two was given, on the other side of the other's default: the given one counts.
        let (min, max) = if min <= max {
            (min, max)
        } else if own_max.is_some() || workers.max_replicas.is_some() {
            (max, max)
        } else {
            (min, min)
        };
        let enabled = auto.and_then(|a| a.enabled.as_ref()).is_none_or(|e| e.value);
        let kind = auto.and_then(|a| a.kind.as_ref()).map_or(AutoscalingType::Hpa, |k| k.value);
        let replicas = workers.replicas.as_ref().map_or(min, |n| n.0);
        Scaling {
            kind: enabled.then_some(kind),
            min,
            max,
            target_cpu: auto.and_then(|a| a.target_cpu.as_ref()).map_or(70, |n| n.0),
            scale_down_delay: auto.and_then(|a| a.scale_down_delay.as_ref()).map_or(300, |n| n.0),
            replicas: if enabled { replicas.clamp(min, max) } else { replicas },
        }
    }
}

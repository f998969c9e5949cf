//! Which workload a check is about, where it is not that of a stack.

use clap::Args;
use mops_wire::ngc::Model;

use super::value;

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkloadArgs {
    /// Namespace of the pods; no stack is needed then.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The cluster by a context; no stack is needed.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Where that is (or KUBECONFIG).
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<String>,
    /// Labels of the pods (default: app=dask-worker).
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<String>,
    /// Which container of a pod counts.
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Host of the registry.
    #[arg(short, long, value_name = "HOST", value_parser = value::registry_host)]
    pub(crate) registry: Option<String>,
    /// One more image to look up (repeatable).
    #[arg(long, value_name = "REF", value_parser = value::image)]
    pub(crate) image: Vec<String>,
    /// Model (repeatable): ngc:ORG[/TEAM]/NAME:VERSION.
    #[arg(long, value_name = "REF", value_parser = value::model)]
    pub(crate) model: Vec<Model>,
    /// Only this node pool (repeatable).
    #[arg(long, value_name = "NAME")]
    pub(crate) pool: Vec<String>,
    /// The most pods that are probed from.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) max_pods: usize,
    /// Ask Azure's resource manager nothing.
    #[arg(long)]
    pub(crate) no_arm: bool,
}

impl WorkloadArgs {
    /// Whether the cluster is named here.
    pub(crate) const fn names_cluster(&self) -> bool {
        self.context.is_some() || self.kubeconfig.is_some()
    }
}

impl Default for WorkloadArgs {
    /// The workload of the stack, whole.
    fn default() -> Self {
        Self {
            namespace: None,
            context: None,
            kubeconfig: None,
            selector: None,
            container: None,
            registry: None,
            image: Vec::new(),
            model: Vec::new(),
            pool: Vec::new(),
            max_pods: 20,
            no_arm: false,
        }
    }
}

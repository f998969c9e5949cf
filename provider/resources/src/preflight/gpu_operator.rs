//! A pool that leaves driver and device plugin to NVIDIA's operator, in a cluster without it. That is no failure: the
//! operator may come later, and until then no pod gets a GPU.

use mops_clients::kubernetes::{ClusterRef, ObjectRef, Selection};
use mops_core::Error;
use mops_core::preflight::{Intent, Preflight};

use super::Look;
use crate::azure::node_pool::{GpuDriver, NodePool};

pub(super) const WHAT: &str = "the GPU operator";

/// A label that its Deployment carries wherever it is installed.
const LABEL: &str = "app.kubernetes.io/component=gpu-operator";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<NodePool>() {
        let name = &inputs.pool.name;
        if inputs.pool.gpu_driver != Some(GpuDriver::None) {
            continue;
        }
        let tell = format!(
            "pool `{name}` leaves its GPUs to NVIDIA's operator: no pod gets one until `helm install gpu-operator nvidia/gpu-operator`"
        );
        if inputs.cluster_id.is_empty() || look.layout.intent_of_cluster(planned) != Some(Intent::Keep) {
            found.notes.push(tell);
            continue;
        }
        let cluster = ClusterRef::Arm { cluster_id: inputs.cluster_id };
        let kubernetes = look.services.kubernetes(&cluster).await?.with_cancel(&look.planning.cancel);
        let deployments = ObjectRef::cluster_wide("apps/v1", "Deployment", "");
        let which = Selection { labels: LABEL.to_owned(), ..Selection::default() };
        if kubernetes.list(&deployments, &which).await?.is_empty() {
            found.notes.push(tell);
        }
    }
    Ok(found)
}

//! One kubelet a pool pulls the artefact of a smoke test.

use std::time::Duration;

use futures::StreamExt as _;

use super::Seen;
use crate::cluster::Cluster;
use crate::probing::AT_ONCE;
use crate::pull_run;
use crate::request::{Request, Services};
use crate::workload::{self, Place};

/// Nothing when nothing was pushed.
pub(super) async fn pulls(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    until: Duration,
    (places, seen): (&[Place], &mut Seen),
) {
    let pushed = seen.pushed.as_ref().map(|pushed| pushed.by_digest.to_string());
    let Some(image) = pushed.filter(|image| request.images.contains(image)) else { return };
    let one = |(number, place): (usize, &Place)| {
        let job = pull_run::job(request, place, &image, &format!("k{number}"));
        let (place, image) = (place.clone(), image.clone());
        async move {
            (services.progress)(&format!("letting a kubelet of pool {} pull", place.pool));
            pull_run::run(cluster, services, &job, (&place, &image), until).await
        }
    };
    let mut runs =
        Box::pin(futures::stream::iter(workload::one_a_pool(places).enumerate().map(one)).buffer_unordered(AT_ONCE));
    while let Some(told) = runs.next().await {
        seen.probes.extend(told);
    }
}

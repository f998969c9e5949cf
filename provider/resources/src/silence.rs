//! A cluster that does not answer: gone, stopped, or only out of reach. ARM knows (`tests/drift/clusters.rs`).

use mops_clients::arm::{ResourceId, version};
use mops_clients::kubernetes::ClusterRef;
use mops_core::{Class, Error};

use crate::arm::text;
use crate::resource::Cx;

/// How the user lets go of what is inside.
const LET_GO: &str = "or drop what is in it from the state with `--skip-unreachable`";

/// The reason why a cluster does not answer, with the one thing to do. Only a cluster that may come back is
/// `Transient`: what is in it is not gone.
pub(crate) async fn explained(cx: &Cx<'_>, cluster: &ClusterRef, silence: Error) -> Error {
    let ClusterRef::Arm { cluster_id } = cluster else {
        return out_of_reach(&format!("the cluster of kubeconfig `{cluster}` does not answer"), &silence);
    };
    let Ok(id) = ResourceId::parse(cluster_id) else { return silence };
    let Ok(arm) = cx.services.arm() else { return silence };
    let name = id.name();
    match arm.get(id.as_str(), version::CLUSTER).await {
        Ok(None) => Error::new(Class::NotFound, format!("cluster `{name}` is not there any more")),
        Ok(Some(body)) if text(&body, "/properties/powerState/code") == "Stopped" => {
            let group = id.resource_group().unwrap_or_default();
            Error::new(Class::Transient, format!("cluster `{name}` is stopped"))
                .hint(format!("start it: `az aks start --resource-group {group} --name {name}`, {LET_GO}"))
        }
        Ok(Some(_)) => {
            out_of_reach(&format!("cluster `{name}` exists at Azure, but its API does not answer"), &silence)
        }
        Err(_) => silence,
    }
}

fn out_of_reach(summary: &str, silence: &Error) -> Error {
    let error = Error::new(Class::Transient, summary).note(silence.to_string());
    error.hint(format!("make it reachable from here (network, VPN, authorised addresses), {LET_GO}"))
}

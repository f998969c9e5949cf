//! A registry of Azure as the node asks it: the metadata service of the machine gives a token of the identity with which
//! the kubelet pulls, and the registry trades it. Shows the identity's id and the services' words, never a token.

use mops_core::Secret;
use mops_wire::metadata::{self, MetadataError};
use mops_wire::registry::{Auth, Client, is_azure};

use super::Watch;
use super::registry::client;
use super::registry::sign_in::Registry;
use crate::failure::Failure;
use crate::observation::{Observation, check, code, variant};
use crate::settings::Node;

/// Azure's management, for which the kubelet's own token is made.
const ARM: &str = "https://management.azure.com/";
/// Registries; taken even where a policy refuses tokens for the management.
const ACR: &str = "https://containerregistry.azure.net/";

/// What the node's identity may do; nothing at a registry that knows no identities of Azure.
pub(super) async fn look(node: &Node, registry: &Registry<'_>) -> Vec<Observation> {
    if !is_azure(registry.host) {
        return Vec::new();
    }
    let Some(id) = &node.kubelet else {
        let skipped = Observation::skipped(check::IDENTITY, variant::KUBELET, "kubelet", code::NOT_GIVEN);
        let why = "its client id is not known, or the workers' images are pulled with a secret";
        return vec![skipped.detail(why)];
    };
    let (mut all, signed_in) = sign_in(id, registry, (ARM, check::IDENTITY_EXCHANGE)).await;
    let refused =
        all.last().is_some_and(|o| matches!(o.status, Some(401 | 403)) && o.check == check::IDENTITY_EXCHANGE);
    let client = if refused {
        // The same with the other audience tells a policy from a missing role.
        let (more, signed_in) = sign_in(id, registry, (ACR, check::IDENTITY_ACR_AUDIENCE)).await;
        all.extend(more.into_iter().filter(|o| o.check == check::IDENTITY_ACR_AUDIENCE));
        signed_in
    } else {
        signed_in
    };
    if let Some(client) = client {
        let (seen, client) = registry.sign_in_by(variant::KUBELET, client).await;
        all.extend(seen.into_iter().map(as_access));
        if let Some(client) = client {
            all.extend(registry.look_up(&client, variant::KUBELET).await);
        }
    }
    all
}

/// The identity's token for an audience, and the registry's answer to it.
async fn sign_in(
    id: &str,
    registry: &Registry<'_>,
    (audience, exchange): (&str, &str),
) -> (Vec<Observation>, Option<Client>) {
    let watch = Watch::start(registry.clock);
    let token = match metadata::token(registry.http, id, audience).await {
        Ok(token) => token,
        Err(error) => return (vec![unsigned(id, &error).millis(watch.millis())], None),
    };
    let had = Observation::ok(check::IDENTITY, variant::KUBELET, id).status(200).millis(watch.millis());
    let watch = Watch::start(registry.clock);
    match trade(registry, &token).await {
        Ok(client) => {
            let traded = Observation::ok(exchange, variant::KUBELET, registry.host).status(200);
            (vec![had, traded.millis(watch.millis())], Some(client))
        }
        Err(failure) => {
            let refused = failure.observation(exchange, variant::KUBELET, registry.host);
            (vec![had, refused.millis(watch.millis())], None)
        }
    }
}

fn unsigned(id: &str, error: &MetadataError) -> Observation {
    match error {
        MetadataError::Wire(wire) => Failure::from(wire).observation(check::IDENTITY, variant::KUBELET, id),
        MetadataError::Refused { status, words } => {
            let code = if error.is_unknown() { code::IDENTITY_UNKNOWN } else { code::UNEXPECTED };
            Observation::failed(check::IDENTITY, variant::KUBELET, id, code).status(*status).detail(words)
        }
    }
}

/// The directory is the registry's own, which an empty name stands for.
async fn trade(registry: &Registry<'_>, token: &Secret<String>) -> Result<Client, Failure> {
    let client = client(registry.host, registry.http, Auth::Anonymous)?;
    client.sign_in_with_directory_token("", token).await.map_err(|error| Failure::from(&error))
}

/// The token for an image is the second step of the trade.
fn as_access(mut seen: Observation) -> Observation {
    if seen.check == check::REGISTRY_TOKEN {
        check::IDENTITY_ACCESS.clone_into(&mut seen.check);
    }
    seen
}

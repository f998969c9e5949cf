//! The user credential of a cluster: a kubeconfig with its CA inside, for the Kubernetes fake or for the real cluster
//! that stands for all managed ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arm::id;
use crate::arm::store::Thing;
use crate::world::World;

/// The kubeconfig as AKS writes it.
#[must_use]
pub fn text(world: &World, cluster: &Thing) -> String {
    let name = id::name(&cluster.id);
    let user = format!("clusterUser_{}_{name}", id::group_name(&cluster.id));
    let credential = match &world.cluster {
        Some(login) => {
            let (certificate, key) = (encoded(&login.certificate), encoded(&login.key));
            format!("client-certificate-data: {certificate}\n    client-key-data: {key}")
        }
        None => format!("token: {}", cluster.secrets.first().map_or("", String::as_str)),
    };
    let authority = encoded(&world.ca_pem);
    let server = world.cluster_origin(cluster.body["properties"]["fqdn"].as_str().unwrap_or_default());
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n    server: {server}\n  \
         name: {name}\ncontexts:\n- context:\n    cluster: {name}\n    user: {user}\n  name: {name}\n\
         current-context: {name}\nkind: Config\npreferences: {{}}\nusers:\n- name: {user}\n  user:\n    {credential}\n"
    )
}

/// Base64, as the answer carries it.
#[must_use]
pub fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

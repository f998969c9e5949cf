//! How the product's own code signs in to a server of a test that is sign-in host, ARM and everything else at once.

use mops_core::cloud::{AuthKind, AzureAuth, Cloud};
use mops_host::Env;

/// The cloud, the identity and the environment that it is read from.
pub struct Access {
    /// One address for everything.
    pub cloud: Cloud,
    /// An application with a secret.
    pub auth: AzureAuth,
    /// Its tenant, its id and its secret.
    pub env: Env,
}

/// Access to the server at an origin (`https://host:port`).
#[must_use]
pub fn at(origin: &str) -> Access {
    let cloud = Cloud {
        name: "test".into(),
        arm: origin.into(),
        authority: origin.into(),
        arm_scope: format!("{origin}/.default"),
        graph: origin.into(),
        ca_file: None,
        connect: Vec::new(),
    };
    let env = Env::of([
        ("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000000a"),
        ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b"),
        ("AZURE_CLIENT_SECRET", "client-secret-canary"),
    ]);
    let auth = AzureAuth { kind: AuthKind::ServicePrincipal, ..AzureAuth::default() };
    Access { cloud, auth, env }
}

//! Where Azure is: the endpoints of a cloud, and which identity signs in there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Source;

/// The endpoints of one cloud. Credentials go to these origins and to no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// `public`, `government`, `china`, or the path of the file that describes it.
    pub name: String,
    /// Azure Resource Manager, for example `https://management.azure.com`.
    pub arm: String,
    /// The sign-in host, for example `https://login.microsoftonline.com`.
    pub authority: String,
    /// The scope of a token for ARM.
    pub arm_scope: String,
    /// Microsoft Graph, for example `https://graph.microsoft.com`.
    pub graph: String,
    /// A PEM file with more roots to trust.
    pub ca_file: Option<PathBuf>,
    /// Host names, or `*.suffix`, that are reached at a loopback address; names in TLS and HTTP stay real.
    pub connect: Vec<(String, SocketAddr)>,
}

/// Microsoft Graph of the public cloud, and of every cloud whose description names none.
pub const GRAPH: &str = "https://graph.microsoft.com";

impl Cloud {
    fn of(name: &str, [arm, authority, graph]: [&str; 3], audience: &str) -> Self {
        Self {
            name: name.into(),
            arm: arm.into(),
            authority: authority.into(),
            arm_scope: format!("{audience}/.default"),
            graph: graph.into(),
            ca_file: None,
            connect: Vec::new(),
        }
    }

    /// The public cloud.
    #[must_use]
    pub fn public() -> Self {
        let arm = "https://management.azure.com";
        Self::of("public", [arm, "https://login.microsoftonline.com", GRAPH], arm)
    }

    /// Azure Government.
    #[must_use]
    pub fn government() -> Self {
        let audience = "https://management.core.usgovcloudapi.net";
        let hosts =
            ["https://management.usgovcloudapi.net", "https://login.microsoftonline.us", "https://graph.microsoft.us"];
        Self::of("government", hosts, audience)
    }

    /// Azure operated in China.
    #[must_use]
    pub fn china() -> Self {
        let arm = "https://management.chinacloudapi.cn";
        let hosts = [arm, "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"];
        Self::of("china", hosts, arm)
    }
}

/// Which identity signs in; one is chosen, never tried one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// One of the others by presence of variables.
    #[default]
    Auto,
    /// The Azure CLI's session.
    Cli,
    /// Client secret.
    ServicePrincipal,
    /// Client certificate.
    Certificate,
    /// Projected token of a pod.
    WorkloadIdentity,
    /// Identity of the machine.
    ManagedIdentity,
    /// Token of a GitHub workflow.
    Oidc,
}

/// The `azure:` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureAuth {
    /// Which.
    pub kind: AuthKind,
    /// Directory; else from the environment.
    pub tenant_id: Option<String>,
    /// Application or identity; else from the environment.
    pub client_id: Option<String>,
    /// Where the client secret is; else the environment variable AZURE_CLIENT_SECRET.
    pub client_secret: Option<Source>,
    /// PEM file with certificate and key.
    pub certificate_file: Option<PathBuf>,
}

/// The name under which a stack file with `azure:` or `cloud:` registers its provider with Pulumi's engine.
pub const PROVIDER: &str = "azure";

impl AzureAuth {
    /// The configuration of a provider that signs in like this; `cloud` when one is named. `None` when nothing is said, so
    /// that the project's own provider will do. What is no text stands as JSON in a text, as Pulumi's programs send it.
    #[must_use]
    pub fn configuration(&self, cloud: Option<&str>) -> Option<BTreeMap<String, String>> {
        if cloud.is_none() && *self == Self::default() {
            return None;
        }
        let kind = serde_json::to_value(self.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        let secret = self.client_secret.as_ref().and_then(|source| serde_json::to_string(source).ok());
        let all = [
            ("cloud", cloud.map(str::to_owned)),
            ("auth", kind),
            ("tenantId", self.tenant_id.clone()),
            ("clientId", self.client_id.clone()),
            ("clientSecret", secret),
            ("certificateFile", self.certificate_file.as_ref().map(|path| path.display().to_string())),
        ];
        Some(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

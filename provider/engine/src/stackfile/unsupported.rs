//! What the format has and this version does not build: told with place before anything is called, never ignored.

use mops_core::{Diagnostic, Place};

use super::ClusterProvider;
use super::registry::RegistryAuth;
use super::root::StackFile;

/// Only then it is known who signs the tokens of its service accounts, and as whom its nodes pull.
fn makes_its_cluster(file: &StackFile) -> bool {
    file.cluster.as_ref().is_none_or(|c| c.provider() == ClusterProvider::Azure)
}

/// Every section and value of the file that this version does not build. `infra validate` does not ask.
#[must_use]
pub fn unsupported(file: &StackFile) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut say = |place: &Place, what: &str, hint: &str| {
        let summary = format!("{what} is not supported by this version");
        found.push(Diagnostic::error(Some(place.clone()), summary).hint(hint));
    };
    if let Some(auth) = file.registry.as_ref().and_then(|r| r.auth.as_ref())
        && auth.value == RegistryAuth::WorkloadIdentity
        && !makes_its_cluster(file)
    {
        let way = "`registry.auth: workload_identity` with a cluster that the stack does not make";
        say(&auth.place, way, "write `auth: token`");
    }
    if let Some(realms) = file.registry.as_ref().and_then(|r| r.realms.first()) {
        say(
            &realms.place,
            "`registry.realms`",
            "delete it: the known pairs of registry and token service are built in",
        );
    }
    found
}

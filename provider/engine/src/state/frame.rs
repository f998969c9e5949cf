//! What stands around the resources of a deployment: the stack itself, its provider, and whatever a deployment from
//! elsewhere says that this engine has no use for. All of it is written again as it came (`tests/state_moves.rs`).

use std::collections::BTreeMap;

use mops_core::{Lineage, StackId, cloud};
use serde_json::Value as Json;

/// Members of a JSON object, in their order.
pub(crate) type Fields = serde_json::Map<String, Json>;

/// The type of the resource that stands for the stack.
pub(crate) const STACK: &str = "pulumi:pulumi:Stack";
/// The type of our provider.
pub(crate) const PROVIDER: &str = "pulumi:providers:modelops";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Fields that are not ours, by where they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Beside `version` and `deployment`.
    pub(crate) file: Fields,
    /// Beside `resources`.
    pub(crate) deployment: Fields,
    /// In the manifest.
    pub(crate) manifest: Fields,
    /// On the stack's own entry.
    pub(crate) root: Fields,
    /// The whole entry of a provider that another engine made.
    pub(crate) provider: Option<Fields>,
}

impl Frame {
    /// Takes an entry that is the stack or a provider; gives anything else back.
    pub(crate) fn take(&mut self, mut entry: Fields) -> Result<Option<Json>, Fields> {
        match entry.get("type").and_then(Json::as_str) {
            Some(STACK) => {
                let outputs = entry.shift_remove("outputs");
                for known in ["urn", "custom", "type"] {
                    entry.shift_remove(known);
                }
                self.root = entry;
                Ok(outputs)
            }
            Some(PROVIDER) => {
                self.provider = Some(entry);
                Ok(None)
            }
            _ => Err(entry),
        }
    }

    /// Names the provider that a program of Pulumi's registers for a stack; one that another engine made stays.
    pub(crate) fn register(&mut self, id: &StackId, lineage: &Lineage, configuration: BTreeMap<String, String>) {
        let StackId { project, stack } = id;
        let version = ("version".to_owned(), VERSION.to_owned());
        let inputs: Fields = configuration.into_iter().chain([version]).map(|(key, text)| (key, text.into())).collect();
        let entry = serde_json::json!({
            "urn": format!("urn:pulumi:{stack}::{project}::{PROVIDER}::{}", cloud::PROVIDER),
            "custom": true,
            "id": provider_id(lineage),
            "type": PROVIDER,
            "inputs": inputs,
            "outputs": inputs,
            "parent": root_urn(project, stack),
        });
        if let Json::Object(entry) = entry {
            self.provider.get_or_insert(entry);
        }
    }

    /// Forgets a provider that is no other than the one that we would write.
    pub(crate) fn forget_own_provider(&mut self, lineage: &Lineage) {
        let own = provider_id(lineage);
        self.provider.take_if(|p| p.get("id").and_then(Json::as_str) == Some(own.as_str()));
    }
}

/// The names of the two resources that stand in front of all others.
pub(crate) struct Names {
    pub(crate) root: String,
    pub(crate) provider: String,
    pub(crate) id: String,
    /// How a resource names its provider.
    pub(crate) reference: String,
}

impl Names {
    pub(crate) fn of(id: &StackId, lineage: &Lineage, frame: &Frame) -> Self {
        let StackId { project, stack } = id;
        let named = |key| frame.provider.as_ref().and_then(|p| p.get(key)).and_then(Json::as_str);
        let provider = named("urn").map_or_else(
            || format!("urn:pulumi:{stack}::{project}::{PROVIDER}::default_{}", VERSION.replace(['.', '-'], "_")),
            str::to_owned,
        );
        let id = named("id").map_or_else(|| provider_id(lineage), str::to_owned);
        Self { root: root_urn(project, stack), reference: format!("{provider}::{id}"), provider, id }
    }
}

/// The name of the stack's own entry.
pub(crate) fn root_urn(project: &str, stack: &str) -> String {
    format!("urn:pulumi:{stack}::{project}::{STACK}::{project}-{stack}")
}

/// A lineage is 32 digits of a UUID, which is what Pulumi takes as a provider's id.
fn provider_id(lineage: &Lineage) -> String {
    let hex = format!("{:0<32.32}", lineage.0);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_has_the_id_that_pulumi_would_give_it() {
        let id = provider_id(&super::super::model::lineage());
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
    }
}

//! The id of an Azure subscription; placeholders of templates are refused by name.

use serde_json::{Value as Json, json};

use super::reader::{Context, Read};
use super::rule::guid;
use super::tree::{Node, clip};

/// A subscription's id, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionId(String);

impl SubscriptionId {
    /// Takes the id from elsewhere, for example the environment; `None` when it is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (guid(text) && !is_zero(text)).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_zero(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '0' | '-'))
}

impl Read for SubscriptionId {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "the id of a subscription")?;
        let text = text.trim();
        let hint = "`az account show --query id -o tsv` prints yours";
        if let Some(id) = Self::new(text) {
            return Some(id);
        }
        let name = cx.name();
        let placeholder = is_zero(text) || text.to_ascii_uppercase().contains("YOUR") || text.starts_with(['<', '$']);
        let summary = if placeholder {
            format!("{name} is the placeholder `{}`", clip(text))
        } else {
            format!("{name} is `{}`, not a GUID", clip(text))
        };
        cx.error(&node.place, summary, format!("write the id of your subscription here; {hint}"));
        None
    }
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"})
    }
}

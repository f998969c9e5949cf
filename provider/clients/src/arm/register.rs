//! Registration of a resource provider in the subscription: done once, when a service says that it is missing.

use std::time::Duration;

use azure_core::http::Method;
use serde_json::Value as Json;

use super::client::{ArmClient, Call};
use super::error::ArmError;
use super::version;
use crate::error::ClientError;

const POLL: Duration = Duration::from_secs(15);
const POLLS: usize = 20;

impl ArmClient {
    /// Registers the namespace of a resource path; gives `error` back when that is not possible.
    pub(super) async fn register(&self, path: &str, error: ArmError) -> Result<(), ClientError> {
        let Some((subscription, namespace)) = namespace(path) else { return Err(error.into()) };
        let provider = format!("/subscriptions/{subscription}/providers/{namespace}");
        let url = self.url(&format!("{provider}/register"), version::PROVIDERS)?;
        let answer = self.send(&Call::new(Method::Post, url)).await?;
        if answer.status >= 400 {
            // Without that right the first error says more than this one.
            return Err(error.into());
        }
        for _ in 0..POLLS {
            let found = self.get(&provider, version::PROVIDERS).await?;
            let state = found.as_ref().and_then(|json| json.get("registrationState")).and_then(Json::as_str);
            if state.is_some_and(|state| state.eq_ignore_ascii_case("Registered")) {
                return Ok(());
            }
            self.pause(POLL).await?;
        }
        Err(error.into())
    }
}

/// Subscription and provider namespace of a resource path.
fn namespace(path: &str) -> Option<(&str, &str)> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let at = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers"))?;
    Some((segments.get(1)?, segments.get(at + 1)?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_namespace_stands_behind_providers() {
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a";
        assert_eq!(super::namespace(path), Some(("s", "Microsoft.Storage")));
        assert_eq!(super::namespace("/subscriptions/s/resourceGroups/g"), None);
    }
}

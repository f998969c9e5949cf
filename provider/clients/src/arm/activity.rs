//! What was done to a resource, by the activity log of its subscription: kept for 90 days, and 3 to 20 minutes behind.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::ArmClient;
use super::id::ResourceId;
use super::version;
use crate::error::ClientError;

/// How far into the future is looked, for clocks that differ.
const AHEAD: Duration = Duration::from_secs(60);

/// One entry of the log.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    operation_name: Word,
    status: Word,
    event_timestamp: String,
}

/// A word with its translation.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Word {
    value: String,
}

impl Event {
    /// When it was, if it is this action and has succeeded.
    fn success_of(&self, action: &str) -> Option<OffsetDateTime> {
        let fits = self.operation_name.value.eq_ignore_ascii_case(action)
            && self.status.value.eq_ignore_ascii_case("Succeeded");
        OffsetDateTime::parse(&self.event_timestamp, &Rfc3339).ok().filter(|_| fits)
    }
}

impl ArmClient {
    /// When an action such as `Microsoft.Storage/storageAccounts/listKeys/action` last succeeded on a resource, between
    /// `since` and now; none when the log does not tell of it.
    ///
    /// # Errors
    /// See [`ClientError`]; also when the identity may not read the log.
    pub async fn last_success(
        &self,
        resource: &ResourceId,
        action: &str,
        since: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, ClientError> {
        let [from, to] = [since, self.clock().now() + AHEAD].map(stamp);
        let path = format!(
            "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values?$filter=eventTimestamp ge \
             '{from}' and eventTimestamp le '{to}' and resourceUri eq '{resource}'",
            resource.subscription()
        );
        let events: Vec<Event> = self.pages(&path, version::ACTIVITY).await?;
        Ok(events.iter().filter_map(|event| event.success_of(action)).filter(|at| *at >= since).max())
    }
}

/// Whole seconds: the filter takes no more than seven digits of them.
fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_of_the_action_counts() {
        let event = |action: &str, status: &str, at: &str| Event {
            operation_name: Word { value: action.into() },
            status: Word { value: status.into() },
            event_timestamp: at.into(),
        };
        let at = "2026-11-24T08:00:00.1234567Z";
        assert!(event("A/b/ACTION", "Succeeded", at).success_of("a/b/action").is_some());
        for other in [
            event("a/c/action", "Succeeded", at),
            event("a/b/action", "Failed", at),
            event("a/b/action", "Succeeded", "soon"),
        ] {
            assert_eq!(other.success_of("a/b/action"), None);
        }
    }
}

//! The activity log of a subscription, and the one action that only it tells of: revoking the keys of identities.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::{Arm, id, refusal, storage};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const REVOKE: &str = "Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action";

/// Something that was done; seen at once, where Azure is minutes behind.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The lower-case id of the resource.
    pub resource: String,
    /// The action.
    pub action: &'static str,
    /// When.
    pub at: OffsetDateTime,
}

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    let log = Evidence::Assumed("the contract of the activity log is not at hand; members as the documentation shows");
    vec![
        Route::new("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/eventtypes/management/values", log, list),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/revokeUserDelegationKeys",
            Evidence::Spec("Storage 2023-05-01, StorageAccounts_RevokeUserDelegationKeys"),
            revoke,
        ),
    ]
}

impl Arm {
    /// Somebody revokes the keys of identities for every account whose id ends so.
    pub fn revoke_delegation_keys(&self, end: &str) {
        let mut state = self.state();
        let ids: Vec<String> = state.things.keys().filter(|key| key.ends_with(end)).cloned().collect();
        let at = self.world.now();
        state.log.extend(ids.into_iter().map(|resource| Entry { resource, action: REVOKE, at }));
    }
}

fn revoke(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    let account = match storage::ready_account(&state, params, "write", "storageAccounts") {
        Ok(account) => id::key(&account.id),
        Err(refusal) => return refusal,
    };
    state.log.push(Entry { resource: account, action: REVOKE, at: arm.world.now() });
    Reply::empty(200)
}

/// How often the keys of identities were revoked for an account.
#[must_use]
pub fn revocations(log: &[Entry], account: &str) -> usize {
    log.iter().filter(|entry| entry.resource == id::key(account) && entry.action == REVOKE).count()
}

/// `eventTimestamp ge 'A' and eventTimestamp le 'B' and resourceUri eq 'ID'`, and nothing else.
fn list(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let filter = call.query("$filter").unwrap_or_default();
    let after = |word: &str| filter.split_once(word).and_then(|(_, rest)| rest.split('\'').nth(1)).unwrap_or_default();
    let moment = |word| OffsetDateTime::parse(after(word), &Rfc3339).ok();
    let Some((from, to)) = moment("eventTimestamp ge ").zip(moment("eventTimestamp le ")) else {
        return refusal::service(400, "BadRequest", "The filter is not one of the patterns that are allowed.");
    };
    let resource = id::key(after("resourceUri eq "));
    let state = arm.state();
    let fits = |entry: &&Entry| entry.resource == resource && (from..=to).contains(&entry.at);
    let value: Vec<Value> = state.log.iter().filter(fits).map(shown).collect();
    Reply::json(200, &json!({"value": value}))
}

fn shown(entry: &Entry) -> Value {
    json!({
        "operationName": {"value": entry.action, "localizedValue": entry.action},
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "eventTimestamp": entry.at.format(&Rfc3339).unwrap_or_default(), "resourceId": entry.resource,
    })
}

//! A token of a registry: a user whose scope map says what it may do, and whose passwords are told once. Promises: a
//! password that was told is in the answer and with that in state, or the slot that it filled is filled again by the
//! next run; the password in use is never overwritten (`tests/registry_token.rs`).

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::convert::to_value;
use mops_core::{Error, Identity, Lane, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{Target, changed_by, identity, lanes, spelled, text};
use crate::renewal::{due, end, stamp};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::scope_map;
use crate::token_slot::{Slot, least_used};

const NOUN: &str = "registry token";

/// A user of a registry with rights on chosen repositories.
pub struct RegistryToken;

/// A user of a registry with rights on chosen repositories.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the registry.
    pub registry_id: String,
    /// Name of the token and of its scope map; the user name. 5–50 letters, digits and `-`, a letter first.
    pub name: String,
    /// What it may do: `repositories/NAME/content/read`; a name may be `*` or end in `/*`.
    pub actions: Vec<String>,
    /// How long a password lives.
    pub lifetime_seconds: u64,
    /// How long before its end the next password is made.
    pub renew_before_seconds: u64,
}

/// A token and the password that opens it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id of the token.
    pub id: String,
    /// User name.
    pub name: String,
    /// ARM id of its scope map.
    pub scope_map_id: String,
    /// Which of the two passwords is in use.
    pub slot: Slot,
    /// When the password in use was made, as the service wrote it.
    pub created: String,
    /// When the password in use ends, RFC 3339.
    pub expiry: String,
    /// The lifetime that it was asked with.
    pub lifetime_seconds: u64,
    /// The password in use; `None` when nobody knows it any more.
    pub password: Option<Secret<String>>,
}

fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
    ResourceId::parse(&inputs.registry_id)?.child("tokens", &inputs.name)
}

/// What is known of a token whose passwords nobody knows.
fn without_password(id: &ResourceId, slot: Slot) -> Outputs {
    Outputs {
        id: id.to_string(),
        name: id.name().to_owned(),
        scope_map_id: scope_map::id(id).map(|id| id.to_string()).unwrap_or_default(),
        slot,
        created: String::new(),
        expiry: String::new(),
        lifetime_seconds: 0,
        password: None,
    }
}

/// What state holds, as long as the service still shows the same password in that slot.
fn still_good(stored: Option<Outputs>, body: &Json) -> Option<Outputs> {
    stored.filter(|o| o.password.is_some() && o.slot.created(body) == Some(o.created.as_str()))
}

/// Why there has to be another password.
fn renewal(now: time::OffsetDateTime, outputs: &Outputs, inputs: &Inputs) -> Option<String> {
    if outputs.password.is_none() {
        return Some("its password is not known any more".to_owned());
    }
    let other_life =
        || (outputs.lifetime_seconds != inputs.lifetime_seconds).then(|| "its lifetime changed".to_owned());
    due(now, &outputs.expiry, inputs.renew_before_seconds).or_else(other_life)
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (5..=50).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(good)
}

fn body(scope_map_id: &str) -> Json {
    json!({"properties": {"scopeMapId": scope_map_id, "status": "enabled"}})
}

/// Whether a token has the scope map that it should have and may sign in.
fn is_as_declared(present: &Json, scope_map_id: &str) -> bool {
    text(present, "/properties/scopeMapId").eq_ignore_ascii_case(scope_map_id)
        && text(present, "/properties/status") == "enabled"
}

impl Resource for RegistryToken {
    const TOKEN: &'static str = "modelops:azure:RegistryToken";
    const REPLACE: &'static [&'static str] = &["registryId", "name"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["slot", "created", "expiry", "lifetimeSeconds", "password"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        let id = id(inputs);
        let own = id.as_ref().map(ToString::to_string).unwrap_or_default();
        lanes(&id, Some(&own))
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        if !is_name(&inputs.name) {
            let reason = format!("`{}` is not the name of a registry token", inputs.name);
            findings.refuse("name", reason, "5–50 letters, digits and hyphens, a letter first");
        }
        scope_map::check(&mut inputs.actions, findings);
        if inputs.renew_before_seconds >= inputs.lifetime_seconds {
            let reason =
                format!("renewing {} s before the end of {} s", inputs.renew_before_seconds, inputs.lifetime_seconds);
            findings.refuse("renewBeforeSeconds", reason, "renew later than it begins");
        }
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        renewal(cx.now, &old.outputs, new)
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &[
            "Microsoft.ContainerRegistry/registries/scopeMaps/write",
            "Microsoft.ContainerRegistry/registries/tokens/write",
            "Microsoft.ContainerRegistry/registries/generateCredentials/action",
        ]
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "its passwords are told once, when they are made",
            instead: "make one under another name: the stack that uses it learns its password, and the old one can go",
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let target = Target::new(cx, known_id.map_or_else(|| id(known), ResourceId::parse), NOUN)?;
        let Some(body) = target.get().await? else { return Ok(None) };
        let map = scope_map::get(cx, &target.id).await?;
        let ownership = scope_map::owner(&target, &cx.call.mark, map.as_ref()).await?;
        let registry = target.id.parent().unwrap_or_else(|| target.id.clone());
        let fresh = without_password(&target.id, least_used(&body).other());
        // A token that is turned off, or has another scope map, may do nothing of what its own one lists.
        let open = is_as_declared(&body, &fresh.scope_map_id);
        let inputs = Inputs {
            registry_id: spelled(&known.registry_id, registry.as_str()),
            name: spelled(&known.name, target.id.name()),
            actions: if open { scope_map::actions(map.as_ref()) } else { Vec::new() },
            ..known.clone()
        };
        let outputs = still_good(cx.stored(), &body).unwrap_or(fresh);
        let state = State { id: target.id.to_string(), inputs, outputs };
        Ok(Some(Live { state, ownership, changed_by: changed_by(&body) }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::new(cx, id(inputs), NOUN)?;
        let outputs = without_password(&target.id, Slot::Password2);
        let map = scope_map::bring(cx, &target.id, &inputs.actions).await?;
        let target = telling(target, &outputs);
        target.put(&body(&map), Precondition::None).await?;
        fill(cx, &target, inputs, Slot::Password1, outputs).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::new(cx, ResourceId::parse(&old.id), NOUN)?;
        let map = scope_map::bring(cx, &target.id, &inputs.actions).await?;
        let present = target.settled().await?.unwrap_or_default();
        let outputs = Outputs { scope_map_id: map, ..old.outputs.clone() };
        let target = telling(target, &outputs);
        if text(&present, "/properties/provisioningState").eq_ignore_ascii_case("Failed") {
            target.put(&body(&outputs.scope_map_id), Precondition::None).await?;
        } else if !is_as_declared(&present, &outputs.scope_map_id) {
            target.patch(&body(&outputs.scope_map_id)).await?;
        }
        if !cx.call.renew && renewal(cx.services.clock().now(), &outputs, inputs).is_none() {
            return Ok(Made { id: old.id.clone(), outputs });
        }
        let free = if outputs.password.is_some() { outputs.slot.other() } else { least_used(&present) };
        fill(cx, &target, inputs, free, outputs).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let target = Target::new(cx, ResourceId::parse(&old.id), NOUN)?;
        target.delete().await?;
        scope_map::delete(cx, &target.id).await
    }

    fn samples() -> Vec<Inputs> {
        let pull = Inputs {
            registry_id: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                          Microsoft.ContainerRegistry/registries/sampleacr"
                .into(),
            name: "sample-pull".into(),
            actions: vec!["repositories/*/content/read".into()],
            lifetime_seconds: 90 * 86_400,
            renew_before_seconds: 14 * 86_400,
        };
        let narrow = vec!["repositories/app/content/read".into(), "repositories/app/metadata/read".into()];
        vec![pull.clone(), Inputs { actions: narrow, lifetime_seconds: 30 * 86_400, ..pull }]
    }
}

/// A token that exists but is not ready still has what is known of it, the password in use above all.
fn telling<'a>(target: Target<'a>, outputs: &Outputs) -> Target<'a> {
    let known = to_value(outputs).unwrap_or_default();
    target.telling(move |_, _| known.clone())
}

/// Fills a slot. When it fails the token exists all the same, and `before` says what is known of it.
async fn fill(
    cx: &Cx<'_>,
    target: &Target<'_>,
    inputs: &Inputs,
    slot: Slot,
    before: Outputs,
) -> Result<Made<RegistryToken>, Error> {
    let id = target.id.to_string();
    let expiry = stamp(end(cx.services.clock().now(), inputs.lifetime_seconds));
    match target.arm.generate_token_password(&target.id, slot.name(), &expiry).await {
        Ok(told) => {
            let outputs = Outputs {
                slot,
                created: told.created,
                expiry: told.expiry.unwrap_or(expiry),
                lifetime_seconds: inputs.lifetime_seconds,
                password: Some(told.value),
                ..before
            };
            Ok(Made { id, outputs })
        }
        Err(error) => {
            let error = target.failed(error, "given a password");
            Err(error.with_partial(id, to_value(&before).unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn outputs() -> Outputs {
        let id = id(&RegistryToken::samples()[0]).unwrap();
        Outputs {
            created: "2026-01-01T00:00:00Z".into(),
            expiry: "2026-04-01T00:00:00Z".into(),
            lifetime_seconds: 90 * 86_400,
            password: Some(Secret::from("canary")),
            ..without_password(&id, Slot::Password1)
        }
    }

    #[test]
    fn another_password_is_due_for_a_reason_and_only_then() {
        let inputs = &RegistryToken::samples()[0];
        let now = datetime!(2026-02-01 0:00 UTC);
        assert_eq!(renewal(now, &outputs(), inputs), None);
        assert!(renewal(datetime!(2026-03-20 0:00 UTC), &outputs(), inputs).unwrap().contains("expires"));
        assert!(renewal(now, &Outputs { password: None, ..outputs() }, inputs).unwrap().contains("not known"));
        assert!(renewal(now, &Outputs { lifetime_seconds: 1, ..outputs() }, inputs).unwrap().contains("lifetime"));
    }

    #[test]
    fn a_password_that_was_made_anew_elsewhere_is_not_good_any_more() {
        let shown = |at: &str| json!({"properties": {"credentials": {"passwords": [{"name": "password1", "creationTime": at}]}}});
        assert!(still_good(Some(outputs()), &shown("2026-01-01T00:00:00Z")).is_some());
        assert!(still_good(Some(outputs()), &shown("2026-01-09T00:00:00Z")).is_none());
        assert!(still_good(Some(outputs()), &json!({})).is_none());
    }

    #[test]
    fn outputs_are_secret_where_they_must() {
        let value = to_value(&outputs()).unwrap();
        assert!(!format!("{value:?} {}", value.masked_json()).contains("canary"));
    }
}

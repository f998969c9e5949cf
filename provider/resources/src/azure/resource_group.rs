//! The resource group. Promises: deleting it never takes something of a stranger along (`tests/arm/resources.rs`),
//! and an existing one may be used, which is then left alone and kept.

use std::time::Duration;

use mops_clients::arm::{NotAnId, Precondition, ResourceId, version};
use mops_core::mark::names;
use mops_core::{Class, Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, identity, lanes, named, read, region, spelled, tags, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// A resource group: everything of a stack lies in it.
pub struct ResourceGroup;

/// A resource group: everything of a stack lies in it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Subscription id.
    pub subscription_id: String,
    /// Name, 1–90 characters.
    pub name: String,
    /// Region, for example `eastus2`.
    pub location: String,
}

/// What is known of a resource group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Region.
    pub location: String,
}

fn create_body(inputs: &Inputs, tags: &Json) -> Json {
    json!({"location": inputs.location, "tags": tags})
}

impl ArmResource for ResourceGroup {
    const NOUN: &'static str = "resource group";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::group(&inputs.subscription_id, &inputs.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        Outputs { id: id.to_string(), name: id.name().to_owned(), location: region(&text(body, "/location")) }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        Inputs {
            subscription_id: spelled(&known.subscription_id, id.subscription()),
            name: spelled(&known.name, id.name()),
            location: region(&text(body, "/location")),
        }
    }
}

impl Resource for ResourceGroup {
    const TOKEN: &'static str = "modelops:azure:ResourceGroup";
    const REPLACE: &'static [&'static str] = &["subscriptionId", "name", "location"];
    const ADOPTABLE: bool = true;
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), None)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        inputs.location = region(&inputs.location);
        let good = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
        let length = inputs.name.chars().count();
        if !(1..=90).contains(&length) || !inputs.name.chars().all(good) || inputs.name.ends_with('.') {
            let reason = format!("`{}` is not the name of a resource group", inputs.name);
            findings.refuse("name", reason, "1–90 letters, digits, `-`, `_`, `.`, `(`, `)`, no `.` at the end");
        }
    }

    fn body(inputs: &Inputs) -> Option<Json> {
        Some(create_body(inputs, &json!({})))
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.Resources/subscriptions/resourceGroups/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, _) = named(id, "Microsoft.Resources/resourceGroups")?;
        Ok(Inputs {
            subscription_id: id.subscription().to_owned(),
            name: id.name().to_owned(),
            location: String::new(),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        let body = create_body(inputs, &tags(&cx.call.mark, None));
        let body = target.put(&body, Precondition::None).await?;
        seen_everywhere(&target).await?;
        Ok(target.made(&body))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, _: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        let present = target.get().await?.unwrap_or_default();
        let wanted = tags(&cx.call.mark, present.get("tags"));
        let body = match present.get("tags") == Some(&wanted) {
            true => present,
            false => target.patch(&json!({"tags": wanted})).await?,
        };
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let target = Target::known(cx, old)?;
        if target.get().await?.is_some() {
            refuse_strangers(cx, &target).await?;
        }
        target.delete().await
    }

    fn samples() -> Vec<Inputs> {
        vec![Inputs {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            name: "sample-rg".into(),
            location: "eastus2".into(),
        }]
    }
}

/// A fresh group may be unknown to a replica for some seconds: two hits in a row, then others may build on it.
async fn seen_everywhere(target: &Target<'_>) -> Result<(), Error> {
    let mut hits = 0;
    for _ in 0..10 {
        hits = if target.get().await?.is_some() { hits + 1 } else { 0 };
        if hits == 2 {
            break;
        }
        if hits == 0 {
            target.arm.pause(Duration::from_secs(3)).await.map_err(|e| target.failed(e, "waited for"))?;
        }
    }
    Ok(())
}

/// The listing lags behind, so it is read twice.
async fn refuse_strangers(cx: &Cx<'_>, target: &Target<'_>) -> Result<(), Error> {
    let stack = cx.call.mark.stack.to_string();
    let path = format!("{}/resources", target.id);
    let mut strangers = Vec::new();
    for look in 0..2 {
        if look > 0 {
            target.arm.pause(Duration::from_secs(5)).await.map_err(|e| target.failed(e, "looked into"))?;
        }
        let found = target.arm.list(&path, version::RESOURCES).await.map_err(|e| target.failed(e, "looked into"))?;
        strangers = foreign(&found, &stack);
    }
    if strangers.is_empty() {
        return Ok(());
    }
    let summary = format!("resource group `{}` holds what this stack did not make", target.id.name());
    let shown = strangers.iter().take(5).fold(Error::new(Class::Conflict, summary), |e, name| e.note(name.clone()));
    Err(shown.hint("delete or move these first, or keep the group"))
}

fn foreign(resources: &[Json], stack: &str) -> Vec<String> {
    let ours = |r: &Json| r.get("tags").and_then(|t| t.get(names::TAG_STACK)).and_then(Json::as_str) == Some(stack);
    resources.iter().filter(|r| !ours(r)).map(|r| text(r, "/id")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lacks_our_mark_is_foreign() {
        let listed = [
            json!({"id": "/a", "tags": {names::TAG_STACK: "p.s"}}),
            json!({"id": "/b", "tags": {names::TAG_STACK: "p.other"}}),
            json!({"id": "/c"}),
        ];
        assert_eq!(foreign(&listed, "p.s"), ["/b", "/c"]);
    }
}

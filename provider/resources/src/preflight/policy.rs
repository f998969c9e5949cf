//! A policy that refuses a resource, where ARM tells beforehand.

use mops_clients::arm::{ResourceId, version};
use mops_core::preflight::Preflight;
use mops_core::{Error, Identity};
use serde_json::json;

use super::Look;

pub(super) const WHAT: &str = "policies";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for planned in look.planning.resources.iter().filter(|p| p.intent.makes()) {
        let Some(entry) = look.entries.get(planned.urn.token()) else { continue };
        let (Some(mut body), Some(Identity::Name(id))) = (entry.body(&planned.inputs), entry.identity(&planned.inputs))
        else {
            continue;
        };
        let (Ok(id), Some(group)) = (ResourceId::parse(&id), look.layout.group_of(planned)) else { continue };
        let Some(api) = version::for_kind(&id.kind()) else { continue };
        (body["type"], body["name"]) = (json!(id.kind()), json!(id.name()));
        let policies = look.arm()?.refusing_policies(&look.layout.scope_of(&group), &body, api).await?;
        if policies.is_empty() {
            continue;
        }
        let names: Vec<String> = policies.iter().map(|p| format!("`{p}`")).collect();
        let reason = format!("a policy forbids `{}` as it is declared: {}", id.name(), names.join(", "));
        let hint = "change what the policy is about (region, size, tags), or ask its owner for an exemption";
        found.refuse(&planned.urn, "", reason, hint);
    }
    Ok(found)
}

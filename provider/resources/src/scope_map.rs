//! The scope map of a registry's token: what it allows, and our mark in its description.
//!
//! Guarantees that a scope map of somebody else is never overwritten (`tests/registry_token.rs`).

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::mark::names;
use mops_core::{Error, Mark, Ownership};
use serde_json::{Value as Json, json};

use crate::adopt::judge;
use crate::arm::{Target, owner_by_parent, text};
use crate::resource::{Cx, Findings};

const NOUN: &str = "scope map";
/// What may be done with a repository.
const RIGHTS: [&str; 5] = ["content/read", "content/write", "content/delete", "metadata/read", "metadata/write"];

/// The scope map that goes with a token: it has the token's name.
pub(crate) fn id(token: &ResourceId) -> Result<ResourceId, NotAnId> {
    token.parent().unwrap_or_else(|| token.clone()).child("scopeMaps", token.name())
}

/// Checks the actions and puts them into one order.
pub(crate) fn check(actions: &mut Vec<String>, findings: &mut Findings) {
    if actions.is_empty() {
        findings.refuse("actions", "a token without actions opens nothing", "give `repositories/*/content/read`");
    }
    for action in actions.iter().filter(|action| !is_action(action)) {
        let reason = format!("`{action}` is not an action of a scope map");
        let hint = format!("`repositories/NAME/RIGHT`; a right is {}", RIGHTS.join(", "));
        findings.refuse("actions", reason, hint);
    }
    actions.sort_unstable();
    actions.dedup();
}

fn is_action(action: &str) -> bool {
    let Some(rest) = action.strip_prefix("repositories/") else { return false };
    let name = RIGHTS.iter().find_map(|right| rest.strip_suffix(right)?.strip_suffix('/'));
    name.is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
}

/// The actions that a scope map lists now, in our order.
pub(crate) fn actions(map: Option<&Json>) -> Vec<String> {
    let listed = map.and_then(|m| m.pointer("/properties/actions")).and_then(Json::as_array);
    let mut actions: Vec<String> = listed.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
    actions.sort_unstable();
    actions
}

fn description(mark: &Mark) -> String {
    format!("{}={} {}={}", names::TAG_STACK, mark.stack, names::TAG_LINEAGE, mark.lineage)
}

/// Whose a scope map, and with it its token, is.
pub(crate) async fn owner(target: &Target<'_>, mark: &Mark, map: Option<&Json>) -> Result<Ownership, Error> {
    let said = map.map(|m| text(m, "/properties/description")).unwrap_or_default();
    match said_by(mark, &said) {
        Ownership::Unmarked => {
            let registry = target.id.parent().unwrap_or_else(|| target.id.clone());
            owner_by_parent(target, mark, &registry).await
        }
        marked => Ok(marked),
    }
}

fn said_by(mark: &Mark, description: &str) -> Ownership {
    let half = |name: &str| description.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    Ownership::judge(mark, half(names::TAG_STACK), None, half(names::TAG_LINEAGE))
}

/// Looks at the scope map of a token.
pub(crate) async fn get(cx: &Cx<'_>, token: &ResourceId) -> Result<Option<Json>, Error> {
    Target::new(cx, id(token), NOUN)?.get().await
}

/// Whether a scope map is ours, whole, and allows just this.
fn is_as_declared(map: &Json, mark: &Mark, actions: &[String]) -> bool {
    text(map, "/properties/description") == description(mark)
        && self::actions(Some(map)) == actions
        && !text(map, "/properties/provisioningState").eq_ignore_ascii_case("Failed")
}

/// Brings the scope map to these actions; one of somebody else is refused, and one that has them already left alone.
pub(crate) async fn bring(cx: &Cx<'_>, token: &ResourceId, actions: &[String]) -> Result<String, Error> {
    let target = Target::new(cx, id(token), NOUN)?;
    if let Some(found) = target.get().await? {
        judge(cx.call, &owner(&target, &cx.call.mark, Some(&found)).await?, false)?;
        if is_as_declared(&found, &cx.call.mark, actions) {
            return Ok(target.id.to_string());
        }
    }
    let body = json!({"properties": {"description": description(&cx.call.mark), "actions": actions}});
    target.put(&body, Precondition::None).await?;
    Ok(target.id.to_string())
}

/// Removes it; already gone is success.
pub(crate) async fn delete(cx: &Cx<'_>, token: &ResourceId) -> Result<(), Error> {
    Target::new(cx, id(token), NOUN)?.delete().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Lineage, StackId, Urn};

    #[test]
    fn only_rights_on_repositories_are_actions() {
        for good in ["repositories/a/content/read", "repositories/*/metadata/write", "repositories/a/b/content/delete"]
        {
            assert!(is_action(good), "{good}");
        }
        for bad in ["repositories/content/read", "repositories//content/read", "repositories/a/pull", "a/content/read"]
        {
            assert!(!is_action(bad), "{bad}");
        }
    }

    #[test]
    fn the_mark_in_a_description_is_found_again() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = Urn::new(&stack, "modelops:azure:RegistryToken", "pull");
        let mark = Mark { urn, stack, lineage: Lineage("l".into()) };
        let ours = Ownership::Ours { lineage: Lineage("l".into()) };
        assert_eq!(said_by(&mark, &description(&mark)), ours);
        assert_eq!(said_by(&mark, "Developer Scopes"), Ownership::Unmarked);
        assert!(matches!(said_by(&mark, "modelops-stack=p.t modelops-lineage=l"), Ownership::Other { .. }));
    }
}

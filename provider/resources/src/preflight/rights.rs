//! A right that the identity does not have: by its roles (those of its groups too), their conditions, and deny
//! assignments. A right to give rights is not asked for here: without it all else is done.

use std::collections::BTreeMap;

use mops_clients::arm::ArmClient;
use mops_core::preflight::{Intent, Planned, Preflight};
use mops_core::{Error, Urn, Value};

use super::Look;
use super::effective::{Verdict, judge};
use crate::azure::resource_group::ResourceGroup;
use crate::resource::Resource as _;

pub(super) const WHAT: &str = "rights";

/// Pods get the credential of a registry from its admin user.
const CREDENTIALS: &str = "Microsoft.ContainerRegistry/registries/listCredentials/action";

/// To give rights to others.
const GIVE: &str = "Microsoft.Authorization/roleAssignments/write";

/// To put machines into a subnet of somebody's.
const JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// Rights by scope, each with the first resource that needs it.
type Needed<'a> = BTreeMap<String, Vec<(&'static str, &'a Urn)>>;

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    let reader = look.planning.preview && only_reads(look).await?;
    for (scope, rights) in needed(look) {
        let arm = look.arm()?;
        let (roles, denies) = futures::join!(look.permissions(&scope), arm.deny_assignments(&scope));
        // Who may not list deny assignments is told of them by the write.
        let (roles, denies) = (roles?, denies.unwrap_or_default());
        let who = arm.object_id().await?;
        let (mut missing, mut denied) = (Vec::new(), None);
        for (action, urn) in rights {
            match judge(action, &scope, &roles, &denies, who.as_deref()) {
                Verdict::Given => {}
                // All else is done, and the write itself names the one command for somebody who may.
                Verdict::Missing if action == GIVE => {
                    found.notes.push(format!(
                        "the identity may not give roles on `{scope}`: that is left for an administrator"
                    ));
                }
                Verdict::Missing => missing.push((action, urn)),
                Verdict::Denied(by) => denied = denied.or(Some((by, action, urn))),
                Verdict::Perhaps(why) => found.notes.push(format!("`{action}` on `{scope}` may be refused: {why}")),
            }
        }
        if let Some((by, action, urn)) = denied {
            let reason = format!("the deny assignment `{by}` forbids `{action}` on `{scope}`");
            found.refuse(urn, "", reason, "let those who manage it lift it, or use another resource group");
        }
        let Some((_, urn)) = missing.first() else { continue };
        if reader {
            found.notes.push(format!("this identity only reads `{scope}`: `up` needs one that may write there"));
            continue;
        }
        let actions: Vec<String> = missing.iter().map(|(action, _)| format!("`{action}`")).collect();
        let reason = format!("the identity lacks {} on `{scope}`", actions.join(", "));
        found.refuse(urn, "", reason, remedy(&arm, &scope, who.as_deref()).await);
    }
    Ok(found)
}

/// Whether the identity may write nothing of the plan: then it was made for looking.
pub(super) async fn only_reads(look: &Look<'_>) -> Result<bool, Error> {
    for (scope, rights) in needed(look) {
        let roles = look.permissions(&scope).await?;
        let mut writes = rights.iter().filter(|(action, _)| action.ends_with("/write"));
        if writes.any(|(action, _)| judge(action, &scope, &roles, &[], None) != Verdict::Missing) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the plan needs the right for, by the place where rights on it are looked at.
fn needed<'a>(look: &Look<'a>) -> Needed<'a> {
    let mut all = Needed::new();
    for planned in look.planning.resources.iter().filter(|p| is_written(p)) {
        let own = look.rights_for(planned);
        let lists = names_a_registry(planned).then_some(&CREDENTIALS);
        for action in own.iter().chain(lists) {
            let Some(group) = look.layout.group_of(planned) else { continue };
            let rights = all.entry(look.layout.scope_of(&group)).or_default();
            if !rights.iter().any(|(known, _)| known == action) {
                rights.push((action, &planned.urn));
            }
        }
    }
    for pool in look.layout.pools() {
        if let Some(subnet) = pool.spec.subnet_id {
            all.entry(subnet).or_insert_with(|| vec![(JOIN, pool.urn)]);
        }
    }
    all
}

/// A group that somebody else made is used as it is.
fn is_written(planned: &Planned) -> bool {
    let used = planned.intent == Intent::Adopt && planned.urn.token() == ResourceGroup::TOKEN;
    planned.intent != Intent::Keep && !used
}

fn names_a_registry(planned: &Planned) -> bool {
    planned.inputs.any(&mut |value: &Value| value.get("from_registry").is_some())
}

/// A role that waits to be activated is the shorter way.
async fn remedy(arm: &ArmClient, scope: &str, who: Option<&str>) -> String {
    // Who may not look at them has none that helps.
    let eligible = arm.eligible_roles(scope).await.unwrap_or_default();
    if let Some(role) = eligible.first() {
        return format!(
            "activate your role `{role}` in Privileged Identity Management, then run the same command again"
        );
    }
    let who = who.unwrap_or("OBJECT_ID");
    format!(
        "let an administrator run `az role assignment create --assignee-object-id {who} --role Contributor --scope {scope}`"
    )
}

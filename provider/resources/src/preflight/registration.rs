//! A resource provider that the subscription has not registered. The first write registers it, so only the missing
//! right to do so stands in the way.

use mops_core::preflight::{Intent, Preflight};
use mops_core::{Error, Urn, Value};

use super::Look;
use super::effective::{Verdict, judge};
use super::rights::only_reads;

pub(super) const WHAT: &str = "resource providers";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (subscription, namespace, urn) in namespaces(look) {
        if look.arm()?.registration(subscription, namespace).await? != Some(false) {
            continue;
        }
        let scope = format!("/subscriptions/{subscription}");
        let action = format!("{namespace}/register/action");
        match judge(&action, &scope, &look.permissions(&scope).await?, &[], None) {
            Verdict::Missing if look.planning.preview && only_reads(look).await? => {}
            Verdict::Missing => {
                let reason = format!(
                    "`{namespace}` is not registered in the subscription, and the identity lacks `{action}` to do it"
                );
                let hint =
                    format!("let an owner of the subscription run `az provider register --namespace {namespace}`");
                found.refuse(urn, "", reason, hint);
            }
            _ => {
                found.notes.push(format!("`{namespace}` is registered in the subscription with the first write to it"))
            }
        }
    }
    Ok(found)
}

/// The providers that the plan writes to, each with the subscription and the first resource.
fn namespaces<'a>(look: &Look<'a>) -> Vec<(&'a str, &'static str, &'a Urn)> {
    let mut all: Vec<(&str, &str, &Urn)> = Vec::new();
    for planned in look.planning.resources.iter().filter(|p| p.intent != Intent::Keep) {
        let rights = look.rights_for(planned);
        let subscription = planned.inputs.get("subscriptionId").and_then(Value::as_str);
        for namespace in rights.iter().filter_map(|action| action.split('/').next()) {
            // These two are always there.
            let always = ["Microsoft.Resources", "Microsoft.Authorization"].contains(&namespace);
            if let (false, Some(subscription)) = (always, subscription)
                && !all.iter().any(|(s, n, _)| *s == subscription && *n == namespace)
            {
                all.push((subscription, namespace, &planned.urn));
            }
        }
    }
    all
}

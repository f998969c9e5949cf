//! Which part of a stack goes on the way down, and what stands against it.

use std::collections::{BTreeSet, HashSet};

use mops_core::provider::Provider;
use mops_core::{Diagnostic, Urn};

use super::decide::words;
use super::remove::{Removal, dependants};
use super::{Observations, Plan};
use crate::error::EngineError;
use crate::program::Component;
use crate::state::{ResourceState, Snapshot};

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct DownScope {
    /// These components; else the cluster and what is inside it, what runs at Novita, and tokens.
    pub only: Option<BTreeSet<Component>>,
    /// The storage too.
    pub destroy_storage: bool,
    /// The registry too.
    pub destroy_registry: bool,
    /// The resource group too.
    pub delete_rg: bool,
    /// What depends on it goes first.
    pub with_deps: bool,
}

/// The cluster, what is inside it, what costs by the hour elsewhere, and tokens, which are nowhere without a use.
fn usual() -> BTreeSet<Component> {
    Component::INSIDE.into_iter().chain([Component::Cluster, Component::Novita, Component::Tokens]).collect()
}

impl DownScope {
    fn components(&self) -> BTreeSet<Component> {
        let mut all = self.only.clone().unwrap_or_else(usual);
        let more = [
            (self.destroy_storage, Component::Storage),
            (self.destroy_registry, Component::Registry),
            (self.delete_rg, Component::ResourceGroup),
        ];
        all.extend(more.into_iter().filter(|(on, _)| *on).map(|(_, c)| c));
        if !self.delete_rg {
            all.remove(&Component::ResourceGroup);
        }
        all
    }
}

/// Plans a `down`. Pure.
///
/// # Errors
/// Everything that stands against it.
pub fn plan_down(
    snapshot: &Snapshot,
    observations: &Observations,
    provider: &dyn Provider,
    scope: &DownScope,
) -> Result<Plan, EngineError> {
    let components = scope.components();
    let mut plan = Plan { notes: snapshot.notes.clone(), ..Plan::default() };
    let mut going: HashSet<&Urn> = HashSet::new();
    let living = || snapshot.resources.iter().filter(|r| !r.pending_delete);
    going.extend(living().filter(|r| components.contains(&r.component)).map(|r| &r.urn));
    let dependants = dependants(living(), &going);
    if !dependants.is_empty() {
        if !scope.with_deps {
            return Err(EngineError::Refused(vec![refusal(&components, &dependants)]));
        }
        going.extend(dependants.iter().map(|r| &r.urn));
    }
    let overruled = living().filter(|r| r.component == Component::ResourceGroup && scope.delete_rg).map(|r| &r.urn);
    let removal =
        Removal { snapshot, observations, provider, vanishing: HashSet::new(), overruled: overruled.collect(), going };
    let doomed = |r: &&ResourceState| r.pending_delete && components.contains(&r.component);
    let all = snapshot.resources.iter().filter(|r| removal.going.contains(&r.urn) || doomed(r));
    let against = removal.steps(all.collect(), &mut plan);
    plan.unchanged = living().filter(|r| !removal.going.contains(&r.urn)).count();
    if !against.foreign.is_empty() {
        return Err(EngineError::ForeignState(against.foreign));
    }
    if against.refused.is_empty() { Ok(plan) } else { Err(EngineError::Refused(against.refused)) }
}

fn refusal(components: &BTreeSet<Component>, dependants: &[&ResourceState]) -> Diagnostic {
    let names: Vec<String> = dependants.iter().take(10).map(|r| format!("`{}`", r.urn.name())).collect();
    let more = if dependants.len() > 10 { format!(" and {} more", dependants.len() - 10) } else { String::new() };
    let parts: BTreeSet<Component> = dependants.iter().map(|r| r.component).collect();
    let text =
        format!("{} cannot go while {}{more} depend on it ({})", words(components), names.join(", "), words(&parts));
    Diagnostic::error(None, text).hint("add `--with-deps` to take them down first")
}

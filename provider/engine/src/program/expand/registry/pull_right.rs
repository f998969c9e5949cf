//! The right to pull from the stack's registry, for whoever signs in as a principal of the directory.

use mops_core::Urn;

use super::mode;
use crate::program::expand::builder::{Builder, members};
use crate::program::{Component, Expr};
use crate::stackfile::RoleMode;

/// Whom the right is given to.
pub(super) struct Holder {
    pub(super) component: Component,
    /// The resource's name in the stack.
    pub(super) name: &'static str,
    /// The object id of the principal.
    pub(super) principal: Expr,
    /// What the assignment says of itself.
    pub(super) why: &'static str,
}

/// Gives a principal the right to pull; the assignment goes with the registry.
pub(super) fn give(b: &mut Builder<'_>, registry: &Urn, holder: Holder) -> Urn {
    let inputs = members([
        ("scope", Expr::output(registry, "id")),
        ("principalId", holder.principal),
        ("principalType", "ServicePrincipal".into()),
        ("role", role(b).into()),
        ("description", holder.why.into()),
    ]);
    let mut right = b.resource(holder.component, "modelops:azure:RoleAssignment", holder.name, inputs);
    right.deleted_with = Some(registry.clone());
    right.place = b.file.registry.as_ref().map(|r| r.place.clone());
    b.push(right)
}

/// The right to pull, which registries with rights by repository know under another name.
fn role(b: &Builder<'_>) -> &'static str {
    match mode(b.file) {
        Some(RoleMode::Abac) => "Container Registry Repository Reader",
        Some(RoleMode::Legacy) | None => "AcrPull",
    }
}

//! What only the program says of a resource: its edges, its flags, its place.

use std::borrow::Cow;

use mops_core::Urn;

use crate::program::Declared;
use crate::state::ResourceState;

/// A resource that stays as it is, with what only the program says of it.
pub(crate) fn as_declared<'a>(
    old: &'a ResourceState,
    declared: &Declared,
    dependencies: &[Urn],
) -> Cow<'a, ResourceState> {
    let retain = declared.retain_on_delete || old.adopted_from.is_some();
    if old.dependencies == *dependencies
        && old.protect == declared.protect
        && old.retain_on_delete == retain
        && old.deleted_with == declared.deleted_with
        && old.component == declared.component
    {
        return Cow::Borrowed(old);
    }
    Cow::Owned(ResourceState {
        dependencies: dependencies.to_vec(),
        protect: declared.protect,
        retain_on_delete: retain,
        deleted_with: declared.deleted_with.clone(),
        component: declared.component,
        ..old.clone()
    })
}

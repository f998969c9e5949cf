//! `registry.auth: admin_user`: the registry's own user, whose password is read where it is needed.

use mops_core::Urn;

use super::{Login, Signs};
use crate::program::Expr;
use crate::program::expand::builder::members;

/// User and password, resolved from the registry in the provider.
pub(super) fn login(registry: &Urn) -> Login {
    let half = |field: &str| {
        let source = members([("registryId", Expr::output(registry, "id")), ("field", field.into())]);
        Expr::Map(members([("from_registry", Expr::Map(source))]))
    };
    Login { username: half("username"), password: half("password"), signs: Signs::Itself }
}

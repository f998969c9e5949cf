//! `registry.auth: service_principal`: an application of the directory, which somebody else has made, gets the right to
//! pull; its secret stays where the stack file says that it is.

use mops_core::Urn;

use super::pull_right::{Holder, give};
use super::{Login, Signs};
use crate::program::expand::builder::Builder;
use crate::program::{Component, Expr};
use crate::stackfile::PrincipalAuth;

/// The name that the principal's right has in a stack.
pub const RIGHT: &str = "principal-pull";

/// The right of the principal.
pub(super) fn declare(b: &mut Builder<'_>, registry: &Urn, principal: &PrincipalAuth) -> Urn {
    let holder = Holder {
        component: Component::Registry,
        name: RIGHT,
        principal: principal.object_id.as_str().into(),
        why: "pods pull images",
    };
    give(b, registry, holder)
}

/// The application's id and its secret, by its source.
pub(super) fn login(principal: &PrincipalAuth) -> Option<Login> {
    let secret = mops_core::convert::to_value(&principal.client_secret.0).ok()?;
    let username = principal.client_id.as_str().into();
    Some(Login { username, password: Expr::Value(secret), signs: Signs::Principal })
}

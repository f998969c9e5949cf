//! `registry.auth: token`: a token of the stack's own, which may pull from every repository and do nothing else.

use mops_core::{StackId, Urn};
use sha2::{Digest, Sha256};

use super::{Login, Signs};
use crate::program::expand::builder::{Builder, Members, members};
use crate::program::{Component, Expr};

/// Days that a password lives, and days before its end at which the next one is made.
const LIFETIME_DAYS: i64 = 90;
const RENEW_BEFORE_DAYS: i64 = 14;
const DAY: i64 = 86_400;
/// What pods do with a registry.
const PULL: &str = "repositories/*/content/read";
/// Longest name that a token may have.
const NAME_LIMIT: usize = 50;

/// The token in a registry.
pub(super) fn declare(b: &Builder<'_>, registry: &Urn) -> crate::program::Declared {
    let inputs = inputs(b.stack, registry, "pull");
    b.resource(Component::Registry, "modelops:azure:RegistryToken", "registry-token", inputs)
}

/// A token of the stack whose name ends so; it may pull, and do nothing else.
pub(in crate::program::expand) fn inputs(stack: &StackId, registry: &Urn, end: &str) -> Members {
    members([
        ("registryId", Expr::output(registry, "id")),
        ("name", name(stack, end).into()),
        ("actions", Expr::List(vec![PULL.into()])),
        ("lifetimeSeconds", (LIFETIME_DAYS * DAY).into()),
        ("renewBeforeSeconds", (RENEW_BEFORE_DAYS * DAY).into()),
    ])
}

/// User and password of the token.
pub(super) fn login(token: &Urn) -> Login {
    let (username, password) = (Expr::output(token, "name"), Expr::output(token, "password"));
    Login { username, password, signs: Signs::Itself }
}

/// Clears the password that is not in use any more, once everything that was declared for `holders` has the new one.
pub(in crate::program::expand) fn cleanup(
    b: &Builder<'_>,
    component: Component,
    name: &str,
    token: &Urn,
    holders: Vec<Urn>,
) -> crate::program::Declared {
    let inputs = members([("tokenId", Expr::output(token, "id")), ("keep", Expr::output(token, "slot"))]);
    let kind = "modelops:azure:RegistryTokenCleanup";
    let mut cleanup = b.resource(component, kind, name, inputs);
    cleanup.depends_on = holders;
    cleanup
}

/// The stack's name with what it is for; a long one keeps its start and a hash of all of it.
fn name(stack: &StackId, end: &str) -> String {
    let whole = format!("{}-{}", stack.project, stack.stack);
    let plain = format!("{whole}-{end}");
    if plain.len() <= NAME_LIMIT {
        return plain;
    }
    let hash: String = Sha256::digest(whole.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("{}-{hash}-{end}", whole[..NAME_LIMIT - hash.len() - end.len() - 2].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_shortened_and_stays_its_own() {
        let of = |project: &str, stack: &str| name(&StackId { project: project.into(), stack: stack.into() }, "pull");
        assert_eq!(of("modelops", "dev"), "modelops-dev-pull");
        let long = "a".repeat(30);
        let (first, second) = (of(&long, &format!("{}1", "b".repeat(29))), of(&long, &format!("{}2", "b".repeat(29))));
        assert!(first.len() <= NAME_LIMIT && first.ends_with("-pull") && first != second, "{first} {second}");
    }
}

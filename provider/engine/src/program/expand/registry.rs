//! The registry, what it is called from elsewhere, and how pods sign in to it: one module a way.

mod admin_user;
mod foreign;
mod token;
pub(super) mod workload_identity;

use mops_core::Place;

use super::super::{Component, Expr};
use super::builder::{Builder, Members, members, optional};
use super::names::has_azure_registry;
use crate::stackfile::{Phase, RoleMode, StackFile};

pub(super) fn declare(b: &mut Builder<'_>) {
    let (Some(name), true) = (b.names.registry.clone(), has_azure_registry(b.file)) else { return };
    let place = place(b.file);
    let (group_name, location) = (b.names.resource_group.clone().unwrap_or_default(), b.names.location.clone());
    let group = b.resource_group(&group_name, &location, place.as_ref());
    let inputs = members([
        ("subscriptionId", optional(b.names.subscription.clone())),
        ("resourceGroup", group_name.into()),
        ("name", name.into()),
        ("location", location.into()),
        ("sku", sku(b.file).into()),
        ("adminUserEnabled", b.signs_in_by(Phase::AdminUser).into()),
        ("roleAssignmentMode", optional(mode(b.file).map(RoleMode::as_str))),
    ]);
    let mut registry = b.resource(Component::Registry, "modelops:azure:ContainerRegistry", "registry", inputs);
    registry.depends_on = vec![group];
    registry.place = place;
    registry.places.extend(name_place(b.file).map(|place| ("name".to_owned(), place)));
    let registry = b.push(registry);
    if b.signs_in_by(Phase::Token) {
        let mut token = token::declare(b, &registry);
        token.place.clone_from(&b.file.registry.as_ref().map(|r| r.place.clone()));
        b.made.registry_token = Some(b.push(token));
    }
    b.made.registry = Some(registry);
}

/// What is declared when everything has its credential: the end of the one before.
pub(super) fn finish(b: &mut Builder<'_>) {
    let (Some(token), true) = (b.made.registry_token.clone(), b.made.pull_secret.is_some()) else { return };
    let holders = b.in_component(Component::Workspace);
    let mut cleanup = token::cleanup(b, &token, holders);
    cleanup.place.clone_from(&b.file.registry.as_ref().map(|r| r.place.clone()));
    b.push(cleanup);
}

fn place(file: &StackFile) -> Option<Place> {
    let section = file.registry.as_ref().map(|r| &r.place);
    section.or_else(|| file.cluster.as_ref().and_then(|c| c.acr.as_ref()).map(|a| &a.place)).cloned()
}

fn name_place(file: &StackFile) -> Option<Place> {
    let old = || file.cluster.as_ref()?.acr.as_ref()?.name.as_ref().map(|n| &n.place);
    file.registry.as_ref().and_then(|r| r.name.as_ref()).map(|n| &n.place).or_else(old).cloned()
}

fn sku(file: &StackFile) -> &'static str {
    let section = file.registry.as_ref().and_then(|r| r.sku.as_ref());
    let old = file.cluster.as_ref().and_then(|c| c.acr.as_ref()).and_then(|a| a.sku.as_ref());
    section.or(old).map_or("Basic", |s| s.as_str())
}

fn mode(file: &StackFile) -> Option<RoleMode> {
    file.registry.as_ref()?.role_assignment_mode.as_ref().map(|mode| mode.value)
}

/// The stack's registry as pods and people reach it.
pub(super) struct Access {
    /// What pods and people write before an image's name.
    pub(super) address: Expr,
    /// The host alone.
    pub(super) server: Expr,
    /// The key under which container runtimes look for the credential.
    pub(super) host: Expr,
    /// `None` when nothing signs in, or pods do it without a password.
    pub(super) login: Option<Login>,
}

/// User and password of a registry.
pub(super) struct Login {
    pub(super) username: Expr,
    pub(super) password: Expr,
}

impl Builder<'_> {
    /// How pods sign in to the stack's registry.
    pub(super) fn phase(&self) -> Phase {
        let auth = self.file.registry.as_ref().and_then(|r| r.auth.as_ref());
        auth.map_or(Phase::AdminUser, |auth| auth.value.phase())
    }

    /// Whether that way is open: it is the file's, or a migration keeps it beside the file's.
    fn signs_in_by(&self, phase: Phase) -> bool {
        self.phase() == phase || self.beside() == Some(phase)
    }

    /// How the registry of this stack is reached.
    pub(super) fn registry_access(&self) -> Option<Access> {
        let section = self.file.registry.as_ref();
        let Some(registry) = &self.made.registry else { return section.and_then(|r| foreign::access(r)) };
        let server = Expr::output(registry, "loginServer");
        let login = match (self.phase(), &self.made.registry_token) {
            (Phase::AdminUser, _) => Some(admin_user::login(registry)),
            (Phase::Token, Some(token)) => Some(token::login(token)),
            // Nodes and pods are who they are: there is no password.
            (Phase::WorkloadIdentity, _) => None,
            // Refused by `unsupported` before anything is made.
            (Phase::Token | Phase::ServicePrincipal, _) => None,
        };
        Some(Access { address: server.clone(), server: server.clone(), host: server, login })
    }
}

/// The members of a Secret that let a program sign in to the registry.
pub(super) fn secret_data(access: Option<&Access>) -> Members {
    let mut data = Members::new();
    if let Some(login) = access.and_then(|a| a.login.as_ref()) {
        data.insert("REGISTRY_USERNAME".into(), login.username.clone());
        data.insert("REGISTRY_PASSWORD".into(), login.password.clone());
    }
    data
}

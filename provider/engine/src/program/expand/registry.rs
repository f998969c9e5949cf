//! The registry, what it is called from elsewhere, and how pods sign in to it: one module a way.

mod admin_user;
mod foreign;
mod pull_right;
pub(super) mod service_principal;
pub(super) mod token;
pub(super) mod workload_identity;

use mops_core::Place;

use super::super::{Component, Expr};
use super::builder::{Builder, Members, members, optional};
use super::names::has_azure_registry;
use crate::stackfile::{Phase, PrincipalAuth, RegistryAuth, RoleMode, StackFile};

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
    if let Some(principal) = b.principal().cloned() {
        b.made.principal_pull = Some(service_principal::declare(b, &registry, &principal));
    }
    b.made.registry = Some(registry);
}

/// What is declared when everything has its credential: the end of the one before.
pub(super) fn finish(b: &mut Builder<'_>) {
    let (Some(token), true) = (b.made.registry_token.clone(), b.made.pull_secret.is_some()) else { return };
    let holders = b.in_component(Component::Workspace);
    let mut cleanup = token::cleanup(b, Component::Workspace, "registry-token-cleanup", &token, holders);
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
    pub(super) signs: Signs,
}

/// Whom a registry knows a user as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signs {
    /// A user of its own.
    Itself,
    /// A principal of the directory.
    Principal,
}

impl Builder<'_> {
    /// How pods sign in to the stack's registry.
    pub(super) fn phase(&self) -> Phase {
        self.auth().map_or(Phase::AdminUser, RegistryAuth::phase)
    }

    fn auth(&self) -> Option<&RegistryAuth> {
        self.file.registry.as_ref().and_then(|r| r.auth.as_ref()).map(|auth| &auth.value)
    }

    /// Whether that way is open: it is the file's, or a migration keeps it beside the file's.
    fn signs_in_by(&self, phase: Phase) -> bool {
        self.phase() == phase || self.beside().is_some_and(|beside| beside.phase() == phase)
    }

    /// The service principal whose way is open.
    fn principal(&self) -> Option<&PrincipalAuth> {
        self.auth().into_iter().chain(self.beside()).find_map(|auth| match auth {
            RegistryAuth::ServicePrincipal(principal) => Some(principal),
            _ => None,
        })
    }

    /// How the registry of this stack is reached.
    pub(super) fn registry_access(&self) -> Option<Access> {
        let section = self.file.registry.as_ref();
        let Some(registry) = &self.made.registry else { return section.and_then(|r| foreign::access(r)) };
        let server = Expr::output(registry, "loginServer");
        Some(Access { address: server.clone(), server: server.clone(), host: server, login: self.login(self.phase()) })
    }

    /// User and password of an open way; `None` for one that has none.
    fn login(&self, phase: Phase) -> Option<Login> {
        match phase {
            Phase::AdminUser => self.made.registry.as_ref().map(admin_user::login),
            Phase::ServicePrincipal => self.principal().and_then(service_principal::login),
            Phase::Token => self.made.registry_token.as_ref().map(token::login),
            // Nodes and pods are who they are.
            Phase::WorkloadIdentity => None,
        }
    }

    /// User and password of the way that is being left: pods made before it was left still pull with them.
    pub(super) fn login_left(&self) -> Option<Login> {
        self.login(self.beside()?.phase())
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

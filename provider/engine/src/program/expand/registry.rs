//! The registry, and what it is called from elsewhere.

use mops_core::{Place, Value};

use super::super::{Component, Expr};
use super::builder::{Builder, Members, members, optional};
use super::names::has_azure_registry;
use crate::stackfile::{Registry, RegistryProvider, StackFile};

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
        ("adminUserEnabled", true.into()),
    ]);
    let mut registry = b.resource(Component::Registry, "modelops:azure:ContainerRegistry", "registry", inputs);
    registry.depends_on = vec![group];
    registry.place = place;
    b.made.registry = Some(b.push(registry));
}

fn place(file: &StackFile) -> Option<Place> {
    let section = file.registry.as_ref().map(|r| &r.place);
    section.or_else(|| file.cluster.as_ref().and_then(|c| c.acr.as_ref()).map(|a| &a.place)).cloned()
}

fn sku(file: &StackFile) -> &'static str {
    let section = file.registry.as_ref().and_then(|r| r.sku.as_ref());
    let old = file.cluster.as_ref().and_then(|c| c.acr.as_ref()).and_then(|a| a.sku.as_ref());
    section.or(old).map_or("Basic", |s| s.as_str())
}

/// Host, user and password of the stack's registry as pods need them; `None` when there is no registry to sign in to.
pub(super) struct Access {
    /// What pods and people write before an image's name.
    pub(super) address: Expr,
    /// The host alone.
    pub(super) server: Expr,
    /// The key under which container runtimes look for the credential.
    pub(super) host: Expr,
    pub(super) username: Option<Expr>,
    pub(super) password: Option<Expr>,
}

impl Builder<'_> {
    /// How the registry of this stack is reached.
    pub(super) fn registry_access(&self) -> Option<Access> {
        if let Some(registry) = &self.made.registry {
            let half = |field: &str| {
                let id = Expr::output(registry, "id");
                let source = members([("registryId", id), ("field", field.into())]);
                Some(Expr::Map(members([("from_registry", Expr::Map(source))])))
            };
            let server = Expr::output(registry, "loginServer");
            return Some(Access {
                address: server.clone(),
                server: server.clone(),
                host: server,
                username: half("username"),
                password: half("password"),
            });
        }
        self.file.registry.as_ref().and_then(|r| foreign(r))
    }
}

fn foreign(registry: &Registry) -> Option<Access> {
    let name = registry.name.as_ref().map(|n| n.value.clone());
    let (server, host) = match registry.provider() {
        RegistryProvider::Azure => return None,
        RegistryProvider::Dockerhub => ("docker.io".to_owned(), "https://index.docker.io/v1/".to_owned()),
        RegistryProvider::Ghcr => ("ghcr.io".to_owned(), "ghcr.io".to_owned()),
        RegistryProvider::Generic => {
            let host = registry.host.as_ref()?.as_str().to_owned();
            (host.clone(), host)
        }
    };
    let address = name.map_or_else(|| server.clone(), |n| format!("{server}/{n}"));
    let server = Expr::from(server);
    let username = registry.username.as_ref().map(|u| Value::from(u.value.clone()).into_secret());
    let password = registry.password.as_ref().and_then(|p| mops_core::convert::to_value(&p.0).ok());
    Some(Access {
        address: address.into(),
        server,
        host: host.into(),
        username: username.map(Expr::Value),
        password: password.map(Expr::Value),
    })
}

/// The members of a Secret that let a program sign in to the registry.
pub(super) fn secret_data(access: Option<&Access>) -> Members {
    let mut data = Members::new();
    if let Some(Access { username: Some(username), password: Some(password), .. }) = access {
        data.insert("REGISTRY_USERNAME".into(), username.clone());
        data.insert("REGISTRY_PASSWORD".into(), password.clone());
    }
    data
}

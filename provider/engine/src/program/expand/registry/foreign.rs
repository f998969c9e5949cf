//! A registry that is not of the stack's making: Docker Hub, GitHub's, or any host.

use mops_core::Value;

use super::{Access, Login, Signs};
use crate::program::Expr;
use crate::stackfile::{Registry, RegistryProvider};

/// `None` for an Azure registry, which this stack has no part in.
pub(super) fn access(registry: &Registry) -> Option<Access> {
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
    let username = registry.username.as_ref().map(|u| Value::from(u.value.clone()).into_secret());
    let password = registry.password.as_ref().and_then(|p| mops_core::convert::to_value(&p.0).ok());
    let login = username
        .zip(password)
        .map(|(username, password)| (Expr::Value(username), Expr::Value(password)))
        .map(|(username, password)| Login { username, password, signs: Signs::Itself });
    Some(Access { address: address.into(), server: Expr::from(server), host: host.into(), login })
}

//! `registry:` — where images are.

use mops_core::Place;
use serde_json::{Value as Json, json};

use super::reader::{Check, Context, Read, Spanned, section};
use super::rule::{Guid, HostName, HttpsOrigin, RegistryName};
use super::scalar::{word, words};
use super::source::SecretSource;
use super::tree::{Kind, Node};

words! {
    /// Whose registry.
    RegistryProvider {
        /// Azure Container Registry, made by the stack.
        "azure" Azure,
        /// Docker Hub.
        "dockerhub" Dockerhub,
        /// GitHub's registry.
        "ghcr" Ghcr,
        /// Any other registry.
        "generic" Generic,
    }
}

words! {
    /// Tier of an Azure registry.
    RegistrySku {
        /// The smallest.
        "Basic" Basic,
        /// More storage and throughput.
        "Standard" Standard,
        /// Private links and replication.
        "Premium" Premium,
    }
}

words! {
    /// How rights on an Azure registry are given.
    RoleMode {
        /// For the whole registry.
        "LegacyRegistryPermissions" Legacy,
        /// By repository.
        "AbacRepositoryPermissions" Abac,
    }
}

/// How pods sign in to an Azure registry.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistryAuth {
    /// The admin user.
    AdminUser,
    /// A token of its own with two passwords.
    Token,
    /// A service principal.
    ServicePrincipal(PrincipalAuth),
    /// A federated identity.
    WorkloadIdentity,
}

impl Read for RegistryAuth {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        if let Kind::Map(_) = &node.kind {
            return AuthMap::read(node, cx).map(|map| Self::ServicePrincipal(map.service_principal.value));
        }
        match word(node, cx, &[("admin_user", 0_u8), ("token", 1), ("workload_identity", 2), ("service_principal", 3)])?
        {
            0 => Some(Self::AdminUser),
            1 => Some(Self::Token),
            2 => Some(Self::WorkloadIdentity),
            _ => {
                let hint =
                    "write `auth: {service_principal: {client_id: …, object_id: …, client_secret: {from_env: …}}}`";
                cx.error(&node.place, "`registry.auth` service_principal needs its ids", hint);
                None
            }
        }
    }
    fn schema() -> Json {
        json!({"anyOf": [{"enum": ["admin_user", "token", "workload_identity"]}, AuthMap::schema()]})
    }
}

section! {
    /// A way to sign in that has settings.
    Strict AuthMap {
        /// A service principal.
        "service_principal" service_principal: Spanned<PrincipalAuth>,
    }
}
impl Check for AuthMap {}

section! {
    /// A service principal that pulls.
    Strict PrincipalAuth {
        /// The application.
        "client_id" client_id: Spanned<Guid>,
        /// The principal's object.
        "object_id" object_id: Spanned<Guid>,
        /// Where its secret is.
        "client_secret" client_secret: Spanned<SecretSource>,
    }
}
impl Check for PrincipalAuth {}

section! {
    /// A further pair of registry and token service that may see the registry's credential.
    Strict RealmPair {
        /// Host of the registry.
        "registry" registry: Spanned<HostName>,
        /// Origin of its token service.
        "realm" realm: Spanned<HttpsOrigin>,
    }
}
impl Check for RealmPair {}

section! {
    /// The container registry.
    Tolerant Registry {
        /// Whose registry; default `azure`.
        "provider" provider: Option<Spanned<RegistryProvider>>,
        /// Azure: 5 to 50 lower-case letters and digits. Docker Hub and GitHub: the account or organisation.
        "name" name: Option<Spanned<String>>,
        /// Tier of an Azure registry; default `Basic`.
        "sku" sku: Option<Spanned<RegistrySku>>,
        /// How pods sign in to an Azure registry; default `admin_user`.
        "auth" auth: Option<Spanned<RegistryAuth>>,
        /// How rights on an Azure registry are given; default `LegacyRegistryPermissions`.
        "role_assignment_mode" role_assignment_mode: Option<Spanned<RoleMode>>,
        /// Host of a generic registry.
        "host" host: Option<Spanned<HostName>>,
        /// User of a registry that is not Azure's.
        "username" username: Option<Spanned<String>>,
        /// Where the password of that user is.
        "password" password: Option<Spanned<SecretSource>>,
        /// Further pairs of registry and token service that may see the credential.
        "realms" realms: Vec<Spanned<RealmPair>>,
    }
}

impl Registry {
    /// Whose registry it is.
    #[must_use]
    pub fn provider(&self) -> RegistryProvider {
        self.provider.as_ref().map_or(RegistryProvider::Azure, |p| p.value)
    }
}

impl Check for Registry {
    fn check(&self, place: &Place, cx: &mut Context) {
        match self.provider() {
            RegistryProvider::Azure => self.check_azure(cx),
            other => self.check_foreign(other, place, cx),
        }
    }
}

impl Registry {
    fn check_azure(&self, cx: &mut Context) {
        if let Some(name) = self.name.as_ref().filter(|n| RegistryName::new(n.as_str()).is_none()) {
            let summary = format!(
                "`registry.name` is `{}`; an Azure registry has 5 to 50 lower-case letters and digits",
                super::tree::clip(name)
            );
            cx.error(&name.place, summary, "choose a name such as `modelopsdevacr`");
        }
        let foreign = [
            self.host.as_ref().map(|h| ("host", &h.place)),
            self.username.as_ref().map(|u| ("username", &u.place)),
            self.password.as_ref().map(|p| ("password", &p.place)),
        ];
        for (key, place) in foreign.into_iter().flatten() {
            let summary = format!("`registry.{key}` does not go with an Azure registry");
            cx.error(place, summary, "delete it, or write `provider: generic`");
        }
    }

    fn check_foreign(&self, provider: RegistryProvider, place: &Place, cx: &mut Context) {
        let name = provider.as_str();
        if provider == RegistryProvider::Generic && self.host.is_none() {
            cx.error(place, "`registry.host` is missing", "add `host: registry.example.com`");
        }
        if let Some(host) = self.host.as_ref().filter(|_| provider != RegistryProvider::Generic) {
            let summary = format!("`registry.host` does not go with `provider: {name}`");
            cx.error(&host.place, summary, "delete it, or write `provider: generic`");
        }
        if let Some(mode) = &self.role_assignment_mode {
            let summary = format!("`registry.role_assignment_mode` does not go with `provider: {name}`");
            cx.error(&mode.place, summary, "delete it: only Azure's registries have it");
        }
        if let Some(auth) = &self.auth {
            let summary = format!("`registry.auth` does not go with `provider: {name}`");
            cx.error(&auth.place, summary, "give `username` and `password: {from_env: VARIABLE}` instead");
        }
        if self.username.is_some() != self.password.is_some() {
            let summary = "`registry.username` and `registry.password` go together";
            cx.error(place, summary, "give both, or neither for a registry without sign-in");
        }
    }
}

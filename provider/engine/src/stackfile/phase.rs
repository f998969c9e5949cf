//! The ways to sign in to a registry in the order in which a stack moves up.

use super::registry::RegistryAuth;

/// How pods of a stack sign in to its registry, without the settings of the way. The later one is the safer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The registry's admin user.
    AdminUser,
    /// A service principal.
    ServicePrincipal,
    /// A token of the stack's own, which may pull and nothing else.
    Token,
    /// A federated identity: no password anywhere.
    WorkloadIdentity,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AdminUser, Self::ServicePrincipal, Self::Token, Self::WorkloadIdentity];

    /// As the stack file says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminUser => "admin_user",
            Self::ServicePrincipal => "service_principal",
            Self::Token => "token",
            Self::WorkloadIdentity => "workload_identity",
        }
    }
}

impl RegistryAuth {
    /// Which way it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::AdminUser => Phase::AdminUser,
            Self::ServicePrincipal(_) => Phase::ServicePrincipal,
            Self::Token => Phase::Token,
            Self::WorkloadIdentity => Phase::WorkloadIdentity,
        }
    }
}

//! Which identity, and why.

use mops_core::cloud::{AuthKind, AzureAuth};
use mops_host::Env;

/// The kind as it is written in a stack file.
#[must_use]
pub const fn kind_name(kind: AuthKind) -> &'static str {
    match kind {
        AuthKind::Auto => "auto",
        AuthKind::Cli => "cli",
        AuthKind::ServicePrincipal => "service_principal",
        AuthKind::Certificate => "certificate",
        AuthKind::WorkloadIdentity => "workload_identity",
        AuthKind::ManagedIdentity => "managed_identity",
        AuthKind::Oidc => "oidc",
    }
}

/// The variables that decide, in order.
const SIGNS: [(&str, AuthKind); 4] = [
    ("AZURE_FEDERATED_TOKEN_FILE", AuthKind::WorkloadIdentity),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", AuthKind::Oidc),
    ("AZURE_CLIENT_SECRET", AuthKind::ServicePrincipal),
    ("IDENTITY_ENDPOINT", AuthKind::ManagedIdentity),
];

/// The kind to sign in with (never `Auto`) and the reason in words.
#[must_use]
pub fn choose(auth: &AzureAuth, env: &Env) -> (AuthKind, String) {
    if auth.kind != AuthKind::Auto {
        return (auth.kind, format!("`azure.auth` says `{}`", kind_name(auth.kind)));
    }
    if auth.client_secret.is_some() {
        return (AuthKind::ServicePrincipal, "the stack file names a client secret".to_owned());
    }
    if auth.certificate_file.is_some() {
        return (AuthKind::Certificate, "the stack file names a certificate".to_owned());
    }
    match SIGNS.iter().find(|(variable, _)| env.has(variable)) {
        Some((variable, kind)) => (*kind, format!("`{variable}` is set")),
        None => (AuthKind::Cli, "no variable names another identity".to_owned()),
    }
}

/// The variables that would choose another kind, were they asked.
#[must_use]
pub fn others(chosen: AuthKind, env: &Env) -> Vec<&'static str> {
    SIGNS
        .iter()
        .filter(|(variable, kind)| *kind != chosen && env.has(variable))
        .map(|(variable, _)| *variable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Source;

    #[test]
    fn presence_of_variables_decides_in_order() {
        let all =
            ["AZURE_FEDERATED_TOKEN_FILE", "ACTIONS_ID_TOKEN_REQUEST_URL", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"];
        let kinds = [AuthKind::WorkloadIdentity, AuthKind::Oidc, AuthKind::ServicePrincipal, AuthKind::ManagedIdentity];
        for (at, kind) in kinds.into_iter().enumerate() {
            let env = Env::of(all[at..].iter().map(|name| (*name, "x")));
            let (got, why) = choose(&AzureAuth::default(), &env);
            assert_eq!(got, kind);
            assert!(why.contains(all[at]), "{why}");
        }
        assert_eq!(choose(&AzureAuth::default(), &Env::default()).0, AuthKind::Cli);
    }

    #[test]
    fn what_does_not_count_is_known() {
        let env = Env::of([("AZURE_FEDERATED_TOKEN_FILE", "x"), ("AZURE_CLIENT_SECRET", "x")]);
        assert_eq!(others(AuthKind::WorkloadIdentity, &env), ["AZURE_CLIENT_SECRET"]);
        assert_eq!(others(AuthKind::Cli, &Env::default()), Vec::<&str>::new());
    }

    #[test]
    fn the_stack_file_wins() {
        let env = Env::of([("AZURE_CLIENT_SECRET", "x")]);
        let cli = AzureAuth { kind: AuthKind::Cli, ..AzureAuth::default() };
        assert_eq!(choose(&cli, &env).0, AuthKind::Cli);
        let secret = AzureAuth { client_secret: Some(Source::FromEnv("S".into())), ..AzureAuth::default() };
        assert_eq!(choose(&secret, &Env::default()).0, AuthKind::ServicePrincipal);
    }
}

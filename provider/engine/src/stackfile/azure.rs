//! `azure:` — how to sign in.

use std::path::PathBuf;

use mops_core::Place;
use mops_core::cloud::{AuthKind, AzureAuth};

use super::reader::{Check, Context, Spanned, section};
use super::rule::Guid;
use super::scalar::words;
use super::source::SecretSource;
use super::subscription::SubscriptionId;

words! {
    /// Which identity signs in.
    AuthWord {
        /// Chosen by what the environment offers.
        "auto" Auto,
        /// The Azure CLI.
        "cli" Cli,
        /// Client secret.
        "service_principal" ServicePrincipal,
        /// Client certificate.
        "certificate" Certificate,
        /// Projected token of a pod.
        "workload_identity" WorkloadIdentity,
        /// Identity of the machine.
        "managed_identity" ManagedIdentity,
        /// Token of a workflow.
        "oidc" Oidc,
    }
}

section! {
    /// How to sign in to Azure.
    Strict AzureSection {
        /// Which identity; default `auto`.
        "auth" auth: Option<Spanned<AuthWord>>,
        /// Directory; else AZURE_TENANT_ID.
        "tenant_id" tenant_id: Option<Spanned<Guid>>,
        /// Application or identity; else AZURE_CLIENT_ID.
        "client_id" client_id: Option<Spanned<Guid>>,
        /// Where the client secret is; else AZURE_CLIENT_SECRET.
        "client_secret" client_secret: Option<Spanned<SecretSource>>,
        /// PEM file with certificate and key.
        "certificate_file" certificate_file: Option<Spanned<String>>,
        /// Subscription of a stack without a `cluster` section; else AZURE_SUBSCRIPTION_ID.
        "subscription_id" subscription_id: Option<Spanned<SubscriptionId>>,
    }
}

impl Check for AzureSection {
    fn check(&self, _: &Place, cx: &mut Context) {
        let kind = self.auth.as_ref().map_or(AuthWord::Auto, |a| a.value);
        if let Some(file) = &self.certificate_file
            && !matches!(kind, AuthWord::Certificate | AuthWord::Auto)
        {
            let summary = format!("`azure.certificate_file` does not go with `auth: {}`", kind.as_str());
            cx.error(&file.place, summary, "write `auth: certificate`, or delete the file");
        }
        if let Some(secret) = &self.client_secret
            && !matches!(kind, AuthWord::ServicePrincipal | AuthWord::Auto)
        {
            let summary = format!("`azure.client_secret` does not go with `auth: {}`", kind.as_str());
            cx.error(&secret.place, summary, "write `auth: service_principal`, or delete the secret");
        }
    }
}

impl AzureSection {
    /// The section in the words of the sign-in.
    #[must_use]
    pub fn azure_auth(&self) -> AzureAuth {
        let kind = match self.auth.as_ref().map_or(AuthWord::Auto, |a| a.value) {
            AuthWord::Auto => AuthKind::Auto,
            AuthWord::Cli => AuthKind::Cli,
            AuthWord::ServicePrincipal => AuthKind::ServicePrincipal,
            AuthWord::Certificate => AuthKind::Certificate,
            AuthWord::WorkloadIdentity => AuthKind::WorkloadIdentity,
            AuthWord::ManagedIdentity => AuthKind::ManagedIdentity,
            AuthWord::Oidc => AuthKind::Oidc,
        };
        AzureAuth {
            kind,
            tenant_id: self.tenant_id.as_ref().map(|t| t.as_str().to_owned()),
            client_id: self.client_id.as_ref().map(|t| t.as_str().to_owned()),
            client_secret: self.client_secret.as_ref().map(|s| s.0.clone()),
            certificate_file: self.certificate_file.as_ref().map(|f| PathBuf::from(&f.value)),
        }
    }
}

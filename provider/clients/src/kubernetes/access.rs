//! How a cluster is reached: server, roots and credential out of a kubeconfig.
//!
//! Guarantees two things: no program named in a kubeconfig is started, and an error quotes nothing
//! of its content (`tests`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig};
use mops_core::{BoxFuture, Error, Secret};
use mops_host::fsx;
use mops_wire::{PemBytes, Url};

use super::error::KubernetesError;
use crate::identity::Chosen;

/// The scope of a token for the API servers of managed clusters that sign in with Entra.
pub const AKS_SCOPE: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";

/// Gives a token for [`AKS_SCOPE`]; called for every request, so it has to keep one. Told which token the server
/// refused, it gives another.
pub type AzureToken =
    Arc<dyn Fn(Option<Secret<String>>) -> BoxFuture<'static, Result<Secret<String>, Error>> + Send + Sync>;

/// Tokens for managed clusters by the identity that was chosen.
#[must_use]
pub fn entra(chosen: &Chosen) -> AzureToken {
    let chosen = chosen.clone();
    Arc::new(move |refused| {
        let chosen = chosen.clone();
        Box::pin(async move {
            if let Some(refused) = refused {
                chosen.tokens.refused(AKS_SCOPE, &refused).await;
            }
            Ok(chosen.token(AKS_SCOPE).await?)
        })
    })
}

/// How we say who we are.
#[derive(Clone)]
pub enum Auth {
    /// A bearer token that does not change.
    Token(Secret<String>),
    /// A client certificate with its key.
    Certificate(PemBytes, Secret<PemBytes>),
    /// A token of Entra, in place of `kubelogin`.
    Entra(AzureToken),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Certificate(..) => "Certificate",
            Self::Entra(_) => "Entra",
        })
    }
}

/// Everything needed to speak to a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    /// The API server.
    pub server: Url,
    /// Roots that its certificate is checked against; the machine's own when there are none.
    pub roots: Option<PemBytes>,
    /// Who we are.
    pub auth: Auth,
    /// The namespace of the context.
    pub namespace: String,
}

/// Where a kubeconfig came from and what may replace its sign-in program.
#[derive(Clone)]
struct Place<'a> {
    name: &'a str,
    folder: Option<&'a Path>,
    entra: Option<AzureToken>,
}

impl Access {
    /// Reads a kubeconfig that a service gave us. `name` says whose it is; no context is the current one.
    ///
    /// # Errors
    /// When it is not a kubeconfig, or signs in in a way that we do not have.
    pub fn from_text(
        name: &str,
        text: &Secret<String>,
        context: Option<&str>,
        entra: Option<AzureToken>,
    ) -> Result<Self, KubernetesError> {
        Place { name, folder: None, entra }.read(text, context)
    }

    /// Reads a kubeconfig file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, is not a kubeconfig, or signs in in a way that we do not have.
    pub fn from_file(path: &str, context: Option<&str>, entra: Option<AzureToken>) -> Result<Self, KubernetesError> {
        let file = PathBuf::from(path);
        let name = format!("`{path}`");
        let place = Place { name: &name, folder: file.parent(), entra };
        let bytes = fsx::read(&file).map_err(|e| place.error(format!("it cannot be read: {}", e.kind())))?;
        let text = String::from_utf8(bytes).map_err(|_| place.error("it is not text"))?;
        place.read(&Secret::new(text), context)
    }
}

impl Place<'_> {
    fn error(&self, what: impl Into<String>) -> KubernetesError {
        KubernetesError::Kubeconfig { place: self.name.to_owned(), what: what.into() }
    }

    fn read(&self, text: &Secret<String>, context: Option<&str>) -> Result<Access, KubernetesError> {
        // the parser's message may quote the line, so it is dropped
        let config = Kubeconfig::from_yaml(text.expose()).map_err(|_| self.error("it is not a kubeconfig"))?;
        let name = context.map(str::to_owned).or_else(|| config.current_context.clone());
        let name = name.ok_or_else(|| self.error("it has no current context; name one"))?;
        let context = config.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.as_ref());
        let context = context.ok_or_else(|| self.error(format!("it has no context `{name}`")))?;
        let cluster = config.clusters.iter().find(|c| c.name == context.cluster).and_then(|c| c.cluster.as_ref());
        let cluster = cluster.ok_or_else(|| self.error(format!("it has no cluster `{}`", context.cluster)))?;
        let user = context.user.as_ref();
        let user = config.auth_infos.iter().find(|u| Some(&u.name) == user).and_then(|u| u.auth_info.as_ref());
        let user = user.ok_or_else(|| self.error(format!("context `{name}` has no user")))?;
        Ok(Access {
            server: self.server(cluster)?,
            roots: self.roots(cluster)?,
            auth: self.auth(user)?,
            namespace: context.namespace.clone().unwrap_or_else(|| "default".into()),
        })
    }

    fn server(&self, cluster: &Cluster) -> Result<Url, KubernetesError> {
        if cluster.insecure_skip_tls_verify == Some(true) {
            return Err(self.error("it switches the check of the server's certificate off (insecure-skip-tls-verify)"));
        }
        if cluster.tls_server_name.is_some() || cluster.proxy_url.is_some() {
            return Err(self.error("`tls-server-name` and `proxy-url` are not supported by this version"));
        }
        let text = cluster.server.as_deref().unwrap_or_default();
        Url::parse(text).map_err(|_| self.error("its server is not an address"))
    }

    fn roots(&self, cluster: &Cluster) -> Result<Option<PemBytes>, KubernetesError> {
        let (data, file) = (&cluster.certificate_authority_data, &cluster.certificate_authority);
        self.material("certificate-authority", data.as_deref(), file.as_deref())
    }

    /// Data in base64, or the content of a file.
    fn material(
        &self,
        what: &str,
        data: Option<&str>,
        file: Option<&str>,
    ) -> Result<Option<PemBytes>, KubernetesError> {
        if let Some(data) = data {
            let bytes = STANDARD.decode(data).map_err(|_| self.error(format!("`{what}-data` is not base64")))?;
            return Ok(Some(bytes));
        }
        let Some(file) = file else { return Ok(None) };
        let path = self.folder.map_or_else(|| PathBuf::from(file), |folder| folder.join(file));
        let read = fsx::read(&path);
        read.map(Some)
            .map_err(|e| self.error(format!("`{what}` cannot be read from `{}`: {}", path.display(), e.kind())))
    }

    fn auth(&self, user: &AuthInfo) -> Result<Auth, KubernetesError> {
        if let Some(exec) = &user.exec {
            return self.exec(exec);
        }
        // the library hides these behind a type of another crate; serialising is its way to read them
        let clear = Secret::new(serde_json::to_value(user).unwrap_or_default());
        let hidden = |field: &str| clear.expose()[field].as_str().map(str::to_owned);
        if let Some(token) = hidden("token") {
            return Ok(Auth::Token(Secret::new(token)));
        }
        if let Some(file) = &user.token_file {
            let bytes = self.material("tokenFile", None, Some(file))?.unwrap_or_default();
            let text = String::from_utf8(bytes).map_err(|_| self.error("the token file is not text"))?;
            return Ok(Auth::Token(Secret::new(text.trim().to_owned())));
        }
        let cert = self.material(
            "client-certificate",
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_deref(),
        )?;
        let key = hidden("client-key-data");
        let key = self.material("client-key", key.as_deref(), user.client_key.as_deref())?;
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Auth::Certificate(cert, Secret::new(key))),
            _ => Err(self.error("its user has neither a token nor a client certificate with its key")),
        }
    }

    fn exec(&self, exec: &ExecConfig) -> Result<Auth, KubernetesError> {
        let program = exec.command.clone().unwrap_or_default();
        let kubelogin = program.rsplit('/').next() == Some("kubelogin");
        match &self.entra {
            Some(token) if kubelogin => Ok(Auth::Entra(Arc::clone(token))),
            _ => Err(KubernetesError::ExecPlugin { place: self.name.to_owned(), program }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(user: &str) -> Secret<String> {
        Secret::new(format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n    \
             server: https://api.example:6443\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\n\
             users:\n- name: u\n  user: {user}\n"
        ))
    }

    fn entra() -> AzureToken {
        Arc::new(|_| Box::pin(async { Ok(Secret::from("entra")) }))
    }

    #[test]
    fn every_way_to_sign_in_is_recognised() {
        let rows = [
            ("{token: t-canary}", "Token"),
            ("{client-certificate-data: Y2VydA==, client-key-data: a2V5}", "Certificate"),
            ("{exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, args: [get-token]}}", "Entra"),
        ];
        for (user, want) in rows {
            let access = Access::from_text("`x`", &config(user), None, Some(entra())).expect(user);
            assert_eq!(format!("{:?}", access.auth), want, "{user}");
            assert!(!format!("{access:?}").contains("canary"));
        }
    }

    #[test]
    fn other_programs_are_named_and_not_started() {
        let user = "{exec: {command: /usr/bin/aws, args: [eks]}}";
        let error = Access::from_text("`x`", &config(user), None, Some(entra())).unwrap_err();
        assert!(error.to_string().contains("`/usr/bin/aws`, which is not started"), "{error}");
        let error = Access::from_text("`x`", &config("{exec: {command: kubelogin}}"), None, None).unwrap_err();
        assert!(matches!(error, KubernetesError::ExecPlugin { .. }));
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        for text in ["canary: [", "- canary", "users: canary"] {
            let error = Access::from_text("`x`", &Secret::from(text), None, None).unwrap_err().into_core();
            assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
        }
    }
}

//! docker-registry behind the names of ACR: who may sign in is what the registry fake says, with
//! ACR's own flow (exchange, refresh token, password); the content and every challenge are the real
//! registry's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::http::{Broken, Call, Handler};
use crate::real::docker_registry::{DockerRegistry, Realm};
use crate::real::forward::forward;
use crate::real::signer::Signer;
use crate::registry::Registries;

/// The registries of one cloud with real content, one docker-registry each, started when first asked.
pub struct Acr {
    registries: Arc<Registries>,
    dir: PathBuf,
    signer: Signer,
    /// By host name: the incarnation that runs. One that is gone ends when its name is asked again.
    running: Mutex<BTreeMap<String, (String, DockerRegistry<PathBuf>)>>,
}

impl Acr {
    /// None is running yet; their content goes below `dir`.
    #[must_use]
    pub fn new(registries: Arc<Registries>, dir: &Path) -> Self {
        Self { registries, dir: dir.to_owned(), signer: Signer::new(), running: Mutex::default() }
    }

    /// Serves all of them, told apart by name; a name that does not exist breaks the connection.
    ///
    /// # Panics
    /// The answer to a client does, with the reason, when docker-registry cannot be started.
    #[must_use]
    pub fn handler(self) -> Handler {
        let acr = Arc::new(self);
        Arc::new(move |request| {
            let acr = Arc::clone(&acr);
            Box::pin(async move { acr.answer(Call::read(request).await?).await })
        })
    }

    async fn answer(&self, call: Call) -> Result<Response<Body>, Broken> {
        let Some(view) = self.registries.view(&call.host) else {
            self.running.lock().await.remove(&call.host);
            return Err(Broken);
        };
        if call.path.starts_with("/oauth2/") {
            return self.sign_in(&call);
        }
        let socket = self.socket(&view.incarnation, &call.host).await?;
        forward(UnixStream::connect(socket).await.map_err(|_| Broken)?, call).await
    }

    /// The fake's answer, with the access token in the form that docker-registry believes.
    fn sign_in(&self, call: &Call) -> Result<Response<Body>, Broken> {
        let mut reply = self.registries.answer(call).ok_or(Broken)?;
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let claims = body["access_token"].as_str().and_then(|t| self.registries.arm().world.verify(t).ok());
        if let Some(claims) = claims {
            let token = json!(self.signer.reissue(&claims));
            for field in ["access_token", "token"] {
                if body[field].is_string() {
                    body[field] = token.clone();
                }
            }
            reply.body = body.to_string().into();
        }
        Ok(reply.into_response(&call.method))
    }

    async fn socket(&self, incarnation: &str, host: &str) -> Result<PathBuf, Broken> {
        let mut running = self.running.lock().await;
        if running.get(host).is_none_or(|(held, _)| held != incarnation) {
            let dir = self.dir.join(incarnation);
            let started = DockerRegistry::with_tokens(&dir, &Realm::of_acr(host), self.signer.certificate_pem()).await;
            let started = started.unwrap_or_else(|error| panic!("docker-registry does not serve: {error}"));
            running.insert(host.to_owned(), (incarnation.to_owned(), started));
        }
        running.get(host).map(|(_, registry)| registry.end().clone()).ok_or(Broken)
    }
}

//! Registries of others under their own names: docker-registry with a user and a password, and docker-registry behind the
//! token services of GitHub's registry and of Docker Hub. One bot may do everything below one organisation, one may sign in
//! where there are tokens and is given nothing; nobody else may do anything. skopeo and containerd are the judges (`e2e::existing`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::evidence::{Evidence, RouteInfo};
use crate::http::{Broken, Call, Handler, Reply, host_of};
use crate::real::docker_registry::{DockerRegistry, Realm};
use crate::real::forward::forward;
use crate::real::signer::Signer;
use crate::route::{self, Params, Route};

/// Who may push and pull.
pub const BOT: &str = "example-bot";
/// Who may sign in with [`limited_password`] where there are tokens, and is given nothing that it asks for.
pub const LIMITED_BOT: &str = "example-limited-bot";
/// Below which name.
const ORGANISATION: &str = "example-org/";
/// A registry with a user and a password, run by nobody in particular.
pub const GENERIC: &str = "registry.lab.example";
/// GitHub's registry.
pub const GHCR: &str = "ghcr.io";
/// Docker Hub's API.
pub const HUB: &str = "registry-1.docker.io";
/// Docker Hub's token service.
pub const HUB_TOKENS: &str = "auth.docker.io";
/// How long an access token lives.
const SECONDS: i64 = 300;

/// Everything that answers.
pub const NAMES: [&str; 4] = [GENERIC, GHCR, HUB, HUB_TOKENS];

/// The password of [`LIMITED_BOT`], beside that of [`BOT`].
#[must_use]
pub fn limited_password(of_the_bot: &str) -> String {
    format!("{of_the_bot}-limited")
}

/// The registries, each started when first asked.
pub struct Hosted {
    dir: PathBuf,
    password: Secret<String>,
    signer: Signer,
    routes: Vec<Route<Hosted>>,
    running: Mutex<BTreeMap<String, DockerRegistry<PathBuf>>>,
}

impl Hosted {
    /// None is running yet; their content goes below `dir`, and this is the password of [`BOT`].
    #[must_use]
    pub fn new(dir: &Path, password: Secret<String>) -> Self {
        let (signer, routes) = (Signer::new(), routes());
        Self { dir: dir.to_owned(), password, signer, routes, running: Mutex::default() }
    }

    /// Serves them; every other name is for `others`.
    ///
    /// # Panics
    /// The answer to a client does, with the reason, when docker-registry cannot be started.
    #[must_use]
    pub fn before(self, others: Handler) -> Handler {
        let hosted = Arc::new(self);
        Arc::new(move |request| {
            if !NAMES.contains(&host_of(&request).as_str()) {
                return others(request);
            }
            let hosted = Arc::clone(&hosted);
            Box::pin(async move { hosted.answer(Call::read(request).await?).await })
        })
    }

    async fn answer(&self, call: Call) -> Result<Response<Body>, Broken> {
        if let Some((route, params)) = route::find(&self.routes, &call).filter(|_| call.host != GENERIC) {
            return Ok((route.answer)(self, &call, &params).into_response(&call.method));
        }
        if call.host == HUB_TOKENS {
            return Ok(Reply::empty(404).into_response(&call.method));
        }
        let socket = self.socket(&call.host).await;
        forward(UnixStream::connect(socket).await.map_err(|_| Broken)?, call).await
    }

    async fn socket(&self, host: &str) -> PathBuf {
        let mut running = self.running.lock().await;
        if !running.contains_key(host) {
            let (dir, certificate) = (self.dir.join(host), self.signer.certificate_pem());
            let started = match host {
                GENERIC => DockerRegistry::with_password(&dir, BOT, &self.password).await,
                GHCR => {
                    DockerRegistry::with_tokens(&dir, &Realm::new("https://ghcr.io/token", GHCR), certificate).await
                }
                _ => {
                    let realm = Realm::new("https://auth.docker.io/token", "registry.docker.io");
                    DockerRegistry::with_tokens(&dir, &realm, certificate).await
                }
            };
            let started = started.unwrap_or_else(|error| panic!("docker-registry does not serve: {error}"));
            running.insert(host.to_owned(), started);
        }
        running[host].end().clone()
    }

    /// Whether this is a bot's login.
    fn knows(&self, user: &str, password: &str) -> bool {
        let own = self.password.expose();
        (user == BOT && password == own) || (user == LIMITED_BOT && password == limited_password(own))
    }
}

/// The routes of the token services, with their evidence.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    route::listing("hosted", &routes())
}

fn routes() -> Vec<Route<Hosted>> {
    const CLIENTS: Evidence = Evidence::Client("skopeo 1.9.3 and containerd 2.1.4");
    vec![Route::new("GET", "/token", CLIENTS, by_header), Route::new("POST", "/token", CLIENTS, by_form)]
}

/// The docker way: who asks is in a Basic header, or nobody.
fn by_header(hosted: &Hosted, call: &Call, _: &Params) -> Reply {
    let scopes = call.query.iter().filter(|(name, _)| name == "scope").map(|(_, scope)| scope.as_str());
    let login = call.header("authorization").and_then(|header| header.strip_prefix("Basic "));
    let Some(login) = login else {
        return if call.host == GHCR { refused(call) } else { granted(hosted, call, "", &[]) };
    };
    let text = STANDARD.decode(login.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (user, password) = text.split_once(':').unwrap_or_default();
    if !hosted.knows(user, password) {
        return refused(call);
    }
    granted(hosted, call, user, &scopes.filter_map(|scope| access(user, scope)).collect::<Vec<_>>())
}

/// The OAuth way, which Docker Hub knows and GitHub does not.
fn by_form(hosted: &Hosted, call: &Call, _: &Params) -> Reply {
    if call.host == GHCR {
        return Reply::empty(405);
    }
    let form = call.form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    if field("grant_type") != "password" || !hosted.knows(field("username"), field("password")) {
        return refused(call);
    }
    let user = field("username");
    let scopes: Vec<Value> = field("scope").split(' ').filter_map(|scope| access(user, scope)).collect();
    granted(hosted, call, user, &scopes)
}

/// What a bot is given of what it asked for: `repository:NAME:ACTIONS` below the organisation.
fn access(user: &str, scope: &str) -> Option<Value> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').collect();
    (user == BOT && name.starts_with(ORGANISATION))
        .then(|| json!({"type": "repository", "name": name, "actions": actions}))
}

fn granted(hosted: &Hosted, call: &Call, user: &str, access: &[Value]) -> Reply {
    let service = if call.host == GHCR { GHCR } else { "registry.docker.io" };
    let token = hosted.signer.grant(user, service, SECONDS, access);
    Reply::json(200, &json!({"token": token, "access_token": token, "expires_in": SECONDS}))
}

/// Each in its own words.
fn refused(call: &Call) -> Reply {
    if call.host == GHCR {
        return Reply::json(403, &json!({"errors": [{"code": "DENIED", "message": "denied"}]}));
    }
    Reply::json(401, &json!({"details": "incorrect username or password"}))
}

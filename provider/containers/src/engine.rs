//! The calls that are made to an engine, typed. What an engine does not know is `None` and no error (`tests/env_up.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use mops_core::Secret;
use mops_wire::registry::{Auth, Reference};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::failure::EngineError;
use crate::socket::Endpoint;
use crate::spec::{Kind, Settings, label};
use crate::wire::{self, Call};

/// The version of the API whose shapes are known here; an older engine is spoken to in its own.
const NEWEST: (u32, u32) = (1, 47);
/// An engine that is there says so at once.
const GREETING: Duration = Duration::from_secs(10);
/// A registry may think for long before the first line of a pull.
const PULL: Duration = Duration::from_secs(600);

/// An engine that answers.
#[derive(Clone, Debug)]
pub struct Engine {
    at: Endpoint,
    version: String,
    podman: bool,
}

/// A container as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its id.
    pub id: String,
    /// What it does.
    pub state: State,
    /// What it was made from.
    config: Config,
}

/// What a container does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// Whether the engine is starting it again after an end.
    #[serde(default)]
    pub restarting: bool,
    /// How its program ended.
    #[serde(default)]
    pub exit_code: i64,
    /// Whether it had used up its memory.
    #[serde(default, rename = "OOMKilled")]
    pub out_of_memory: bool,
    /// The engine's words about its start.
    #[serde(default)]
    pub error: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: String,
    labels: Option<BTreeMap<String, String>>,
}

/// A line of the list of containers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    /// Its id.
    pub id: String,
    names: Vec<String>,
    /// The image that it was made from.
    pub image: String,
    /// `running`, `exited` and so on.
    pub state: String,
    /// When it was made, seconds of the epoch.
    pub created: i64,
    labels: Option<BTreeMap<String, String>>,
    ports: Option<Vec<ListedPort>>,
}

#[derive(Clone, Debug, Deserialize)]
struct ListedPort {
    #[serde(rename = "IP", default)]
    ip: String,
    #[serde(rename = "PrivatePort")]
    inner: u16,
    #[serde(rename = "PublicPort")]
    outer: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecState {
    running: bool,
    exit_code: Option<i64>,
}

/// A command for a container that runs.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// As whom; else as the container does.
    pub user: Option<String>,
    /// Where; else where the container does.
    pub workdir: Option<String>,
    /// More variables, `NAME=VALUE`.
    pub env: Vec<String>,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Whether it gets a standard input.
    pub input: bool,
}

/// Which part of the output is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// Go on when it is at its end.
    pub follow: bool,
    /// The last lines only.
    pub tail: Option<u64>,
    /// From then on, seconds of the epoch.
    pub since: Option<i64>,
}

/// A connection to a command that runs.
pub type Attached = TokioIo<hyper::upgrade::Upgraded>;

impl Container {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.config.labels.clone().unwrap_or_default()
    }

    /// Whether this product made it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.config.labels.as_ref().is_some_and(|labels| labels.contains_key(label::OURS))
    }

    /// The image that it was made from.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.config.image
    }
}

impl Listed {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", |name| name.trim_start_matches('/'))
    }

    /// One of its labels.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.as_ref().and_then(|labels| labels.get(name)).map_or("", String::as_str)
    }

    /// The ways in, `ADDRESS:OUTER->INNER`.
    #[must_use]
    pub fn ways(&self) -> Vec<String> {
        let way = |port: &ListedPort| Some(format!("{}:{}->{}", port.ip, port.outer?, port.inner));
        self.ports.iter().flatten().filter_map(way).collect()
    }
}

/// Text as a part of a path or a query.
fn part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The value of `X-Registry-Auth` for a login; none for nobody.
fn header(auth: &Auth, registry: &str) -> Option<Secret<String>> {
    let login = match auth {
        Auth::Anonymous => return None,
        Auth::Basic { username, password } => {
            json!({"username": username, "password": password.expose(), "serveraddress": registry})
        }
        Auth::Refresh(token) => json!({"identitytoken": token.expose(), "serveraddress": registry}),
    };
    Some(Secret::new(URL_SAFE.encode(login.to_string())))
}

/// The older of an engine's version and ours.
fn agreed(theirs: &str) -> String {
    let (major, minor) = NEWEST;
    let version = theirs.split_once('.').and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
    match version {
        Some(version) if version < NEWEST => theirs.to_owned(),
        _ => format!("{major}.{minor}"),
    }
}

impl Engine {
    /// Greets the engine at a place.
    ///
    /// # Errors
    /// When nobody answers there, or not as an engine does.
    pub async fn greet(at: Endpoint) -> Result<Self, EngineError> {
        let response = wire::send(&at, Call::new(Method::GET, "/_ping").patience(GREETING)).await;
        let response = response.map_err(|error| match error {
            EngineError::Broken { at, why } => EngineError::Unreachable { at, why },
            other => other,
        })?;
        let said = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let strange =
            || EngineError::Unreachable { at: at.to_string(), why: "what answers is no container engine".into() };
        let version = agreed(&said("api-version").ok_or_else(strange)?);
        let podman = said("libpod-api-version").is_some();
        Ok(Self { at, version, podman })
    }

    /// Where it listens.
    #[must_use]
    pub const fn at(&self) -> &Endpoint {
        &self.at
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, format!("/v{}{path}", self.version))
    }

    async fn send(&self, call: Call) -> Result<Response<Incoming>, EngineError> {
        wire::send(&self.at, call).await
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, call: Call) -> Result<T, EngineError> {
        let body = wire::whole(&self.at, self.send(call).await?).await?;
        serde_json::from_slice(&body)
            .map_err(|error| EngineError::Broken { at: self.at.to_string(), why: error.to_string() })
    }

    /// The next part of a stream.
    ///
    /// # Errors
    /// When the connection ends before the stream does.
    pub async fn next(&self, stream: &mut Response<Incoming>) -> Result<Option<Bytes>, EngineError> {
        wire::next(&self.at, stream).await
    }

    /// What is peculiar to it.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn kind(&self) -> Result<Kind, EngineError> {
        let info: Json = self.json(self.call(Method::GET, "/info")).await?;
        let rootless = info["SecurityOptions"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let rootless = rootless.flat_map(|option| option.split(',')).any(|option| option == "name=rootless");
        Ok(Kind { podman: self.podman, rootless, no_limits: false })
    }

    /// Whether it has an image.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn has_image(&self, image: &str) -> Result<bool, EngineError> {
        let found = self.send(self.call(Method::GET, &format!("/images/{}/json", part(image)))).await;
        Ok(known(found)?.is_some())
    }

    /// Begins to pull an image with a login; see [`crate::pull::Account`] for what comes.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn pull(&self, image: &Reference, auth: &Auth) -> Result<Response<Incoming>, EngineError> {
        // A digest goes where a tag does; without either an engine would pull every tag.
        let name = format!("{}/{}", image.registry(), image.repository());
        let path = format!("/images/create?fromImage={}&tag={}", part(&name), part(image.selector()));
        self.send(self.call(Method::POST, &path).login(header(auth, image.registry())).patience(PULL)).await
    }

    /// A container by its name or id.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn container(&self, name: &str) -> Result<Option<Container>, EngineError> {
        let found: Result<Container, _> =
            self.json(self.call(Method::GET, &format!("/containers/{}/json", part(name)))).await;
        known(found)
    }

    /// Every container of ours.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn list(&self) -> Result<Vec<Listed>, EngineError> {
        let filter = json!({"label": [format!("{}=1", label::OURS)]}).to_string();
        self.json(self.call(Method::GET, &format!("/containers/json?all=true&filters={}", part(&filter)))).await
    }

    /// Makes a container; its id.
    ///
    /// # Errors
    /// See [`EngineError`]; status 409 when the name is taken.
    pub async fn create(&self, name: &str, settings: &Settings, kind: Kind) -> Result<String, EngineError> {
        let call = self.call(Method::POST, &format!("/containers/create?name={}", part(name)));
        let made: Made = self.json(call.body(settings.body(kind))).await?;
        Ok(made.id)
    }

    /// Starts a container; one that runs is as good.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn start(&self, name: &str) -> Result<(), EngineError> {
        unchanged(self.send(self.call(Method::POST, &format!("/containers/{}/start", part(name)))).await)
    }

    /// Stops a container; whether it was there.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn stop(&self, name: &str, seconds: u64) -> Result<bool, EngineError> {
        let call = self.call(Method::POST, &format!("/containers/{}/stop?t={seconds}", part(name)));
        let call = call.patience(Duration::from_secs(seconds.saturating_add(60)));
        Ok(known(unchanged(self.send(call).await))?.is_some())
    }

    /// Removes a container with its own volumes, running or not; whether it was there.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn remove(&self, name: &str) -> Result<bool, EngineError> {
        let path = format!("/containers/{}?force=true&v=true", part(name));
        Ok(known(self.send(self.call(Method::DELETE, &path)).await)?.is_some())
    }

    /// What a container has written, in frames.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn logs(&self, name: &str, output: Output) -> Result<Response<Incoming>, EngineError> {
        let mut path = format!("/containers/{}/logs?stdout=true&stderr=true&follow={}", part(name), output.follow);
        path += &output.tail.map(|lines| format!("&tail={lines}")).unwrap_or_default();
        path += &output.since.map(|since| format!("&since={since}")).unwrap_or_default();
        self.send(self.call(Method::GET, &path)).await
    }

    /// Makes a command ready in a container; its id.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn exec(&self, container: &str, command: &Command) -> Result<String, EngineError> {
        let mut body = json!({
            "AttachStdin": command.input,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": command.terminal,
            "Cmd": command.argv,
            "Env": command.env,
        });
        let more = [("User", &command.user), ("WorkingDir", &command.workdir)];
        more.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .for_each(|(name, v)| body[name] = json!(v));
        let made: Made =
            self.json(self.call(Method::POST, &format!("/containers/{}/exec", part(container))).body(body)).await?;
        Ok(made.id)
    }

    /// Runs it; what is read and written from now on is its own.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn attach(&self, exec: &str, terminal: bool) -> Result<Attached, EngineError> {
        let body = json!({"Detach": false, "Tty": terminal});
        let response =
            self.send(self.call(Method::POST, &format!("/exec/{}/start", part(exec))).body(body).upgrade()).await?;
        let broken = |error: hyper::Error| EngineError::Broken { at: self.at.to_string(), why: error.to_string() };
        Ok(TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?))
    }

    /// Tells it the size of its terminal.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn resize(&self, exec: &str, columns: u16, rows: u16) -> Result<(), EngineError> {
        self.send(self.call(Method::POST, &format!("/exec/{}/resize?h={rows}&w={columns}", part(exec)))).await.map(drop)
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn ended(&self, exec: &str) -> Result<Option<i64>, EngineError> {
        let state: ExecState = self.json(self.call(Method::GET, &format!("/exec/{}/json", part(exec)))).await?;
        Ok(state.exit_code.filter(|_| !state.running))
    }
}

/// What is not there is `None`.
fn known<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Err(EngineError::Answer { status: 404, .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// 304 says that there was nothing to do.
fn unchanged(answer: Result<Response<Incoming>, EngineError>) -> Result<(), EngineError> {
    match answer {
        Err(EngineError::Answer { status: 304, .. }) => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_version_is_spoken() {
        assert_eq!(["1.41", "1.47", "1.52", "2.0", "?"].map(agreed), ["1.41", "1.47", "1.47", "1.47", "1.47"]);
    }

    #[test]
    fn a_login_is_sent_in_the_form_of_the_engine_and_nobody_is_no_header() {
        let auth = Auth::Basic { username: "$oauthtoken".into(), password: Secret::from("canary>?") };
        let value = header(&auth, "nvcr.io").unwrap();
        let json: Json = serde_json::from_slice(&URL_SAFE.decode(value.expose()).unwrap()).unwrap();
        assert_eq!(
            (&json["username"], &json["password"], &json["serveraddress"]),
            (&json!("$oauthtoken"), &json!("canary>?"), &json!("nvcr.io"))
        );
        assert!(header(&Auth::Anonymous, "nvcr.io").is_none());
        assert!(!format!("{:?}", Call::new(Method::GET, "/").login(Some(value))).contains("canary"));
    }
}

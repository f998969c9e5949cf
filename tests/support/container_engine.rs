//! A container engine on a Unix socket, in the shapes of Docker 20.10 (API 1.41), which `tests/env_real.rs` holds against
//! the real ones: states and their refusals, an error inside a pull that began well, output in frames, a command's
//! connection. Nothing runs in it: a test says what a command writes and how it ends.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::evidence::{Evidence, RouteInfo};

/// What is answered.
const ROUTES: [(&str, &str); 16] = [
    ("GET", "/_ping"),
    ("GET", "/info"),
    ("GET", "/images/{name}/json"),
    ("POST", "/images/create"),
    ("GET", "/containers/json"),
    ("POST", "/containers/create"),
    ("GET", "/containers/{id}/json"),
    ("POST", "/containers/{id}/start"),
    ("POST", "/containers/{id}/stop"),
    ("DELETE", "/containers/{id}"),
    ("GET", "/containers/{id}/logs"),
    ("POST", "/containers/{id}/exec"),
    ("POST", "/exec/{id}/start"),
    ("GET", "/exec/{id}/json"),
    ("POST", "/images/create: an error after a good beginning"),
    ("POST", "/containers/{id}/start: no GPU"),
];

/// Its routes.
#[must_use]
pub fn listing() -> Vec<RouteInfo> {
    let evidence = Evidence::Spec("Engine API 1.41; real engines are asked the same in tests/env_real.rs");
    ROUTES.map(|(method, template)| RouteInfo { fake: "engine", method, template, evidence }).to_vec()
}

type Answer = Response<Full<Bytes>>;
/// What a command does: its words and its input in, what it writes on both ways and its exit code out.
pub type Program = fn(&[String], &[u8]) -> (Vec<u8>, Vec<u8>, i64);

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and path without the version, for example `POST /images/create`.
    pub what: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// The body.
    pub body: Json,
    /// What `X-Registry-Auth` holds, decoded.
    pub login: Option<Json>,
}

/// What the engine answers to a pull.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The status.
    pub status: u16,
    /// A header `Retry-After`.
    pub retry_after: Option<u64>,
    /// The body; a line of JSON each.
    pub body: String,
}

/// One container.
#[derive(Clone, Debug)]
struct Held {
    id: String,
    name: String,
    body: Json,
    running: bool,
    exit_code: i64,
}

struct World {
    images: Vec<String>,
    containers: Vec<Held>,
    asked: Vec<Asked>,
    pulls: VecDeque<Pull>,
    execs: Vec<(Json, Option<i64>)>,
    program: Program,
    /// Containers end with this code as soon as they are started.
    ends: Option<i64>,
    written: Vec<u8>,
    start_refusal: Option<String>,
    made: usize,
    /// Somebody else makes a container of that name just before we do.
    overtaken: bool,
}

/// The engine; it is gone when this is dropped.
pub struct FakeEngine {
    socket: PathBuf,
    world: Arc<Mutex<World>>,
    task: JoinHandle<()>,
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn echo(words: &[String], input: &[u8]) -> (Vec<u8>, Vec<u8>, i64) {
    ([words.join("\n").as_bytes(), b"\n", input].concat(), Vec::new(), 0)
}

impl FakeEngine {
    /// Listens in a folder.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let world = Arc::new(Mutex::new(World {
            images: Vec::new(),
            containers: Vec::new(),
            asked: Vec::new(),
            pulls: VecDeque::new(),
            execs: Vec::new(),
            program: echo,
            ends: None,
            written: Vec::new(),
            start_refusal: None,
            made: 0,
            overtaken: false,
        }));
        let task = tokio::spawn(serve(listener, Arc::clone(&world)));
        Self { socket, world, task }
    }

    /// For `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// What the next pull answers; without any it brings the image.
    pub fn next_pull(&self, status: u16, body: &str) {
        self.world().pulls.push_back(Pull { status, retry_after: None, body: body.to_owned() });
    }

    /// The same with a pause that is asked for.
    pub fn next_pull_after(&self, seconds: u64, status: u16, body: &str) {
        self.world().pulls.push_back(Pull { status, retry_after: Some(seconds), body: body.to_owned() });
    }

    /// Forgets the answers to pulls that nobody asked for.
    pub fn clear_pulls(&self) {
        self.world().pulls.clear();
    }

    /// What commands do from now on.
    pub fn runs(&self, program: Program) {
        self.world().program = program;
    }

    /// Containers end with this code from now on, or stay up.
    pub fn ends(&self, code: Option<i64>) {
        self.world().ends = code;
    }

    /// What containers have written.
    pub fn wrote(&self, text: &str) {
        self.world().written = frame(1, text.as_bytes());
    }

    /// The engine refuses the next start with these words.
    pub fn refuses_to_start(&self, words: &str) {
        self.world().start_refusal = Some(words.to_owned());
    }

    /// Somebody else is faster at the next create.
    pub fn overtaken(&self) {
        self.world().overtaken = true;
    }

    /// A container ends by itself.
    pub fn stop_all(&self) {
        self.world().containers.iter_mut().for_each(|one| one.running = false);
    }

    /// Everything that was asked so far, but greetings and looks.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| !asked.what.starts_with("GET ")).cloned().collect()
    }

    /// The same, in words.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        self.world().asked.clear();
    }

    /// Names of the containers, with `+` for one that runs.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        let world = self.world();
        world.containers.iter().map(|one| format!("{}{}", if one.running { "+" } else { "-" }, one.name)).collect()
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: UnixListener, world: Arc<Mutex<World>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        let service = service_fn(move |request| {
            let world = Arc::clone(&world);
            async move { Ok::<_, Infallible>(answer(&world, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection.with_upgrades());
    }
}

async fn answer(world: &Arc<Mutex<World>>, mut request: Request<Incoming>) -> Answer {
    let upgrade = request.headers().contains_key("upgrade").then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let whole = parts.uri.path().to_owned();
    let Some(path) = whole.strip_prefix("/v1.41") else { return greeting(&whole) };
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let login = parts.headers.get("x-registry-auth").map(|value| {
        let bytes = URL_SAFE.decode(value.as_bytes()).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON in X-Registry-Auth")
    });
    let asked = Asked {
        what: format!("{} {}", parts.method, path),
        query,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        login,
    };
    let words: Vec<String> =
        path.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut held = lock(world);
    held.asked.push(asked.clone());
    match (parts.method.as_str(), words.as_slice()) {
        ("POST", ["exec", id, "start"]) => match upgrade {
            Some(upgrade) => {
                let id: usize = id.parse().expect("one of our ids");
                tokio::spawn(talk(Arc::clone(world), upgrade, id));
                let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
                answer
                    .header("connection", "Upgrade")
                    .header("upgrade", "tcp")
                    .body(Full::default())
                    .expect("an answer")
            }
            None => refuse(400, "no upgrade was asked for"),
        },
        (method, words) => held.answer(method, words, &asked),
    }
}

/// What is answered without a version.
fn greeting(path: &str) -> Answer {
    match path {
        "/_ping" => {
            let answer = Response::builder().header("api-version", "1.41").header("ostype", "linux");
            answer.body(Full::from("OK")).expect("an answer")
        }
        _ => refuse(400, "client version is not supported"),
    }
}

fn refuse(status: u16, message: &str) -> Answer {
    reply(status, &json!({"message": message}))
}

fn reply(status: u16, body: &Json) -> Answer {
    let body = if status == 204 || status == 304 { Bytes::new() } else { Bytes::from(body.to_string()) };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(body))
        .expect("an answer")
}

fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short text").to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], bytes].concat()
}

impl World {
    fn position(&self, name: &str) -> Result<usize, Box<Answer>> {
        let found = self.containers.iter().position(|one| one.name == name || one.id == name);
        found.ok_or_else(|| Box::new(refuse(404, &format!("No such container: {name}"))))
    }

    fn answer(&mut self, method: &str, words: &[&str], asked: &Asked) -> Answer {
        let answer = match (method, words) {
            ("GET", ["info"]) => Ok(reply(200, &json!({"SecurityOptions": ["name=seccomp,profile=default"]}))),
            ("GET", ["images", image, "json"]) => Ok(self.image(image)),
            ("POST", ["images", "create"]) => Ok(self.pull(asked)),
            ("GET", ["containers", "json"]) => Ok(self.list()),
            ("POST", ["containers", "create"]) => Ok(self.create(asked)),
            ("GET", ["containers", name, "json"]) => self.position(name).map(|at| inspected(&self.containers[at])),
            ("POST", ["containers", name, "start"]) => self.position(name).map(|at| self.begin(at)),
            ("POST", ["containers", name, "stop"]) => self.position(name).map(|at| self.stop(at)),
            ("DELETE", ["containers", name]) => self.position(name).map(|at| {
                self.containers.remove(at);
                reply(204, &Json::Null)
            }),
            ("GET", ["containers", name, "logs"]) => self.position(name).map(|_| self.logs()),
            ("POST", ["containers", name, "exec"]) => self.position(name).map(|at| self.exec(at, &asked.body)),
            ("GET", ["exec", id, "json"]) => {
                let (_, code) = &self.execs[id.parse::<usize>().expect("one of our ids")];
                Ok(reply(200, &json!({"ID": id, "Running": code.is_none(), "ExitCode": code})))
            }
            _ => Ok(refuse(404, "page not found")),
        };
        answer.unwrap_or_else(|refusal: Box<Answer>| *refusal)
    }

    fn image(&self, image: &str) -> Answer {
        match self.images.iter().any(|known| known == image) {
            true => reply(200, &json!({"Id": "sha256:0", "RepoTags": [image]})),
            false => refuse(404, &format!("No such image: {image}")),
        }
    }

    fn pull(&mut self, asked: &Asked) -> Answer {
        let word = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
        let (name, tag) = (word("fromImage"), word("tag"));
        assert!(!tag.is_empty(), "an engine would pull every tag of {name}");
        let scripted = self.pulls.pop_front();
        let good = "{\"status\":\"Pulling from x\",\"id\":\"1\"}\r\n{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"a\"}\r\n";
        let pull = scripted.unwrap_or(Pull { status: 200, retry_after: None, body: good.to_owned() });
        if pull.status == 200 && !pull.body.contains("error") {
            let sign = if tag.starts_with("sha256:") { '@' } else { ':' };
            self.images.push(format!("{name}{sign}{tag}"));
        }
        let mut answer = Response::builder().status(pull.status).header("content-type", "application/json");
        if let Some(seconds) = pull.retry_after {
            answer = answer.header("retry-after", seconds);
        }
        answer.body(Full::from(pull.body)).expect("an answer")
    }

    fn list(&self) -> Answer {
        let one = |held: &Held| {
            json!({
                "Id": held.id,
                "Names": [format!("/{}", held.name)],
                "Image": held.body["Image"],
                "State": if held.running { "running" } else { "exited" },
                "Created": 1_700_000_000,
                "Labels": held.body["Labels"],
                "Ports": [],
            })
        };
        let ours = self.containers.iter().filter(|held| held.body["Labels"]["modelops.io/env"] == "1");
        reply(200, &ours.map(one).collect())
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let name = asked.query.get("name").cloned().unwrap_or_default();
        let image = asked.body["Image"].as_str().unwrap_or_default();
        if !self.images.iter().any(|known| known == image) {
            return refuse(404, &format!("No such image: {image}"));
        }
        let taken = self.containers.iter().any(|one| one.name == name);
        self.made += usize::from(!taken);
        let id = format!("{:064x}", self.made);
        if taken || std::mem::take(&mut self.overtaken) {
            if !taken {
                self.containers.push(Held {
                    id,
                    name: name.clone(),
                    body: asked.body.clone(),
                    running: true,
                    exit_code: 0,
                });
            }
            let text = format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"x\". You have to remove (or rename) that container to be able to reuse that name."
            );
            return refuse(409, &text);
        }
        self.containers.push(Held { id: id.clone(), name, body: asked.body.clone(), running: false, exit_code: 0 });
        reply(201, &json!({"Id": id, "Warnings": []}))
    }

    fn begin(&mut self, at: usize) -> Answer {
        if let Some(words) = self.start_refusal.take() {
            return refuse(500, &words);
        }
        let (ends, held) = (self.ends, &mut self.containers[at]);
        if held.running {
            return reply(304, &Json::Null);
        }
        held.running = ends.is_none();
        held.exit_code = ends.unwrap_or_default();
        reply(204, &Json::Null)
    }

    fn stop(&mut self, at: usize) -> Answer {
        let ran = std::mem::replace(&mut self.containers[at].running, false);
        reply(if ran { 204 } else { 304 }, &Json::Null)
    }

    fn logs(&self) -> Answer {
        Response::builder()
            .header("content-type", "application/octet-stream")
            .body(Full::from(self.written.clone()))
            .expect("an answer")
    }

    fn exec(&mut self, at: usize, body: &Json) -> Answer {
        if !self.containers[at].running {
            return refuse(409, &format!("Container {} is not running", self.containers[at].id));
        }
        self.execs.push((body.clone(), None));
        reply(201, &json!({"Id": (self.execs.len() - 1).to_string()}))
    }
}

fn inspected(held: &Held) -> Answer {
    let state = json!({
        "Status": if held.running { "running" } else { "exited" },
        "Running": held.running,
        "Restarting": false,
        "OOMKilled": false,
        "ExitCode": held.exit_code,
        "Error": "",
    });
    let config = json!({"Image": held.body["Image"], "Labels": held.body["Labels"]});
    reply(200, &json!({"Id": held.id, "Name": format!("/{}", held.name), "State": state, "Config": config}))
}

/// The connection of a command: its input to the end, then what it writes, then the end.
async fn talk(world: Arc<Mutex<World>>, upgrade: hyper::upgrade::OnUpgrade, id: usize) {
    let Ok(stream) = upgrade.await else { return };
    let mut stream = TokioIo::new(stream);
    let (body, program) = {
        let held = lock(&world);
        (held.execs[id].0.clone(), held.program)
    };
    let mut input = Vec::new();
    if body["AttachStdin"] == true && stream.read_to_end(&mut input).await.is_err() {
        return;
    }
    let words: Vec<String> = serde_json::from_value(body["Cmd"].clone()).unwrap_or_default();
    let (out, err, code) = program(&words, &input);
    for (stream_id, bytes) in [(1, out), (2, err)] {
        if !bytes.is_empty() && stream.write_all(&frame(stream_id, &bytes)).await.is_err() {
            return;
        }
    }
    lock(&world).execs[id].1 = Some(code);
    // A client that went away has seen enough.
    let _ = stream.shutdown().await;
}

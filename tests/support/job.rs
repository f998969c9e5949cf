//! The main job through the built programs: a stack file in a place of its own, and the cloud that it goes up in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mops_host::proc::Output;
use mops_host::{Env, fsx};
use mops_wire::Http;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::control::ask;
use crate::place::Place;
use crate::private;
use crate::program::{Running, Sandbox};
use crate::push::pipeline_to;

/// The name of its stack file.
pub const FILE: &str = "unified-infra.yaml";

/// A place with a stack file in it, and a cloud that its commands are pointed at.
pub struct Job {
    /// Where the commands run.
    pub place: Place,
    /// The folder of the cloud, for `mops-sandbox`.
    dir: PathBuf,
    control: String,
    _sandbox: Option<Sandbox>,
}

impl Job {
    /// The example of everything, in a sandbox of its own.
    ///
    /// # Panics
    /// When the sandbox does not get ready.
    pub async fn new() -> Self {
        Self::of(&example("unified-infra/unified-infra.yaml")).await
    }

    /// The same with another stack file under the example's name.
    ///
    /// # Panics
    /// When the sandbox does not get ready.
    pub async fn of(text: &str) -> Self {
        Self::at_speed(text, None).await
    }

    /// The same in a sandbox that is so many times faster than Azure.
    ///
    /// # Panics
    /// When the sandbox does not get ready.
    pub async fn at_speed(text: &str, speed: Option<u64>) -> Self {
        let mut place = Place::new();
        place.write(FILE, text);
        let sandbox = Sandbox::at_speed(&place, speed).await;
        for (name, value) in sandbox.variables().await {
            place.set(&name, value);
        }
        let dir = PathBuf::from(&sandbox.dir);
        Self { place, control: control(&dir), dir, _sandbox: Some(sandbox) }
    }

    /// The same in the private world of this process, under Azure's own names: the commands have no proxy, no cloud file
    /// and no other test switch, only who signs in. `None` outside such a world.
    ///
    /// # Panics
    /// When the world has no cloud.
    #[must_use]
    pub fn in_private_world(text: &str) -> Option<Self> {
        let env = Env::process();
        let dir = Path::new(env.get(private::WORLD)?).join("sandbox");
        let mut place = Place::new();
        place.write(FILE, text);
        place.env.retain(|(name, _)| !name.ends_with("_PROXY"));
        for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"] {
            place.set(name, env.get(name).expect("who signs in"));
        }
        Some(Self { place, control: control(&dir), dir, _sandbox: None })
    }

    /// Runs a command in the place.
    pub async fn run(&self, words: &[&str]) -> Output {
        self.place.run(words).await
    }

    /// Runs a command that must end well.
    ///
    /// # Panics
    /// When it does not.
    pub async fn good(&self, words: &[&str]) -> Output {
        let output = self.run(words).await;
        assert_eq!(output.code, Some(0), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// What a command says, on standard output and error, that must end with this code.
    ///
    /// # Panics
    /// When it ends with another.
    pub async fn said(&self, words: &[&str], code: i32) -> (String, String) {
        let output = self.run(words).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.code, Some(code), "{words:?}\n{out}\n{err}");
        (out, err)
    }

    /// What the sandbox knows.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn ask(&self, path: &str) -> Value {
        serde_json::from_str(&ask(&self.control, "GET", path, "").expect("the sandbox")).expect("json")
    }

    /// Tells the sandbox something.
    ///
    /// # Panics
    /// When it does not.
    pub fn tell(&self, method: &str, path: &str, body: &Value) {
        ask(&self.control, method, path, &body.to_string()).expect("the sandbox");
    }

    /// Starts a command and ends it by a signal as soon as a request with these parts is on its way, whose answer the
    /// cloud withholds.
    ///
    /// # Panics
    /// When the request is not sent within 90 s, or the command ends in another way.
    pub async fn ended_at(&self, words: &[&str], request: &[&str], signal: Signal) {
        let met = || self.ask("/faults").as_array().map_or(0, Vec::len);
        let before = met();
        self.tell("POST", "/faults", &json!({"matches": request, "fault": "withheld"}));
        let run = Running::start(&self.place, words[0], &words[1..]);
        let start = Instant::now();
        while met() == before {
            assert!(start.elapsed() < Duration::from_secs(90), "{request:?} was never sent");
            tokio::task::yield_now().await;
        }
        run.signal(signal);
        assert_eq!(run.wait(), None, "the run was over before {signal:?}");
    }

    /// Breaks something that has one way to be broken.
    ///
    /// # Panics
    /// When it does not.
    pub fn ask_to(&self, path: &str) {
        ask(&self.control, "POST", path, "").expect("the sandbox");
    }

    /// The host names under which a fake of the cloud was called, sorted.
    ///
    /// # Panics
    /// When the cloud does not answer.
    #[must_use]
    pub fn hosts(&self, fake: &str) -> Vec<String> {
        let heard: Vec<(String, String)> = serde_json::from_value(self.ask("/heard")).expect("pairs");
        let of_fake = heard.iter().filter(|(name, _)| name == fake).map(|(_, text)| text.as_str());
        let hosts: BTreeSet<String> = of_fake.filter_map(host).map(str::to_owned).collect();
        hosts.into_iter().collect()
    }

    /// The address of the sandbox's control port.
    #[must_use]
    pub fn control(&self) -> String {
        self.control.clone()
    }

    /// A pipeline to the cloud, for a client of the test's own.
    ///
    /// # Panics
    /// When the sandbox has not written where it is.
    #[must_use]
    pub fn pipeline(&self) -> Http {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        pipeline_to(&self.dir).expect("a pipeline")
    }

    /// What exists, as the cloud counts it.
    #[must_use]
    pub fn existing(&self) -> Vec<String> {
        let book = self.ask("/ledger");
        book["existing"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).map(str::to_owned).collect()
    }

    /// What exists but for pods and the like, which controllers make and make again.
    #[must_use]
    pub fn declared(&self) -> Vec<String> {
        let made_by_controllers = ["/pod/", "/replicaset/", "/event/", "/endpoints/", "/node/", "/job/"];
        let ours = |id: &String| !made_by_controllers.iter().any(|part| id.contains(part));
        self.existing().into_iter().filter(ours).collect()
    }

    /// What was made again although it was there.
    #[must_use]
    pub fn doubled(&self) -> Vec<String> {
        let book = self.ask("/ledger");
        let entries = book["entries"].as_object().cloned().unwrap_or_default();
        let twice = |e: &Value| e["made"].as_u64() > e["deleted"].as_u64().map(|d| d + 1);
        entries.into_iter().filter(|(id, e)| twice(e) && !id.contains("/pod/")).map(|(id, _)| id).collect()
    }

    /// The registry and its images, which the workers need.
    pub async fn with_images(&self) {
        self.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
        self.push_images().await;
    }

    /// The images, into a registry that is there.
    pub async fn push_images(&self) {
        self.good(&["mops-sandbox", "push-images", "--dir", &self.dir.display().to_string()]).await;
    }

    /// Up, with success.
    pub async fn up(&self) -> Output {
        self.good(&["mops", "infra", "up", FILE, "--yes"]).await
    }

    /// A preview that finds nothing.
    pub async fn nothing_to_do(&self) {
        self.good(&["mops", "infra", "preview", FILE, "--exit-code"]).await;
    }

    /// Down, with success, until nothing exists and nothing was made twice.
    ///
    /// # Panics
    /// When something is left.
    pub async fn down_to_nothing(&self) {
        self.good(&["mops", "infra", "down", "--destroy-all", "--delete-rg", "--yes"]).await;
        assert_eq!(self.existing(), Vec::<String>::new());
        assert_eq!(self.doubled(), Vec::<String>::new());
    }
}

/// The host in what a fake heard: version 2 of HTTP has it in the address, version 1 in a header.
fn host(heard: &str) -> Option<&str> {
    if heard.contains(": ") {
        return heard.strip_prefix("host: ");
    }
    heard.split_once("https://").and_then(|(_, rest)| rest.split('/').next())
}

/// A file of the examples.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(path);
    fsx::read_text(&path).expect("the example")
}

fn control(dir: &Path) -> String {
    fsx::read_text(&dir.join("control")).expect("the control file")
}

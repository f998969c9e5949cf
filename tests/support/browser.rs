//! A headless Chromium that a test reads a page in, by the protocol of its developer tools over two pipes: no port is
//! opened, and it ends with the test.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

/// Where Debian puts it (`tests/tools/debian.sh`).
const PROGRAM: &str = "/usr/bin/chromium-headless-shell";
/// The browser talks on descriptors 3 and 4; what it prints is of no use here.
const ON_PIPES: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";
/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Height of the viewport.
const HEIGHT: u32 = 800;
/// Viewports up to here are those of a phone, with its way to lay out a page.
const PHONE: u32 = 600;

/// A browser with one page.
pub struct Browser {
    child: Child,
    pipe: ChildStdin,
    messages: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Renderers and helpers are of its group.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A key of the keyboard.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// To the next control.
    Tab,
    /// Operates a control.
    Enter,
}

impl Browser {
    /// Starts one with an empty page; `None` when none is installed.
    ///
    /// # Panics
    /// When it is there and does not work.
    #[must_use]
    pub fn start() -> Option<Self> {
        if !Path::new(PROGRAM).is_file() {
            return None;
        }
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = spawn(profile.path());
        let pipe = child.stdin.take().expect("a pipe");
        let messages = messages_of(child.stdout.take().expect("a pipe"));
        let mut browser =
            Self { child, pipe, messages, calls: 0, session: None, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let page = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &page);
        browser.session = Some(session["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        // Without it a page without a window has no focus.
        browser.call("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}));
        Some(browser)
    }

    /// Loads a file in a viewport of this width, in the `light` or `dark` scheme; what was told about the page before
    /// is forgotten.
    ///
    /// # Panics
    /// When it does not load.
    pub fn open(&mut self, file: &Path, width: u32, scheme: &str) {
        let mut size = json!({"width": width, "height": HEIGHT, "screenWidth": width, "screenHeight": HEIGHT});
        (size["deviceScaleFactor"], size["mobile"]) = (1.into(), (width <= PHONE).into());
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &scheme);
        self.events.clear();
        let loaded = self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}));
        assert!(loaded["errorText"].is_null(), "{}: {loaded}", file.display());
        while self.told("Page.loadEventFired").is_empty() {
            let message = self.next("the page");
            self.events.push(message);
        }
    }

    /// The parameters of every event of a name since the page was opened.
    #[must_use]
    pub fn told(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|e| e["method"] == event).map(|e| &e["params"]).collect()
    }

    /// The value of an expression in the page; a promise is waited for.
    ///
    /// # Panics
    /// When it throws.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Presses and lets go of a key.
    pub fn press(&mut self, key: Key) {
        let mut event = match key {
            Key::Tab => json!({"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
            Key::Enter => json!({"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}),
        };
        for kind in ["keyDown", "keyUp"] {
            event["type"] = kind.into();
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Asks, and keeps the events that come before the answer.
    ///
    /// # Panics
    /// When the browser refuses, ends or does not answer.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.pipe.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let answer = self.next(method);
            if answer["id"] != self.calls {
                self.events.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
            return answer["result"].clone();
        }
    }

    fn next(&self, awaited: &str) -> Value {
        self.messages.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{awaited}: {error}"))
    }
}

fn spawn(profile: &Path) -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "a child that is talked with while it runs, which `proc` does not offer"
    )]
    let mut command = std::process::Command::new("/bin/sh");
    let profile = profile.display().to_string();
    command.args(["-c", ON_PIPES, "sh", PROGRAM, "--remote-debugging-pipe", "--hide-scrollbars"]);
    // The private world is a user's own, in which the browser can make no other.
    command.args(["--no-sandbox", "--disable-gpu", &format!("--user-data-dir={profile}")]);
    command.env_clear().envs([("HOME", profile.as_str()), ("PATH", "/usr/bin:/bin")]).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"))
}

/// Messages as they come, each ended by a zero byte; a thread reads them, so that the browser never blocks.
fn messages_of(stream: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for message in BufReader::new(stream).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice(&message) else { break };
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}

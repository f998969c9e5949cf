//! Programs of ours as children of a test: the sandbox, and a `mops` that a test sends signals to. They are found
//! through MOPS_BIN_DIR and end with the test.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, bin_dir};

/// A child that is killed when it is dropped.
pub struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts a program of ours; standard input is closed, both outputs are pipes.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn start(place: &Place, program: &str, args: &[&str]) -> Self {
        Self::start_with(place, &place.env, program, args)
    }

    /// The same with another environment; the program may also be named by its whole path.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn start_with(place: &Place, env: &[(String, String)], program: &str, args: &[&str]) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a child that is signalled while it runs, which `proc` does not offer"
        )]
        let mut command = std::process::Command::new(bin_dir().join(program));
        let command = command.args(args).env_clear().envs(env.iter().cloned()).current_dir(place.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{program}: {error}")) }
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child");
    }

    /// Lines of standard output as they come; a thread reads them, so that the child never blocks.
    #[must_use]
    pub fn lines(&mut self) -> mpsc::Receiver<String> {
        lines_of(self.child.stdout.take().expect("read once"))
    }

    /// The same of standard error.
    #[must_use]
    pub fn error_lines(&mut self) -> mpsc::Receiver<String> {
        lines_of(self.child.stderr.take().expect("read once"))
    }

    /// The children that run this program of ours now.
    ///
    /// # Panics
    /// When the system does not show its processes.
    #[must_use]
    pub fn children(&self, program: &str) -> Vec<Pid> {
        let all = std::fs::read_dir("/proc").expect("processes").flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let ours = |id: &i32| {
            let text = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
            text("status").lines().any(|line| *line == format!("PPid:\t{}", self.id()))
                && text("cmdline").contains(program)
        };
        ids.filter(ours).filter_map(Pid::from_raw).collect()
    }

    /// Waits for the end; the exit code, or `None` for a signal.
    ///
    /// # Panics
    /// When the system cannot say it.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("our own child").code()
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A sandbox for commands of a test.
pub struct Sandbox {
    _running: Running,
    /// Its folder.
    pub dir: String,
    place_env: Vec<(String, String)>,
}

impl Sandbox {
    /// Starts one below the folder of `place`.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn start(place: &Place) -> Self {
        Self::at_speed(place, None).await
    }

    /// The same, so many times faster than Azure; else as fast as it is by itself.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn at_speed(place: &Place, speed: Option<u64>) -> Self {
        let dir = place.path().join("sandbox").display().to_string();
        let probe = bin_dir().join("mops-probe").display().to_string();
        let mut words = vec!["serve", "--dir", &dir, "--probe", &probe];
        let speed = speed.map(|times| times.to_string());
        words.extend(speed.iter().flat_map(|times| ["--speed", times]));
        let mut running = Running::start(place, "mops-sandbox", &words);
        let out = running.lines();
        let mut err = running.child.stderr.take().expect("read once");
        let ready =
            std::iter::from_fn(|| out.recv_timeout(Duration::from_secs(30)).ok()).any(|l| l.starts_with("ready"));
        if !ready {
            let _ = running.child.kill();
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            panic!("the sandbox did not get ready: {text}");
        }
        // Both outputs are read to the end, so that the sandbox never blocks on a full pipe.
        std::thread::spawn(move || out.iter().for_each(drop));
        std::thread::spawn(move || std::io::copy(&mut err, &mut std::io::sink()));
        Self { _running: running, dir, place_env: place.env.clone() }
    }

    /// What `mops-sandbox env` exports.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn variables(&self) -> Vec<(String, String)> {
        let command = mops_host::proc::Command {
            program: bin_dir().join("mops-sandbox").display().to_string(),
            args: vec!["env".into(), "--dir".into(), self.dir.clone()],
            env: self.place_env.clone(),
            stdin: None,
            timeout: Duration::from_secs(10),
            max_output: 1 << 16,
        };
        let output = command.run_checked().await.expect("the variables");
        let text = String::from_utf8(output.stdout).expect("text");
        let words = text.lines().flat_map(|l| l.trim_start_matches("export ").split_whitespace());
        let pairs = words.filter_map(|w| w.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"', ';']).to_owned())).collect()
    }
}

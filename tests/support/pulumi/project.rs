//! A project of Pulumi's around a job: the real program, its state in the job's folder, and our plugins on its path.

use std::collections::BTreeSet;
use std::time::Duration;

use mops_host::proc::{Command, Output};
use serde_json::Value;

use crate::job::{FILE, Job};
use crate::place::bin_dir;
use crate::program::Running;
use crate::skip::skipped;
use crate::tools::program;

/// What seals secrets in Pulumi's state.
pub const PASSPHRASE: (&str, &str) = ("PULUMI_CONFIG_PASSPHRASE", "of the test");

/// A project of Pulumi's with its state in the folder of a job, and our programs on its path.
#[derive(Clone)]
pub struct Pulumi {
    program: String,
    folder: String,
    env: Vec<(String, String)>,
}

impl Pulumi {
    /// The folder of a job as a project; `None`, and the skip is said, where this machine has no such program.
    #[must_use]
    pub fn of(job: &Job, test: &str) -> Option<Self> {
        let Ok(program) = program("pulumi", "pulumi") else {
            skipped("pulumi", test);
            return None;
        };
        let folder = job.place.path().display().to_string();
        let own = [
            ("PATH", format!("{}:/usr/bin:/bin", bin_dir().display())),
            ("HOME", folder.clone()),
            ("PULUMI_BACKEND_URL", format!("file://{folder}")),
            ("PULUMI_SKIP_UPDATE_CHECK", "true".to_owned()),
        ];
        let named = |name: &str| own.iter().any(|(own, _)| *own == name);
        let theirs = job.place.env.iter().filter(|(name, _)| !named(name)).cloned();
        let env = own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).chain(theirs).collect();
        Some(Self { program: program.display().to_string(), folder, env })
    }

    /// Runs a command line, whatever becomes of it.
    ///
    /// # Panics
    /// When the program cannot be run, or takes five minutes.
    pub async fn run(&self, line: &str) -> Output {
        let always = ["--cwd", &self.folder, "--non-interactive"];
        let command = Command {
            program: self.program.clone(),
            args: always.into_iter().chain(line.split(' ')).map(str::to_owned).collect(),
            env: self.env.clone(),
            stdin: None,
            timeout: Duration::from_secs(300),
            max_output: 4 << 20,
        };
        command.run().await.expect("pulumi")
    }

    /// A stack file as a project of Pulumi's, with a stack `dev`, in a cloud of its own, whose commands may also be `mops`.
    pub async fn project(text: &str, test: &str) -> Option<(Job, Self)> {
        if program("pulumi", "pulumi").is_err() {
            skipped("pulumi", test);
            return None;
        }
        let mut job = Job::of(text).await;
        job.place.set(PASSPHRASE.0, PASSPHRASE.1);
        job.place.write("Pulumi.yaml", &project_file("modelops"));
        let pulumi = Self::of(&job, test)?;
        pulumi.good("stack init organization/modelops/dev").await;
        Some((job, pulumi))
    }

    /// Starts a command line that a test disturbs.
    #[must_use]
    pub fn start(&self, job: &Job, line: &str) -> Running {
        let words: Vec<&str> =
            ["--cwd", &self.folder, "--non-interactive"].into_iter().chain(line.split(' ')).collect();
        Running::start_with(&job.place, &self.env, &self.program, &words)
    }

    /// Runs a command line that must end well.
    ///
    /// # Panics
    /// When it does not.
    pub async fn good(&self, line: &str) -> Output {
        let output = self.run(line).await;
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.success(), "pulumi {line}: {}{}", told(&output.stdout), told(&output.stderr));
        output
    }

    /// How many resources a preview would make, change, leave and so on.
    ///
    /// # Panics
    /// When the preview fails.
    pub async fn planned(&self) -> Value {
        counts(&self.good("preview --json").await)
    }

    /// An `up`, with success, and nothing but what is known already afterwards.
    ///
    /// # Panics
    /// When a preview after it finds something to do, or state and cloud differ.
    pub async fn up(&self, job: &Job) {
        self.good("up --yes --skip-preview").await;
        self.settled(job).await;
    }

    /// Nothing is to be done, and state and cloud agree.
    ///
    /// # Panics
    /// When something is, or they do not.
    pub async fn settled(&self, job: &Job) {
        let planned = self.planned().await;
        assert!(only_same(&planned), "{planned}");
        self.agrees(job).await;
    }

    /// What Pulumi's state holds is what the cloud counts, each once, and nothing is under way.
    ///
    /// # Panics
    /// When they differ.
    pub async fn agrees(&self, job: &Job) {
        agree(&[self], job).await;
    }

    /// Another project beside this one, on the same backend, with a stack `dev`.
    pub async fn beside(&self, job: &Job, name: &str, text: &str) -> Self {
        job.place.write(&format!("{name}/{FILE}"), text);
        job.place.write(&format!("{name}/Pulumi.yaml"), &project_file(name));
        let other = Self { folder: format!("{}/{name}", self.folder), ..self.clone() };
        other.good(&format!("stack init organization/{name}/dev")).await;
        other
    }

    /// What Pulumi exports.
    ///
    /// # Panics
    /// When that is no JSON.
    pub async fn state(&self) -> Value {
        serde_json::from_slice(&self.good("stack export").await.stdout).expect("an export")
    }
}

fn project_file(name: &str) -> String {
    format!("name: {name}\nruntime:\n  name: modelops\n  options: {{file: {FILE}}}\n")
}

/// What the states of these stacks hold is what the cloud counts, each once, and nothing is under way.
///
/// # Panics
/// When they differ.
pub async fn agree(stacks: &[&Pulumi], job: &Job) {
    let mut known = BTreeSet::new();
    for stack in stacks {
        let state = stack.state().await;
        assert_eq!(state["deployment"]["pending_operations"].as_array().map_or(0, Vec::len), 0, "{state}");
        known.extend(ids(&state));
    }
    assert_eq!(known, job.existing().into_iter().collect(), "state, and cloud");
    assert_eq!(job.doubled(), Vec::<String>::new());
}

/// How many resources a run made, changed, left and so on.
fn counts(output: &Output) -> Value {
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    told["changeSummary"].clone()
}

/// Whether resources were counted, and all of them are as they were.
#[must_use]
pub fn only_same(counts: &Value) -> bool {
    counts.as_object().is_some_and(|counts| counts.len() == 1 && counts.contains_key("same"))
}

/// All that a command said.
#[must_use]
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The resources of an export.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn resources(export: &Value) -> &[Value] {
    export["deployment"]["resources"].as_array().expect("resources")
}

/// What the state says to exist at services, as the ledger writes it; a signature exists nowhere but in state.
fn ids(export: &Value) -> BTreeSet<String> {
    let at_services = |resource: &&Value| {
        let kind = resource["type"].as_str().unwrap_or_default();
        kind.starts_with("modelops:") && kind != "modelops:azure:BlobSasToken"
    };
    resources(export).iter().filter(at_services).filter_map(|r| r["id"].as_str().map(str::to_lowercase)).collect()
}

//! Promise: Pulumi's own program takes what `mops infra export` prints, opens its secrets with the same passphrase, and
//! what it exports in turn is taken back by a `mops` that has never seen the stack, with nothing to do.

use std::collections::BTreeSet;
use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_tests::job::{FILE, Job, example};
use mops_tests::place::bin_dir;
use mops_tests::program::Running;
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

pub(crate) const PASSPHRASE: (&str, &str) = ("PULUMI_CONFIG_PASSPHRASE", "of the test");

/// A project of Pulumi's with its state in the folder of a job, and our programs on its path.
#[derive(Clone)]
pub(crate) struct Pulumi {
    program: String,
    folder: String,
    env: Vec<(String, String)>,
}

impl Pulumi {
    /// `None`, and the skip is said, where this machine has none.
    pub(crate) fn of(job: &Job, test: &str) -> Option<Self> {
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
    pub(crate) async fn run(&self, line: &str) -> Output {
        let always = ["--cwd", &self.folder, "--non-interactive"];
        let command = Command {
            program: self.program.clone(),
            args: always.into_iter().chain(line.split(' ')).map(str::to_owned).collect(),
            env: self.env.clone(),
            stdin: None,
            timeout: Duration::from_secs(120),
            max_output: 4 << 20,
        };
        command.run().await.expect("pulumi")
    }

    /// A stack file as a project of Pulumi's, with a stack `dev`, in a cloud of its own, whose commands may also be `mops`.
    pub(crate) async fn project(text: &str, test: &str) -> Option<(Job, Self)> {
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
    pub(crate) fn start(&self, job: &Job, line: &str) -> Running {
        let words: Vec<&str> =
            ["--cwd", &self.folder, "--non-interactive"].into_iter().chain(line.split(' ')).collect();
        Running::start_with(&job.place, &self.env, &self.program, &words)
    }

    /// With success.
    pub(crate) async fn good(&self, line: &str) -> Output {
        let output = self.run(line).await;
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.success(), "pulumi {line}: {}{}", told(&output.stdout), told(&output.stderr));
        output
    }

    /// How many resources a preview would make, change, leave and so on.
    pub(crate) async fn planned(&self) -> Value {
        counts(&self.good("preview --json").await)
    }

    /// An `up`, with success, and nothing but what is known already afterwards.
    ///
    /// # Panics
    /// When a preview after it finds something to do, or state and cloud differ.
    pub(crate) async fn up(&self, job: &Job) {
        self.good("up --yes --skip-preview").await;
        self.settled(job).await;
    }

    /// Nothing is to be done, and state and cloud agree.
    pub(crate) async fn settled(&self, job: &Job) {
        let planned = self.planned().await;
        assert!(only_same(&planned), "{planned}");
        self.agrees(job).await;
    }

    /// What Pulumi's state holds is what the cloud counts, each once, and nothing is under way.
    pub(crate) async fn agrees(&self, job: &Job) {
        agree(&[self], job).await;
    }

    /// Another project beside this one, on the same backend, with a stack `dev`.
    pub(crate) async fn beside(&self, job: &Job, name: &str, text: &str) -> Self {
        job.place.write(&format!("{name}/{FILE}"), text);
        job.place.write(&format!("{name}/Pulumi.yaml"), &project_file(name));
        let other = Self { folder: format!("{}/{name}", self.folder), ..self.clone() };
        other.good(&format!("stack init organization/{name}/dev")).await;
        other
    }

    /// What Pulumi exports.
    pub(crate) async fn state(&self) -> Value {
        serde_json::from_slice(&self.good("stack export").await.stdout).expect("an export")
    }
}

fn project_file(name: &str) -> String {
    format!("name: {name}\nruntime:\n  name: modelops\n  options: {{file: {FILE}}}\n")
}

/// What the states of these stacks hold is what the cloud counts, each once, and nothing is under way.
pub(crate) async fn agree(stacks: &[&Pulumi], job: &Job) {
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
pub(crate) fn only_same(counts: &Value) -> bool {
    counts.as_object().is_some_and(|counts| counts.len() == 1 && counts.contains_key("same"))
}

/// All that a command said.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The resources of an export.
pub(crate) fn resources(export: &Value) -> &[Value] {
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

fn urns(export: &[u8]) -> Vec<String> {
    let export: Value = serde_json::from_slice(export).expect("an export");
    resources(&export).iter().filter_map(|resource| resource["urn"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn pulumi_takes_an_export_and_gives_it_back() {
    let test = "Pulumi's own import and export";
    let Some(mut job) = Job::in_private_world(&example("minimal/minimal.yaml")) else { return skipped("world", test) };
    job.place.set(PASSPHRASE.0, PASSPHRASE.1);
    let Some(pulumi) = Pulumi::of(&job, test) else { return };
    job.up().await;
    let export = job.good(&["mops", "infra", "export"]).await.stdout;
    job.place.write("export.json", &String::from_utf8_lossy(&export));

    job.place.write("Pulumi.yaml", "name: modelops\nruntime: yaml\n");
    pulumi.good("stack init organization/modelops/dev").await;
    pulumi.good("stack import --file export.json").await;
    let shown = pulumi.good("stack output storage --show-secrets --json").await.stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("SharedAccessSignature="), "the secret was not opened");
    let back = pulumi.good("stack export").await.stdout;
    assert!(urns(&export).len() > 5 && urns(&back) == urns(&export), "{:?}", urns(&back));

    job.place.write("back.json", &String::from_utf8_lossy(&back));
    let elsewhere = job.place.path().join("elsewhere").display().to_string();
    job.place.set("MODELOPS_HOME", elsewhere);
    job.good(&["mops", "infra", "import", "--file", FILE, "--state", "back.json"]).await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

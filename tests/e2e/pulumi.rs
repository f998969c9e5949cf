//! Promise: Pulumi's own program takes what `mops infra export` prints, opens its secrets with the same passphrase, and
//! what it exports in turn is taken back by a `mops` that has never seen the stack, with nothing to do.

use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_tests::job::{FILE, Job, example};
use mops_tests::place::bin_dir;
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

pub(crate) const PASSPHRASE: (&str, &str) = ("PULUMI_CONFIG_PASSPHRASE", "of the test");

/// Pulumi with its state in the folder of a job, and our programs on its path.
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

    /// With success.
    pub(crate) async fn good(&self, line: &str) -> Output {
        let output = self.run(line).await;
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.success(), "pulumi {line}: {}{}", told(&output.stdout), told(&output.stderr));
        output
    }
}

fn urns(export: &[u8]) -> Vec<String> {
    let export: Value = serde_json::from_slice(export).expect("an export");
    let resources = export["deployment"]["resources"].as_array().expect("resources");
    resources.iter().filter_map(|resource| resource["urn"].as_str().map(str::to_owned)).collect()
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

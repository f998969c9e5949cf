//! Promise: Pulumi's own program takes what `mops infra export` prints, opens its secrets with the same passphrase, and
//! what it exports in turn is taken back by a `mops` that has never seen the stack, with nothing to do.

use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_tests::job::{FILE, Job, example};
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

const PASSPHRASE: (&str, &str) = ("PULUMI_CONFIG_PASSPHRASE", "of the test");

/// Pulumi with its state in the folder of a job.
async fn pulumi(job: &Job, program: &str, line: &str) -> Output {
    let folder = job.place.path().display().to_string();
    let backend = format!("file://{folder}");
    let env = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", folder.as_str()),
        ("PULUMI_BACKEND_URL", &backend),
        ("PULUMI_SKIP_UPDATE_CHECK", "true"),
        PASSPHRASE,
    ];
    let command = Command {
        program: program.to_owned(),
        args: ["--cwd", &folder, "--non-interactive"].into_iter().chain(line.split(' ')).map(str::to_owned).collect(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 4 << 20,
    };
    let output = command.run().await.expect("pulumi");
    assert!(output.success(), "pulumi {line}: {}", String::from_utf8_lossy(&output.stderr));
    output
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
    let Ok(program) = program("pulumi", "pulumi") else { return skipped("pulumi", test) };
    let program = program.display().to_string();
    job.place.set(PASSPHRASE.0, PASSPHRASE.1);
    job.up().await;
    let export = job.good(&["mops", "infra", "export"]).await.stdout;
    job.place.write("export.json", &String::from_utf8_lossy(&export));

    job.place.write("Pulumi.yaml", "name: modelops\nruntime: yaml\n");
    pulumi(&job, &program, "stack init organization/modelops/dev").await;
    pulumi(&job, &program, "stack import --file export.json").await;
    let shown = pulumi(&job, &program, "stack output storage --show-secrets --json").await.stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("SharedAccessSignature="), "the secret was not opened");
    let back = pulumi(&job, &program, "stack export").await.stdout;
    assert!(urns(&export).len() > 5 && urns(&back) == urns(&export), "{:?}", urns(&back));

    job.place.write("back.json", &String::from_utf8_lossy(&back));
    let elsewhere = job.place.path().join("elsewhere").display().to_string();
    job.place.set("MODELOPS_HOME", elsewhere);
    job.good(&["mops", "infra", "import", "--file", FILE, "--state", "back.json"]).await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

//! Promise: Azure's own command line signs in at the world's Entra by its public names, with no cloud of its own
//! registered, and sees at ARM what `mops` made: the same names, kinds and keys. It drives every type that mops manages
//! through create, list, update and delete (`azure_cli.txt`), and so does Azure's SDK for Python (`azure_sdk.py`): no
//! route of the sandbox was made for one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use mops_host::Env;
use mops_host::proc::{Command, Output};
use mops_tests::job::{Job, example};
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

/// Commands, one a line; the file says in which form.
const COMMANDS: &str = include_str!("azure_cli.txt");

/// What the Azure CLI brings along, with files of its own in the folder of a job.
struct Az<'a> {
    job: &'a Job,
    program: String,
}

impl<'a> Az<'a> {
    /// `None`, said aloud, where it is not built.
    fn of(job: &'a Job, test: &str) -> Option<Self> {
        let Ok(program) = program("azure-cli", "az") else {
            skipped("az", test);
            return None;
        };
        Some(Self { job, program: program.display().to_string() })
    }

    fn folder(&self) -> String {
        self.job.place.path().display().to_string()
    }

    async fn start(&self, program: &str, args: Vec<String>) -> Output {
        let folder = self.folder();
        let mut env = vec![
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("HOME", folder.clone()),
            ("AZURE_CONFIG_DIR", format!("{folder}/azure")),
            ("AZURE_CORE_COLLECT_TELEMETRY", "no".to_owned()),
            ("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        env.extend(["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"].map(|name| (name, variable(name))));
        let command = Command {
            program: program.to_owned(),
            args,
            env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            stdin: None,
            timeout: Duration::from_secs(120),
            max_output: 4 << 20,
        };
        command.run().await.expect("a program of the Azure CLI")
    }

    async fn run(&self, line: &str) -> Output {
        self.start(&self.program, line.split(' ').map(str::to_owned).collect()).await
    }

    /// What it prints as JSON; null when it prints nothing.
    async fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --output json")).await;
        assert!(output.success(), "az {line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The command that signs in with the secret that is in a file.
    fn sign_in(&self, secret: &str) -> String {
        self.job.place.write("secret", secret);
        let (folder, client, tenant) = (self.folder(), variable("AZURE_CLIENT_ID"), variable("AZURE_TENANT_ID"));
        format!("login --service-principal --username {client} --password @{folder}/secret --tenant {tenant}")
    }
}

fn variable(name: &str) -> String {
    Env::process().get(name).expect("who signs in").to_owned()
}

#[tokio::test]
async fn az_signs_in_and_sees_what_mops_made() {
    let test = "the Azure CLI in the world";
    let Some(job) = Job::in_private_world(&example("minimal/minimal.yaml")) else { return skipped("world", test) };
    let Some(az) = Az::of(&job, test) else { return };
    job.up().await;

    let refused = az.run(&az.sign_in("wrong")).await;
    assert!(!refused.success() && String::from_utf8_lossy(&refused.stderr).contains("AADSTS7000215"), "{refused:?}");
    let accounts = az.json(&az.sign_in(&variable("AZURE_CLIENT_SECRET"))).await;
    assert_eq!(accounts[0]["tenantId"], variable("AZURE_TENANT_ID").as_str(), "{accounts}");

    let groups = az.json("group list").await;
    assert_eq!(groups[0]["name"], "modelops-minimal-rg", "{groups}");
    let registries = az.json("acr list").await;
    assert_eq!(registries[0]["loginServer"], "modelopsminimal.azurecr.io", "{registries}");
    let group = "--resource-group modelops-minimal-rg";
    let registry = az.json(&format!("acr show --name modelopsminimal {group}")).await;
    assert_eq!(registry["id"], registries[0]["id"], "{registry}");
    let accounts = az.json("storage account list").await;
    let account = accounts[0]["name"].as_str().unwrap_or_default();
    let keys = az.json(&format!("storage account keys list --account-name {account} {group}")).await;
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    let first = owners.iter().find(|(id, _)| id.ends_with(account)).map(|(_, key)| key.as_str());
    assert!(first.is_some() && keys[0]["value"].as_str() == first, "other keys than ARM's");
    job.down_to_nothing().await;
}

/// A value as the table writes it.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A line with the values that earlier lines gave names to.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Holds what a command printed to one entry of the table.
fn check(command: &str, entry: &str, printed: &Value, known: &mut BTreeMap<String, String>) {
    let at = |pointer: &str| written(printed.pointer(pointer.trim()).unwrap_or(&Value::Null));
    if let Some((pointer, name)) = entry.split_once(" -> ") {
        known.insert(name.to_owned(), at(pointer));
        return;
    }
    if let Some((pointer, wanted)) = entry.split_once(" has ") {
        let list = printed.pointer(pointer.trim()).and_then(Value::as_array).cloned().unwrap_or_default();
        return assert!(list.iter().any(|value| *value == wanted), "az {command}: {pointer}: {list:?}");
    }
    let (pointer, wanted) = entry.split_once("= ").expect("a pointer and a value");
    assert_eq!(at(pointer), filled(wanted, known), "az {command}: {pointer}");
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was driven belongs into the log")]
async fn az_drives_every_type_through_its_life() {
    let test = "every type by the Azure CLI";
    let Some(job) = Job::in_private_world("") else { return skipped("world", test) };
    let Some(az) = Az::of(&job, test) else { return };
    az.json(&az.sign_in(&variable("AZURE_CLIENT_SECRET"))).await;

    let mut known = BTreeMap::from([("folder".to_owned(), az.folder())]);
    let (mut types, mut calls) = (BTreeSet::new(), 0);
    for line in COMMANDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [kind, command, printed] = line.split(" | ").collect::<Vec<_>>()[..] else {
            unreachable!("three parts: {line}")
        };
        let answer = az.json(&filled(command, &known)).await;
        for entry in printed.split(", ") {
            check(command, entry, &answer, &mut known);
        }
        types.insert(kind);
        calls += 1;
    }
    println!("Azure CLI types={} calls={calls}", types.len());
    assert_eq!(job.declared(), Vec::<String>::new(), "something is left");
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was driven belongs into the log")]
async fn the_sdk_for_python_drives_every_type_through_its_life() {
    let test = "every type by the SDK for Python";
    let Some(job) = Job::in_private_world("") else { return skipped("world", test) };
    let Some(az) = Az::of(&job, test) else { return };
    // The CLI is made of the SDK: what it was built with is beside it.
    let environment = Path::new(&az.program).parent().and_then(Path::parent).expect("a folder").join("environment");
    let python = environment.join("bin/python").display().to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/azure_sdk.py").display().to_string();
    let output = az.start(&python, vec![script]).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    print!("{printed}");
    assert!(printed.starts_with("Azure SDK for Python types=13 calls="), "{printed}");
    assert_eq!(job.declared(), Vec::<String>::new(), "something is left");
}

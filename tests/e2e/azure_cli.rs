//! Promise: Azure's own command line signs in at the world's Entra by its public names, with no cloud of its own
//! registered, and sees at ARM what `mops` made: the same names, kinds and keys.

use std::time::Duration;

use mops_host::Env;
use mops_host::proc::{Command, Output};
use mops_tests::job::{Job, example};
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

/// az with files of its own, in the folder of a job.
struct Az<'a> {
    job: &'a Job,
    program: String,
}

impl Az<'_> {
    async fn run(&self, line: &str) -> Output {
        let folder = self.job.place.path().display().to_string();
        let env = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", &folder),
            ("AZURE_CONFIG_DIR", &format!("{folder}/azure")),
            ("AZURE_CORE_COLLECT_TELEMETRY", "no"),
            ("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt"),
        ];
        let command = Command {
            program: self.program.clone(),
            args: line.split(' ').map(str::to_owned).collect(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            stdin: None,
            timeout: Duration::from_secs(60),
            max_output: 4 << 20,
        };
        command.run().await.expect("az")
    }

    /// What it prints as JSON.
    async fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --output json")).await;
        assert!(output.success(), "az {line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

fn variable(name: &str) -> String {
    Env::process().get(name).expect("who signs in").to_owned()
}

#[tokio::test]
async fn az_signs_in_and_sees_what_mops_made() {
    let test = "the Azure CLI in the world";
    let Some(job) = Job::in_private_world(&example("minimal/minimal.yaml")) else { return skipped("world", test) };
    let Ok(program) = program("azure-cli", "az") else { return skipped("az", test) };
    let az = Az { job: &job, program: program.display().to_string() };
    job.up().await;

    let secret = job.place.path().join("secret").display().to_string();
    job.place.write("secret", &variable("AZURE_CLIENT_SECRET"));
    let (client, tenant) = (variable("AZURE_CLIENT_ID"), variable("AZURE_TENANT_ID"));
    job.place.write("wrong", "wrong");
    let sign_in =
        |file: &str| format!("login --service-principal --username {client} --password @{file} --tenant {tenant}");
    let refused = az.run(&sign_in(&secret.replace("secret", "wrong"))).await;
    assert!(!refused.success() && String::from_utf8_lossy(&refused.stderr).contains("AADSTS7000215"), "{refused:?}");
    let accounts = az.json(&sign_in(&secret)).await;
    assert_eq!(accounts[0]["tenantId"], tenant.as_str(), "{accounts}");

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

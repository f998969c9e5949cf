//! The built probe: no argument, no file, no crash; what its environment lacks is an observation,
//! and no secret of it is printed.

use std::path::PathBuf;
use std::time::Duration;

use mops_host::Env;
use mops_host::proc::{Command, Output};
use mops_probe::Log;
use mops_probe::observation::code;

async fn run(env: &[(&str, &str)]) -> Output {
    start("mops-probe", &[], env).await
}

async fn start(program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let bin = Env::process().get("MOPS_BIN_DIR").map(PathBuf::from).expect("MOPS_BIN_DIR is not set: run `make test`");
    let command = Command {
        program: bin.join(program).display().to_string(),
        args: args.iter().map(|a| (*a).to_owned()).collect(),
        env: env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 1 << 20,
    };
    command.run().await.expect("the program runs")
}

#[tokio::test]
async fn an_empty_environment_is_a_complete_log() {
    let output = run(&[]).await;
    let log = Log::parse(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.code, Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(log.complete);
    assert!(log.observations.iter().any(|o| o.has_code(code::ENV_MISSING)));
}

#[tokio::test]
async fn no_secret_of_the_environment_is_printed() {
    // Port 1 of this machine refuses at once, so that every credential is on its way when it fails.
    let config = r#"{"auths":{"reg.azurecr.io":{"username":"u","password":"canary-pull"}}}"#;
    let output = run(&[
        ("MODELOPS_BUNDLE_REGISTRY", "reg.azurecr.io"),
        ("REGISTRY_USERNAME", "u"),
        ("REGISTRY_PASSWORD", "canary-env"),
        ("MOPS_PROBE_PULL_SECRET", config),
        ("MOPS_PROBE_CONTAINER", "results"),
        (
            "AZURE_STORAGE_CONNECTION_STRING",
            "BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=1&sr=c&sp=rl&se=2030-01-01T00:00:00Z&sig=canary-sig",
        ),
        ("MOPS_PROBE_CONNECT", "*.azurecr.io=127.0.0.1:1,*.blob.core.windows.net=127.0.0.1:1"),
    ])
    .await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("canary"), "{text}");
    let log = Log::parse(&text);
    assert!(log.complete, "{text}");
    let refused = log.observations.iter().filter(|o| o.has_code(code::CONNECTION_REFUSED)).count();
    assert!(refused >= 4, "{text}");
}

#[tokio::test]
async fn every_suggested_command_is_one_that_mops_knows() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path().display().to_string();
    let commands = mops_diagnose::catalogue::suggested_commands();
    assert!(!commands.is_empty());
    for command in commands {
        let words = command.replace("{file}", "no-such-file.yaml");
        assert!(!words.contains('{'), "{command}");
        let args: Vec<&str> = words.split(' ').skip(1).collect();
        let output = start("mops", &args, &[("HOME", home.as_str())]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        // The parser took it, and the file was looked for.
        assert!(said.contains("`no-such-file.yaml` cannot be read"), "{command}: {said}");
    }
}

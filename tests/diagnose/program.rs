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
    // Port 1 of this machine refuses at once: every check of a credential ends there.
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
        let words = command.replace("{file}", "no-such-file.yaml").replace("{host}", "registry.example");
        let words = words.replace("{namespace}", "ml");
        assert!(!words.contains('{'), "{command}");
        let args: Vec<&str> = words.split(' ').skip(1).collect();
        let output = start("mops", &args, &[("HOME", home.as_str()), ("DOCKER_HOST", "unix:///nowhere")]).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        // The parser took it, and what it names or needs was looked for.
        let want = match words.as_str() {
            w if w.ends_with("--namespace ml") => "K8S_CONTEXT_MISSING",
            w if w.starts_with("mops env ") => "no container engine answers at `/nowhere`",
            w if w.starts_with("mops ngc fix ") => "this machine has no key of NGC",
            w if w.starts_with("mops auth rotate ngc ") => "there is no new NGC API Key",
            w if w.starts_with("mops novita ") => "there is no key for Novita",
            "mops tokens loader" => "# Tokens for this job",
            w if w.starts_with("mops tokens ") => "no host and user are given",
            w if w.ends_with("registry.example") => "no user is given for `registry.example`",
            _ => "`no-such-file.yaml` cannot be read",
        };
        assert!(said.contains(want), "{command}: {said}");
    }
}

/// The original advised a flag that did not exist.
#[tokio::test]
async fn advice_names_only_flags_that_exist() {
    let mut helps = Vec::new();
    for verb in ["diagnose-auth", "smoke-test"] {
        let help = start("mops", &[verb, "--help"], &[]).await;
        helps.push((verb, String::from_utf8_lossy(&help.stdout).into_owned()));
    }
    for sentence in mops_diagnose::catalogue::sentences() {
        // A verb that is not named is the one that most reports are of.
        let (verb, help) = helps.iter().rfind(|(verb, _)| sentence.contains(verb)).unwrap_or(&helps[0]);
        let words = sentence.split_whitespace().map(|word| word.trim_matches(|c| "`,.;:()".contains(c)));
        for flag in words.filter(|word| word.starts_with("--") && word.len() > 2) {
            assert!(help.contains(flag), "the catalogue advises {flag}, which `mops {verb}` does not know");
        }
    }
}

#[tokio::test]
async fn a_record_written_by_hand_is_read_like_that_of_a_run() {
    let home = tempfile::tempdir().expect("a folder");
    let (path, file) = (home.path().display().to_string(), home.path().join("seen.yaml"));
    let observation =
        "{vantage: P, pool: gpu, check: env, target: REGISTRY_USERNAME, status: fail, error_code: ENV_EMPTY}";
    let read = |text: String, more: &'static [&'static str]| {
        mops_host::fsx::replace(&file, text.as_bytes()).expect("written");
        let args = [&["diagnose-auth", "--from"], [file.to_str().expect("a name")].as_slice(), more].concat();
        let args: Vec<String> = args.into_iter().map(ToOwned::to_owned).collect();
        let path = path.clone();
        async move {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            start("mops", &args, &[("HOME", path.as_str())]).await
        }
    };
    let whole = format!("capture_version: 1\nobservations:\n  - {observation}\n");
    let output = read(whole.clone(), &["--json"]).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["findings"][0]["cause_id"], "ENV_EMPTY");
    assert_eq!(output.code, Some(1));
    let output = read(whole.clone(), &["--skip", "config"]).await;
    assert_eq!(output.code, Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    for (text, said) in [
        (whole.replace("version: 1", "version: 9"), "has capture_version 9, this version reads 1"),
        (whole.replace("pool:", "pol:"), "is no record of a run"),
        ("{\"capture_version\": 1".to_owned(), "is no record of a run"),
    ] {
        let output = read(text, &[]).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.code, error.contains(said)), (Some(2), true), "{error}");
    }
}

//! The life of a stack with everything that can go wrong, searched after each command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mops_engine::failpoint::AVAILABLE;
use mops_host::fsx;
use mops_host::proc::Output;
use mops_tests::skip::skipped;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use rustix::process::Signal;
use serde_json::json;

use super::place::{Search, canary};
use mops_tests::job::Job;

const UP: &[&str] = &["mops", "infra", "up", "--yes", "-v"];

/// A program that is asked for a token and notes what it was given, but for the proxy, which it needs.
const AZ: &str = "#!/bin/sh\n{ env | grep -v ^HTTPS_PROXY=; printf '%s\\n' \"$0\" \"$@\"; } >>\"$(dirname \"$0\")/../asked\"\nexit 1\n";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_whole_life_leaves_no_secret_anywhere() {
    let mut search = Search::of(Job::new().await);
    search.run("create", &["mops", "infra", "up", "-c", "registry", "--yes", "--json"]).await;
    search.job.push_images().await;
    fails(&mut search).await;
    let created = search.run("create", UP).await;
    assert_eq!(created.code, Some(0), "{}", text(&created));
    shows(&mut search).await;
    changes(&mut search).await;
    panics(&mut search).await;
    sources(&mut search).await;
    children(&mut search).await;
    dies(&mut search).await;
    // What shows secrets on purpose: here they must be found.
    let outputs = search.job.good(&["mops", "infra", "outputs", "--env", "dev", "--show-secrets", "--force"]).await;
    let kubeconfig = search.job.good(&["mops", "infra", "kubeconfig", "--env", "dev"]).await;
    let control = search.control(&[&outputs, &kubeconfig]);
    search
        .run("delete", &["mops", "infra", "down", "--env", "dev", "--destroy-all", "--delete-rg", "--yes", "-v"])
        .await;
    search.finish(control);
}

/// Panics of the run itself, before its first write and after an answer, and of the thread that writes the journal:
/// each with a message that quotes a secret. Only a build with failpoints can be told to.
async fn panics(search: &mut Search) {
    if !AVAILABLE {
        return skipped("failpoints", "secrets in the message of a panic");
    }
    let quoted = canary("panic");
    search.add("panic", &quoted);
    for boundary in ["planned", "answer_received", "batch_written"] {
        // Something to do for a stack that is up.
        search.job.ask_to("/break/sas");
        search.job.place.set("MOPS_FAILPOINT", format!("{boundary}:1:panic {quoted}"));
        let output = search.run("panic", UP).await;
        let said = text(&output);
        assert!(output.code == Some(3) && said.contains(&format!("failpoint {boundary}")), "{:?} {said}", output.code);
    }
    search.job.place.set("MOPS_FAILPOINT", "");
}

/// The control of the whole search: in a build whose masks can be taken off it finds what it looks for.
#[tokio::test]
async fn with_the_masks_off_the_search_finds_secrets() {
    if !AVAILABLE {
        return skipped("failpoints", "with_the_masks_off_the_search_finds_secrets");
    }
    let mut search = Search::of(Job::new().await);
    search.job.place.set("MOPS_UNMASKED", "1");
    panics(&mut search).await;
    search.run("create", &["mops", "infra", "up", "-c", "registry,storage", "--yes", "-v"]).await;
    search.unmasked();
}

/// Operations that fail half way, refused credentials, a wrong passphrase.
async fn fails(search: &mut Search) {
    search.job.tell(
        "POST",
        "/doom",
        &json!({"resource": "/storageAccounts/", "code": "OutOfQuota", "message": "none"}),
    );
    assert_eq!(search.run("failure", UP).await.code, Some(1));
    let fault = json!({"status": {"status": 403, "code": "AuthorizationFailed", "retry_after": null}});
    search.job.tell("POST", "/faults", &json!({"matches": ["arm", "POST", "listCredentials"], "fault": fault}));
    search.run("failure", UP).await;
    search.job.tell("DELETE", "/faults", &json!({}));
    for (name, words) in [
        ("AZURE_CLIENT_SECRET", &["mops", "infra", "refresh", "--json", "-v"][..]),
        ("PULUMI_CONFIG_PASSPHRASE", &["mops", "infra", "outputs", "--show-secrets"]),
    ] {
        let before = search.job.place.env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let wrong = canary(&format!("wrong-{name}"));
        search.add(&format!("wrong {name}"), &wrong);
        search.job.place.set(name, wrong);
        let output = search.run("refused", words).await;
        assert_ne!(output.code, Some(0), "{words:?} with a wrong {name}: {}", text(&output));
        search.job.place.set(name, before.expect("it was set"));
    }
}

/// Verbs that show what there is.
async fn shows(search: &mut Search) {
    for words in [
        &["mops", "infra", "preview", "--refresh", "-v"][..],
        &["mops", "infra", "status", "--json"],
        &["mops", "infra", "outputs", "--json"],
        &["mops", "infra", "graph"],
        &["mops", "infra", "refresh", "--yes"],
        &["mops", "infra", "export"],
        &["mops", "infra", "state", "show", "storage-account"],
        &["mops", "infra", "preview", "--save-plan", "plan.json"],
        &["mops", "diagnose-auth", "-v"],
        &["mops", "smoke-test", "--json"],
    ] {
        search.run("show", words).await;
    }
}

/// Passwords and keys that change behind our back: the difference, and the update.
async fn changes(search: &mut Search) {
    search.job.ask_to("/break/registry-password");
    search.job.ask_to("/break/sas");
    search.run("difference", &["mops", "infra", "preview", "--refresh"]).await;
    search.run("difference", &["mops", "infra", "preview", "--refresh", "--json"]).await;
    let diagnosed = search.run("difference", &["mops", "diagnose-auth", "-v", "--json"]).await;
    assert_eq!(diagnosed.code, Some(1), "{}", text(&diagnosed));
    // Every byte that is written anywhere, and every child, while it is mended.
    if !Path::new("/usr/bin/strace").exists() {
        skipped("strace", "secrets in files that come and go");
        assert_eq!(search.run("update", &[UP, &["--refresh"]].concat()).await.code, Some(0));
        return;
    }
    let calls = "trace=execve,write,pwrite64,writev,pwritev,rename,renameat,renameat2,link,linkat";
    let strace = ["strace", "-f", "-v", "-qq", "-s", "1000000", "-e", calls, "-o", "trace"];
    let output = search.job.run(&[&strace, UP, &["--refresh"]].concat()).await;
    assert_eq!(output.code, Some(0), "{}", text(&output));
    let trace = search.job.place.path().join("trace");
    let calls = fsx::read_text(&trace).expect("the trace");
    fsx::remove(&trace).expect("the trace");
    // The first call starts `mops` itself, with the environment that the user gave it; the bundle-env file is to hold
    // the SAS. Both have been looked at already.
    let others: Vec<&str> = calls.lines().skip(1).filter(|l| !l.contains("written by mops for stack")).collect();
    assert!(others.len() > 20, "{calls}");
    let traced = Output { code: output.code, stdout: others.join("\n").into_bytes(), stderr: output.stderr };
    search.after("update, every write", &["strace"], &traced);
}

/// The same secrets from files, and those of a registry and a cluster that are there already.
async fn sources(search: &mut Search) {
    let place = &search.job.place;
    let secret = place.env.iter().find(|(n, _)| n == "AZURE_CLIENT_SECRET").map(|(_, v)| v.clone()).expect("it is set");
    place.write("client-secret.txt", &secret);
    place.write("registry-password.txt", &canary("registry_password"));
    let file = fsx::read_text(&place.path().join("unified-infra.yaml")).expect("the example");
    let azure = "azure: {auth: service_principal, client_secret: {from_file: client-secret.txt}}\n";
    place.write("by-file.yaml", &format!("{file}{azure}"));
    let kubeconfig = search.job.good(&["mops", "infra", "kubeconfig"]).await;
    let place = &search.job.place;
    place.write("existing.kubeconfig", &String::from_utf8_lossy(&kubeconfig.stdout));
    let (start, end) = (file.find("workspace:").expect("a workspace"), file.len());
    let existing = "environment: other\ncluster: {provider: existing, kubeconfig: existing.kubeconfig}\n";
    for (name, source) in [("env", "from_env: REGISTRY_PASSWORD"), ("file", "from_file: registry-password.txt")] {
        let registry = format!(
            "registry: {{provider: generic, host: registry.example.com, username: u, password: {{{source}}}}}\n"
        );
        place.write(&format!("generic-{name}.yaml"), &format!("{existing}{registry}{}", &file[start..end]));
    }
    search.run("source", &["mops", "infra", "preview", "by-file.yaml", "-v"]).await;
    certificates(search, &file).await;
    for name in ["generic-env.yaml", "generic-file.yaml"] {
        search.run("source", &["mops", "infra", "validate", name, "-v", "--json"]).await;
        search.run("source", &["mops", "infra", "up", name, "--yes", "-v", "--ready-timeout", "1s"]).await;
    }
}

/// A certificate with its key, and one whose key is locked with a password; the sign-in host of the sandbox takes
/// neither.
async fn certificates(search: &mut Search, file: &str) {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    let certificate = CertificateParams::default().self_signed(&key).expect("a certificate").pem();
    let pem = key.serialize_pem();
    let line = pem.lines().nth(1).expect("a line of the key");
    search.add("certificate key", line);
    let locked = pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (name, key, said) in [("certificate.pem", &pem, "AADSTS"), ("locked.pem", &locked, "there is no key in it")] {
        search.job.place.write(name, &format!("{certificate}{key}"));
        let azure = format!("azure: {{auth: certificate, certificate_file: {name}}}\n");
        search.job.place.write("by-certificate.yaml", &format!("{file}{azure}"));
        let words = ["mops", "infra", "preview", "by-certificate.yaml", "--refresh", "-v"];
        let output = search.run("source", &words).await;
        assert!(text(&output).contains(said), "{name}: {}", text(&output));
    }
}

/// A child gets what it needs and nothing of the rest.
async fn children(search: &mut Search) {
    let place = &mut search.job.place;
    fsx::create_dir_all(&place.path().join("bin")).expect("a folder");
    place.write("bin/az", AZ);
    let path = place.path().join("bin/az");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("our own file");
    let before = place.env.iter().find(|(n, _)| n == "PATH").map(|(_, v)| v.clone()).expect("it is set");
    place.set("PATH", format!("{}:{before}", place.path().join("bin").display()));
    let file = fsx::read_text(&place.path().join("unified-infra.yaml")).expect("the example");
    place.write("by-cli.yaml", &format!("{file}azure: {{auth: cli}}\n"));
    search.run("child", &["mops", "infra", "preview", "by-cli.yaml", "-v"]).await;
    let asked = fsx::read_text(&search.job.place.path().join("asked")).expect("nobody asked the child");
    assert!(asked.contains("get-access-token"), "{asked}");
    search.job.place.set("PATH", before);
}

/// Killed and crashed in the middle.
async fn dies(search: &mut Search) {
    for signal in [Signal::ABORT, Signal::XCPU, Signal::KILL] {
        let gone = search.job.place.path().join("home/.modelops/state/modelops/dev/lock");
        let up = ["mops", "infra", "up", "--yes", "--refresh", "-v"];
        search.job.ended_at(&up, &["arm GET", "/registries/"], signal).await;
        assert!(gone.exists());
        let nothing = Output { code: None, stdout: Vec::new(), stderr: Vec::new() };
        search.after("crash", &["mops", "infra", "up"], &nothing);
    }
}

//! Promise: the world's login node is OpenSSH's own, and the machine's `ssh` takes it for what it is: the right key signs
//! in and a file goes there unseen; an unknown or a changed host is refused before anybody signs in, a foreign key after.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_core::Secret;
use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};
use mops_tests::private::WORLD;
use mops_tests::private::login::{HOST, USER, folder, installed};
use mops_tests::skip::skipped;

/// The node's files, when this world has one.
fn node(test: &str) -> Option<PathBuf> {
    let node = Env::process().get(WORLD).filter(|_| installed()).map(|world| folder(Path::new(world)));
    if node.is_none() {
        skipped("sshd", test);
    }
    node
}

async fn run(program: &str, words: &[&str], stdin: Option<&str>) -> Output {
    let command = Command {
        program: program.into(),
        args: words.iter().map(|&word| word.to_owned()).collect(),
        env: vec![("WANDB_PROJECT".into(), "lab".into())],
        stdin: stdin.map(Secret::from),
        timeout: Duration::from_secs(30),
        max_output: 1 << 20,
    };
    command.run().await.expect("a program of OpenSSH")
}

async fn ssh(node: &Path, options: &[&str], command: &str, stdin: Option<&str>) -> Output {
    let config = node.join("ssh_config").display().to_string();
    run("/usr/bin/ssh", &[&["-F", &config], options, &[HOST, command]].concat(), stdin).await
}

/// A key pair of somebody else, in a folder of the test.
async fn other_key(dir: &Path) -> String {
    let path = dir.join("other").display().to_string();
    let made = run("/usr/bin/ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path], None).await;
    assert!(made.success(), "{made:?}");
    path
}

/// How often somebody was let in.
fn sign_ins(node: &Path) -> usize {
    let log = fsx::read_text(&node.join("sshd.log")).expect("the node's log");
    log.lines().filter(|line| line.contains("Accepted publickey")).count()
}

fn complaint(output: &Output) -> (Option<i32>, String) {
    (output.code, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn the_right_key_signs_in_and_brings_a_file() {
    let Some(node) = node("a sign-in at the login node") else { return };
    let before = sign_ins(&node);
    let said = ssh(&node, &["-o", "SendEnv=WANDB_PROJECT"], "whoami; echo $WANDB_PROJECT", None).await;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(text, format!("{USER}\nlab\n"), "{:?}", complaint(&said));
    let put = "umask 077; cat > .env.new && mv .env.new .env && stat -c '%a %s' .env; rm .env";
    let said = ssh(&node, &[], put, Some("HF_TOKEN=x\n")).await;
    assert_eq!((said.code, String::from_utf8_lossy(&said.stdout).trim()), (Some(0), "600 11"));
    assert_eq!(ssh(&node, &[], "exit 7", None).await.code, Some(7));
    assert_eq!(sign_ins(&node), before + 3);
}

#[tokio::test]
async fn nobody_signs_in_at_a_host_that_is_unknown_or_has_changed_or_with_a_foreign_key() {
    let Some(node) = node("an unknown host at the login node") else { return };
    let before = sign_ins(&node);
    let mine = tempfile::tempdir().expect("a folder");
    let other = other_key(mine.path()).await;
    let known = mine.path().join("known_hosts");
    let public = fsx::read_text(Path::new(&format!("{other}.pub"))).expect("a key");
    let of_the_file = format!("UserKnownHostsFile={}", known.display());
    let rows = [
        (String::new(), "Host key verification failed"),
        (format!("{HOST} {public}"), "REMOTE HOST IDENTIFICATION HAS CHANGED"),
    ];
    for (line, words) in rows {
        fsx::replace(&known, line.as_bytes()).expect("a file");
        let (code, text) = complaint(&ssh(&node, &["-o", &of_the_file], "true", None).await);
        assert!(code == Some(255) && text.contains(words), "{code:?} {text}");
    }
    let config = mine.path().join("ssh_config");
    fsx::replace(&config, as_a_stranger(&node, &other).as_bytes()).expect("a file");
    let config = config.display().to_string();
    let (code, text) = complaint(&run("/usr/bin/ssh", &["-F", &config, HOST, "true"], None).await);
    assert!(code == Some(255) && text.contains("Permission denied (publickey)"), "{code:?} {text}");
    assert_eq!(sign_ins(&node), before, "somebody signed in");
}

/// The client's configuration with another key in it.
fn as_a_stranger(node: &Path, key: &str) -> String {
    let text = fsx::read_text(&node.join("ssh_config")).expect("the configuration");
    text.replace(&format!("IdentityFile {}/id", node.display()), &format!("IdentityFile {key}"))
}

//! R16, K-10, K-11 and K-17 through the built program and a real sshd: the way to the host is the one of the system's own
//! ssh; a host that is not known by its key is refused before anybody offers to sign in, and what is in the way has its cause.

use mops_host::fsx;
use mops_tests::sshd::{key_pair, tool};

use crate::tokens_sync::Desk;

/// Says what stands in the way, with 3, and has written nothing.
async fn refused(desk: &Desk, cause: &str, words: &str) {
    let (code, said) = desk.said("sync").await;
    let told: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 3 && told.contains(cause) && told.contains(words), "{cause}: {code} {said}");
    assert_eq!(desk.there(), "");
}

#[tokio::test]
async fn r_16_k_11_a_host_with_another_key_is_refused_before_anybody_signs_in() {
    let Some(desk) = Desk::new("r_16_k_11_a_host_with_another_key_is_refused").await else { return };
    let mine = desk.node.known_line().await;
    key_pair(&desk.node.file("other")).await;
    let other = format!("koa {}", fsx::read_text(&desk.node.file("other.pub")).expect("a key"));
    let hashed = async |line: String| {
        desk.node.knows(&line);
        let path = desk.node.file("known_hosts").display().to_string();
        assert!(tool("ssh-keygen", &["-q", "-H", "-f", &path]).await.success());
        fsx::read_text(&desk.node.file("known_hosts")).expect("hashed")
    };
    let (my_hash, other_hash) = (hashed(mine.clone()).await, hashed(other.clone()).await);
    assert!(my_hash.starts_with("|1|") && other_hash.starts_with("|1|"));
    let rows = [
        ("", "not the known one"),
        (&*other, "HAS CHANGED"),
        (&*other_hash, "HAS CHANGED"),
        (&*format!("@revoked {mine}{mine}"), "revoked"),
        (&*format!("{my_hash}@revoked * {}", mine.trim_start_matches("koa ")), "revoked"),
    ];
    let before = desk.node.log().len();
    for (lines, words) in rows {
        desk.node.knows(lines);
        let (code, said) = desk.said("sync").await;
        let told = said.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        assert!(
            code == 3 && told.contains("ssh_host_key") && told.contains(&words.to_lowercase()),
            "{words}: {code} {said}"
        );
    }
    let log = desk.node.log()[before..].to_owned();
    assert!(log.contains("Connection from") && !log.contains("userauth-request"), "{log}");
    assert_eq!(desk.there(), "");
    desk.node.knows(&my_hash);
    desk.good("sync").await;
    assert!(desk.node.log()[before..].contains("userauth-request"), "the log would not show a sign-in");
}

#[tokio::test]
async fn k_11_what_is_in_the_way_has_its_cause() {
    let Some(desk) = Desk::new("k_11_what_is_in_the_way_has_its_cause").await else { return };
    key_pair(&desk.node.file("other")).await;
    desk.node.client(desk.node.port, "other");
    refused(&desk, "SSH_AUTH", "Permission denied").await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    drop(silent);
    desk.node.client(port, "id");
    refused(&desk, "SSH_UNREACHABLE", "Connection refused").await;
    desk.node.client(desk.node.port, "id");
    desk.node.runs("echo no shell for you; exit 1");
    refused(&desk, "SSH_UNREACHABLE", "runs no command").await;
    // Noise round the answer, and a login shell in which a variable is no word.
    desk.node.runs("echo welcome; /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"; echo bye");
    let said = desk.good("sync").await;
    assert!(said.contains("SSH_SHELL_NOISE") && said.contains("welcome"), "{said}");
}

#[tokio::test]
async fn k_11_a_second_factor_is_named_and_an_open_connection_is_used() {
    let more = "AuthenticationMethods publickey,keyboard-interactive\nKbdInteractiveAuthentication yes";
    let Some(desk) = Desk::with("k_11_a_second_factor_is_named", more).await else { return };
    refused(&desk, "SSH_MFA_REQUIRED", "ssh -fNM").await;
}

#[tokio::test]
async fn k_10_k_17_the_host_comes_from_flags_variables_profile_and_file_in_this_order() {
    let Some(desk) = Desk::new("k_10_k_17_the_host_comes_from_flags").await else { return };
    let config = format!("--ssh-config {}", desk.node.file("ssh_config").display());
    let run = async |line: &str| {
        let output = desk.place.run(&["sh", "-c", line]).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.code.expect("a code"), said)
    };
    let (code, said) = run("mops tokens sync").await;
    assert!(code == 2 && said.contains("--host") && said.contains("KOA_HOST"), "{said}");
    let (code, said) = run("mops tokens sync --host -oProxyCommand=x --user me").await;
    assert_eq!(code, 2, "{said}");
    let (code, said) = run("KOA_HOST=-oProxyCommand=x KOA_USER=me mops tokens sync").await;
    assert_eq!((code, said.contains("is no host")), (2, true), "{said}");
    let user = &desk.node.user;
    desk.place.write(
        "home/.config/koa-ml/config.yaml",
        &format!("host: koa\nuser: {user}\nremote_workdir: ~/of-the-file\nother: 1\n"),
    );
    desk.place.write("home/.modelops/profiles/lab.yaml", "host: koa\nremote_workdir: ~/of-the-profile\n");
    for (line, folder) in [
        (format!("mops tokens sync {config}"), "of-the-file"),
        (format!("mops tokens sync --profile lab {config}"), "of-the-profile"),
        (format!("KOA_REMOTE_WORKDIR='~/of-the-variable' mops tokens sync --profile lab {config}"), "of-the-variable"),
        (
            format!(
                "KOA_REMOTE_WORKDIR=x KOA_HOST=nowhere.invalid mops tokens sync --host koa --workdir '~/of-the-flag' {config}"
            ),
            "of-the-flag",
        ),
    ] {
        let (code, said) = run(&line).await;
        assert_eq!(code, 0, "{line}: {said}");
        assert!(desk.node.home().join(folder).join(".env").is_file(), "{line}: {said}");
    }
    let (code, said) = run("mops tokens sync --profile nobody").await;
    assert!(code == 2 && said.contains("profiles/nobody.yaml"), "{said}");
    let (code, said) = run("mops tokens sync --only hf_canarycanary").await;
    assert!(code == 2 && !said.contains("canary"), "{said}");
}

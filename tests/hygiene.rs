//! Promise: nothing tracked looks like a secret, names a machine that it was made on, or takes
//! packages from anywhere but the public registry.

use crate::workspace::{text, tracked};

/// Finds `start` followed by at least `least` characters of a kind.
fn shape(text: &str, start: &str, least: usize, good: fn(char) -> bool) -> bool {
    text.match_indices(start).any(|(at, _)| text[at + start.len()..].chars().take_while(|c| good(*c)).count() >= least)
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=".contains(c)
}

/// A JWT that could work: header and claims, and a signature that is not one of the known fakes.
fn token(text: &str) -> bool {
    let long = |part: &str| part.chars().take_while(|c| word(*c)).count() >= 16;
    text.match_indices("eyJ").any(|(at, _)| {
        let end = text[at..].find(|c: char| !word(c) && c != '.').map_or(text.len(), |n| at + n);
        let mut parts = text[at..end].split('.');
        let head = parts.next().is_some_and(long) && parts.next().is_some_and(|p| p.starts_with("eyJ") && long(p));
        head && !parts.next().is_some_and(|s| s.starts_with("c2NydWJiZWQ"))
    })
}

/// What a text holds that must not be tracked.
fn findings(text: &str) -> Vec<&'static str> {
    // Put together here, so that this file does not find itself.
    let key = ["PRIVATE", "KEY-----"].join(" ");
    let begins = |line: &str| line.trim().trim_matches('"').starts_with("-----BEGIN") && line.contains(&key);
    let rows: [(&str, bool); 9] = [
        ("a registry password", shape(text, &["+", "ACR"].concat(), 6, |c| c.is_ascii_alphanumeric())),
        ("a token", token(text)),
        ("an account key", shape(text, &["Account", "Key="].concat(), 40, base64)),
        ("a private key", text.lines().any(begins)),
        ("an NGC key", shape(text, "nvapi-", 40, word)),
        ("a Hugging Face token", shape(text, "hf_", 30, |c| c.is_ascii_alphanumeric())),
        ("a GitHub token", shape(text, "ghp_", 30, word) || shape(text, "github_pat_", 30, word)),
        ("a signature", shape(text, "&sig=", 40, |c| base64(c) || c == '%')),
        ("a machine path", ["root", "work"].iter().any(|p| paths(text, &format!("/{p}/")))),
    ];
    rows.into_iter().filter(|(_, found)| *found).map(|(what, _)| what).collect()
}

/// A path from the top, not a part of a longer one or of an address.
fn paths(text: &str, start: &str) -> bool {
    text.match_indices(start).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = text[at + start.len()..].chars().next().unwrap_or(' ');
        !word(before) && !"./}{>~*$".contains(before) && word(after)
    })
}

/// Files that show what is forbidden because they forbid it.
const TEACHERS: &[&str] = &["tests/hygiene.rs"];

#[tokio::test]
async fn nothing_tracked_is_secret_or_local() {
    let mut wrong = Vec::new();
    for path in tracked().await.iter().filter(|p| !TEACHERS.contains(&p.as_str())) {
        let found = text(path).map(|t| findings(&t)).unwrap_or_default();
        wrong.extend(found.into_iter().map(|what| format!("{path}: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A journal has numbers between its texts; those of old versions are kept as they were written.
fn is_journal(path: &str) -> bool {
    path.starts_with("tests/corpus/state/") && path.ends_with("/journal")
}

/// README's picture, which `make picture` makes.
fn is_picture(path: &str) -> bool {
    path == "docs/diagnosis.png"
}

#[tokio::test]
async fn nothing_tracked_is_binary() {
    let tracked = tracked().await.into_iter().filter(|p| !is_journal(p) && !is_picture(p));
    let binary: Vec<String> = tracked.filter(|p| text(p).is_none_or(|t| t.contains('\0'))).collect();
    assert!(binary.is_empty(), "{binary:?}");
}

#[test]
fn packages_come_from_the_public_registry() {
    let lock = text("Cargo.lock").expect("the lock file");
    let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let other: Vec<&str> = lock.lines().filter(|l| l.starts_with("source = ") && *l != public).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn every_shape_is_found() {
    let rows = [
        (format!("key: nvapi-{}", "a".repeat(64)), "an NGC key"),
        (format!("t=eyJ{0}.eyJ{0}.{0}", "a".repeat(20)), "a token"),
        (format!("Account{}{}", "Key=", "a".repeat(88)), "an account key"),
        (format!("pass+{}abcdef", "ACR"), "a registry password"),
        (format!("-----BEGIN RSA {} KEY-----", "PRIVATE"), "a private key"),
        (format!("see /{}/x/y", "root"), "a machine path"),
    ];
    for (text, what) in rows {
        assert!(findings(&text).contains(&what), "{what} is not found");
    }
    assert!(findings(&format!("https://example.com/{0}/items and ../{0}/x", "work")).is_empty());
}

//! Promise: a new cause begins with one command that writes its three places, in every family, formatted and named where
//! the catalogue looks for it, empty so that the catalogue's own tests refuse it; and it never writes over anything.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::Path;
use std::time::Duration;

use mops_diagnose::catalogue::FAMILIES;
use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};

const CATALOGUE: &str = "provider/diagnose/src/catalogue";

fn source(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}

async fn run(folder: &Path, words: &[&str]) -> Output {
    let enter = "cd \"$1\" && shift && exec \"$@\"";
    let mut args = vec!["-c".to_owned(), enter.to_owned(), "sh".to_owned(), folder.display().to_string()];
    args.extend(words.iter().map(|word| (*word).to_owned()));
    let env = Env::process();
    let known = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"];
    let env = known.iter().filter_map(|name| Some(((*name).to_owned(), env.get(name)?.to_owned()))).collect();
    let (timeout, max_output) = (Duration::from_secs(60), 1 << 20);
    let command = Command { program: "/bin/sh".into(), args, env, stdin: None, timeout, max_output };
    command.run().await.expect("it runs")
}

/// The catalogue of the project, in a folder of its own.
async fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fsx::create_dir_all(&folder.path().join("provider/diagnose/src")).expect("a folder");
    for (from, to) in [(CATALOGUE, CATALOGUE), ("rustfmt.toml", "rustfmt.toml")] {
        let output = run(folder.path(), &["cp", "-r", &source(from), to]).await;
        assert!(output.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

async fn scaffold(folder: &Path, id: &str, family: &str) -> (Option<i32>, String) {
    let output = run(folder, &["sh", &source("tests/tools/cause.sh"), id, family]).await;
    (output.code, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_new_cause_of_every_family_is_written_to_its_three_places() {
    let folder = copy().await;
    let read = |path: String| fsx::read_text(&folder.path().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    for family in FAMILIES {
        let name = family.name;
        let (id, part) = (format!("NEW_{}", name.to_uppercase()), format!("new_{name}"));
        let before = read(format!("{CATALOGUE}/{name}.rs"));
        assert_eq!(scaffold(folder.path(), &id, name).await, (Some(0), String::new()), "{name}");
        let after = read(format!("{CATALOGUE}/{name}.rs"));
        // What the family had comes first, and the new part once.
        let parts = |text: &str| text.matches("::CAUSES").count();
        assert_eq!(parts(&after), parts(&before) + 1, "{after}");
        let (list, _) = after.split_once("parts: &[").expect("the list").1.split_once(']').expect("its end");
        assert!(list.trim().trim_end_matches(',').ends_with(&format!("{part}::CAUSES")), "{list}");
        assert_eq!(after.matches(&format!("mod {part};\n")).count(), 1, "{after}");
        let entry = read(format!("{CATALOGUE}/{name}/{part}.rs"));
        for member in [&format!("id: \"{id}\""), "title: \"\"", "meaning: \"\"", "signal: \"\"", "near_miss: \"\""] {
            assert!(entry.contains(member), "{entry}");
        }
        let world = |file: &str| read(format!("tests/fixtures/causes/{id}/{file}.yaml"));
        assert!(world("trigger").contains(&format!("{{cause: {id}, ")) && !world("near-miss").contains(&id));
        let file = format!("{CATALOGUE}/{name}.rs");
        let checked = run(folder.path(), &["rustfmt", "--edition", "2024", "--check", &file]).await;
        assert!(checked.success(), "{name}");
    }
    println!("scaffold families={} places={}", FAMILIES.len(), FAMILIES.len() * 3);
}

#[tokio::test]
async fn what_is_no_new_cause_is_refused_and_nothing_is_written() {
    let folder = copy().await;
    assert_eq!(scaffold(folder.path(), "NEW_CAUSE", "network").await.0, Some(0));
    let state = async || run(folder.path(), &["sh", "-c", "find . -type f | sort | xargs sha256sum"]).await.stdout;
    let before = state().await;
    for (id, family, said) in [
        ("NEW_CAUSE", "network", "`NEW_CAUSE` is there already"),
        ("NEW_CAUSE", "storage", "`NEW_CAUSE` is there already"),
        ("PROXY_AUTH", "access", "`PROXY_AUTH` is there already"),
        ("new_cause", "network", "`new_cause` is no id"),
        ("../UP_ONE", "network", "`../UP_ONE` is no id"),
        ("", "", "`` is no id"),
        ("OTHER_CAUSE", "nobody", "`nobody` is no family: access artifact"),
        ("OTHER_CAUSE", "tests", "`tests` is no family"),
    ] {
        let (code, error) = scaffold(folder.path(), id, family).await;
        assert_eq!((code, error.contains(said)), (Some(2), true), "{id} {family}: {error}");
    }
    assert_eq!(state().await, before);
}

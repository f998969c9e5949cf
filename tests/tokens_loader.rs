//! K-09 through the built program and the shells of this machine: what the loader of a job reads is what `source` and our own
//! reader read, for every value that we write; and nothing that a file holds is ever executed, or shown by `set -x`.

use std::path::Path;

use mops_core::Secret;
use mops_tests::place::Place;
use mops_tokens::{envfile, snippet, written};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Those that are there; a job's script runs in one of them.
fn shells() -> Vec<&'static [&'static str]> {
    let known: [&[&str]; 3] = [&["/usr/bin/dash"], &["/usr/bin/bash"], &["/usr/bin/busybox", "ash"]];
    known.into_iter().filter(|words| Path::new(words[0]).exists()).collect()
}

/// Runs a script in a shell of the place: what it printed, and what it complained about.
fn run(place: &Place, shell: &[&str], flags: &[&str], script: &str) -> (String, String) {
    place.write("job.sh", script);
    let words: Vec<&str> = shell.iter().chain(flags).copied().chain(["job.sh"]).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let output = runtime.block_on(place.run(&words));
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Prints these variables as a program that the job starts sees them.
fn print(names: &[String]) -> String {
    let words: Vec<String> = names.iter().map(|name| format!("\"${{{name}-unset}}\"")).collect();
    format!("env sh -c 'printf \"%s\\036\" {}'\n", words.join(" ").replace('\'', ""))
}

#[test]
fn k_09_source_the_loader_and_our_reader_give_the_same_bytes() {
    let place = Place::new();
    let all = shells();
    assert!(!all.is_empty());
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    // Every sign that a shell knows, and letters of other alphabets; a line holds no line break.
    let value = proptest::collection::vec(
        prop_oneof![
            proptest::char::range(' ', '~'),
            Just('\''),
            Just('"'),
            Just('\\'),
            Just('$'),
            Just('`'),
            Just('\t'),
            Just('é'),
            Just('#')
        ],
        0..24,
    );
    let values = proptest::collection::vec(value, 1..24);
    let outcome = runner.run(&values, |values| {
        let texts: Vec<String> = values.iter().map(|chars| chars.iter().collect()).collect();
        let names: Vec<String> = (0..texts.len()).map(|i| format!("V{i}")).collect();
        let variables = names.iter().cloned().zip(texts.iter().map(|t| Secret::from(t.as_str()))).collect();
        let file = written::text(&variables).expect("a file");
        place.write(".env", file.expose());
        let (read, _) = envfile::parse(file.expose()).expect("our own reader");
        let read: Vec<&str> = read.iter().map(|(_, value)| value.expose().as_str()).collect();
        prop_assert_eq!(read, texts.iter().map(String::as_str).collect::<Vec<_>>());
        let want: String = texts.iter().map(|text| format!("{text}\u{1e}")).collect();
        for shell in &all {
            let sourced = run(&place, shell, &["-eu"], &format!("set -a\n. ./.env\nset +a\n{}", print(&names)));
            prop_assert_eq!(&sourced.0, &want, "source in {:?}: {}", shell, sourced.1);
            let path = place.path().join(".env").display().to_string();
            let loaded = run(&place, shell, &["-eu"], &format!("{}{}", snippet::loader(&path), print(&names)));
            prop_assert_eq!(
                loaded.0.strip_prefix(&format!("{}\n", snippet::SAID)),
                Some(want.as_str()),
                "loader in {:?}: {}",
                shell,
                loaded.1
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Lines as people write them, and what a shell makes of each.
const TABLE: &[(&str, &str)] = &[
    ("A=plain", "plain"),
    ("export A=plain # why", "plain"),
    ("  A=x", "x"),
    ("A=a#b=c", "a#b=c"),
    ("A='it is #1' # x", "it is #1"),
    ("A=\"a \\\"b\\\" \\$c\\n\"", "a \"b\" $c\\n"),
    ("A='it'\\''s'", "it's"),
    ("A=", ""),
    ("A=a\\ b", "a b"),
    ("A=a'b'\"c\"", "abc"),
    ("A=1\nA=2", "2"),
    ("# A=1\nA=3", "3"),
];

#[test]
fn k_09_lines_of_people_are_read_as_a_shell_reads_them() {
    let place = Place::new();
    for shell in shells() {
        for (lines, want) in TABLE {
            for (lines, by_source) in
                [((*lines).to_owned(), true), (format!("{}\r\n", lines.replace('\n', "\r\n")), false)]
            {
                place.write("home/.env", &lines);
                let print = print(&["A".to_owned()]);
                let loaded = run(&place, shell, &["-eu"], &format!("{}{print}", snippet::loader("~/.env")));
                assert_eq!(loaded.0, format!("{}\n{want}\u{1e}", snippet::SAID), "{shell:?} {lines:?}: {}", loaded.1);
                if by_source {
                    let sourced = run(&place, shell, &["-eu"], &format!("set -a\n. ./home/.env\nset +a\n{print}"));
                    assert_eq!(sourced.0, format!("{want}\u{1e}"), "{shell:?} {lines:?}");
                }
            }
        }
    }
}

#[test]
fn k_09_nothing_in_the_file_is_executed_or_shown() {
    let place = Place::new();
    let hostile = "A=$(touch pwned)\nB=`touch pwned`\nC=x; touch pwned\nD=\"$(touch pwned)\"\ntouch pwned\nE='x' ; touch pwned\n\
                   export F=$(touch pwned)\nG=<(touch pwned)\nH+=$(touch pwned)\n$(touch pwned)=1\nUID=0\nIFS=x\nmops_quote=$(touch pwned)\n\
                   I=canary${x:=$(touch pwned)}\nJ=canary';touch pwned;'\n";
    place.write("home/.env", hostile);
    let script = format!("{}printf '%s|%s' \"$D\" \"$J\"\n", snippet::loader("~/.env"));
    for shell in shells() {
        for flags in [&["-eu"][..], &["-x"], &["-eux"]] {
            let (said, complaints) = run(&place, shell, flags, &script);
            assert!(!place.path().join("pwned").exists(), "{shell:?} {flags:?}");
            assert_eq!(
                said,
                format!("{}\n$(touch pwned)|canary;touch pwned;", snippet::SAID),
                "{shell:?}: {complaints}"
            );
            let trace: Vec<&str> = complaints.lines().filter(|line| !line.contains("printf")).collect();
            assert!(!trace.iter().any(|line| line.contains("canary")), "{shell:?} {flags:?}: {complaints}");
            assert!(complaints.contains("line 3 of") && !complaints.contains("not a valid"), "{complaints}");
        }
    }
    for shell in shells() {
        std::fs::remove_file(place.path().join("home/.env")).ok();
        let (said, complaints) = run(&place, shell, &["-eu"], &format!("{}echo on\n", snippet::loader("~/.env")));
        assert_eq!(said, "on\n");
        assert!(complaints.contains(snippet::MISSED) && complaints.contains("mops tokens sync"), "{complaints}");
    }
}

#[tokio::test]
async fn k_09_the_verb_prints_the_lines_for_the_folder_of_jobs() {
    let place = Place::new();
    for (line, path) in [
        ("mops tokens loader", "\"${HOME}\"/'koa-ml/.env'"),
        ("KOA_REMOTE_WORKDIR=/data/me/ mops tokens loader", "'/data/me/.env'"),
        ("mops tokens loader --remote-path '~/s p/.env'", "\"${HOME}\"/'s p/.env'"),
    ] {
        let said = place.run(&["sh", "-c", line]).await;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.success() && text.contains(&format!("mops_load {path}\n")), "{line}: {text}");
    }
    assert_eq!(place.run(&["mops", "tokens"]).await.code, Some(2));
}

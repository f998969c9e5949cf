//! What the product is accepted by, id by id (`tests/promises.txt`): the worlds that must be told apart, and the tests
//! that hold the rest. Worlds give their causes in `mops-diagnose`; here it is checked that each is there, that those of
//! one promise have different causes, and that every test which is named exists. Prints `promises=… worlds=… tests=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;

use crate::workspace::{text, tracked};

/// A promise, the folders of the causes that it tells apart, and the tests that hold it.
struct Promise<'a> {
    id: &'a str,
    apart: Vec<&'a str>,
    tests: Vec<&'a str>,
}

/// Each line of `tests/promises.txt`.
fn promises(page: &str) -> Vec<Promise<'_>> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next().unwrap_or_default();
            let (apart, tests) = words.partition(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
            Promise { id, apart, tests }
        })
        .collect()
}

/// Names of the tests in a source.
fn tests_of(source: &str) -> Vec<String> {
    let mut lines = source.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            let next = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
            let name = next.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

/// Whether a test's name carries an id: `l_01` of `L-01`.
fn carries(name: &str, id: &str) -> bool {
    let part = format!("_{}_", id.to_lowercase().replace('-', "_"));
    format!("_{name}").contains(&part)
}

#[tokio::test]
async fn every_promise_has_its_worlds_and_tests() {
    let files = tracked().await;
    let sources = files.iter().filter(|path| path.ends_with(".rs"));
    let known: BTreeSet<String> = sources.filter_map(|path| text(path)).flat_map(|source| tests_of(&source)).collect();
    let page = text("tests/promises.txt").expect("the promises");
    let promises = promises(&page);
    let (mut worlds, mut tests, mut wrong) = (0, 0, Vec::new());
    for Promise { id, apart, tests: named } in &promises {
        let different: BTreeSet<&&str> = apart.iter().collect();
        let file = |cause: &str, name: &str| files.contains(&format!("tests/fixtures/causes/{cause}/{name}.yaml"));
        let there = |cause: &str| file(cause, "trigger") && file(cause, "near-miss");
        wrong.extend(apart.iter().filter(|cause| !there(cause)).map(|cause| format!("{id}: no worlds of {cause}")));
        wrong.extend(named.iter().filter(|test| !known.contains(**test)).map(|test| format!("{id}: no test {test}")));
        let carrying = known.iter().filter(|name| carries(name, id)).count();
        if different.len() != apart.len() || apart.len() + named.len() + carrying == 0 {
            wrong.push(format!("{id}: nothing holds it"));
        }
        worlds += apart.len();
        tests += named.len() + carrying;
    }
    let ids: BTreeSet<&str> = promises.iter().map(|promise| promise.id).collect();
    assert_eq!(ids.len(), promises.len(), "an id stands twice");
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("promises={} worlds={worlds} tests={tests}", ids.len());
}

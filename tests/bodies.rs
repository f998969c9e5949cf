//! Promise: `tests/golden/bodies.json` has the bodies that the product sends and reads of each type at Resource Manager,
//! without anything that is another at every run. The models of `tests/models` are asked about them (`make models`).
//! `MOPS_GOLDEN=1` writes it.

use std::collections::{BTreeMap, BTreeSet};

use mops_host::{Env, fsx};
use mops_tests::arm::journal::Bodies;
use regex::Regex;
use serde_json::{Value, json};

use crate::conformance::{cases, ground, made};
use crate::stand::Stand;

/// The namespaces that the models have.
const NAMESPACES: [&str; 4] =
    ["microsoft.containerregistry/", "microsoft.storage/", "microsoft.authorization/", "microsoft.managedidentity/"];

/// A text without times, ids and tags of versions.
fn steady(text: &str) -> String {
    let same = |text: String, pattern: &str, with: &str| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, with).into_owned()
    };
    let text =
        same(text.to_owned(), r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "00000000-0000-0000-0000-000000000000");
    let text = same(text, r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "2026-01-02T03:04:05Z");
    same(text, "0x[0-9A-F]{8}", "0x00000000")
}

fn steadied(texts: &BTreeSet<String>) -> Vec<Value> {
    let texts: BTreeSet<String> = texts.iter().map(|text| steady(text)).collect();
    texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

async fn said() -> BTreeMap<String, Bodies> {
    let mut all: BTreeMap<String, Bodies> = BTreeMap::new();
    for case in cases().iter().filter(|case| case.urn.token().contains(":azure:")) {
        let stand = Stand::new();
        ground(&stand, case).await;
        made(&stand, case).await;
        for (kind, bodies) in stand.sandbox.arm().journal.bodies() {
            let known = all.entry(kind.to_lowercase()).or_default();
            known.sent.extend(bodies.sent);
            known.answered.extend(bodies.answered);
        }
    }
    all.retain(|kind, _| NAMESPACES.iter().any(|namespace| kind.starts_with(namespace)));
    all
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much is kept belongs into the log")]
async fn the_kept_bodies_are_those_that_are_sent_and_read() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/bodies.json");
    let said = said().await;
    let row = |(kind, bodies): (&String, &Bodies)| {
        (kind.clone(), json!({"sent": steadied(&bodies.sent), "answered": steadied(&bodies.answered)}))
    };
    let now: serde_json::Map<String, Value> = said.iter().map(row).collect();
    println!("bodies types={}", now.len());
    let text = serde_json::to_string_pretty(&now).expect("JSON") + "\n";
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&file, text.as_bytes()).expect("golden/bodies.json");
    }
    assert!(
        fsx::read_text(&file).unwrap_or_default() == text,
        "tests/golden/bodies.json is stale: `make golden` writes it"
    );
}

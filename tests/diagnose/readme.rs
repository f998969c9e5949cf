//! Promise: the diagnosis that README shows is what `mops` says of the record beside it, word for word, and its picture
//! is small.

use std::path::{Path, PathBuf};

use mops_diagnose::{Capture, report};
use mops_host::{Env, fsx};
use mops_tests::readme;

/// The largest picture that a page with many readers should load, in bytes.
const PICTURE: usize = 200 << 10;

fn tracked(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn the_diagnosis_in_readme_is_that_of_the_record() {
    let record = fsx::read_text(&tracked("examples/diagnosis/seen.json")).expect("the record");
    let record: Capture = serde_json::from_str(&record).expect("a record");
    let said = report::text(&record.report(), 80, false);
    let file = tracked("README.md");
    let text = fsx::read_text(&file).expect("README");
    let now = readme::replaced(&text, "make golden, for the diagnosis,", &format!("```\n{said}```\n")).expect("marks");
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&file, now.as_bytes()).expect("README");
        return;
    }
    assert!(now == text, "README is stale: `make golden` writes the text and `make picture` the picture beside it");
}

#[test]
fn the_picture_in_readme_is_one_and_is_small() {
    let picture = fsx::read(&tracked("docs/diagnosis.png")).expect("the picture");
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.len() <= PICTURE, "{} bytes", picture.len());
    let readme = fsx::read_text(&tracked("README.md")).expect("README");
    assert!(readme.contains("](docs/diagnosis.png)"), "README does not show it");
}

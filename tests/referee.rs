//! What the referees share: one suite asks a fake and the real component the same questions, writes
//! down what a client can see of the answers, and compares. A file in `golden/` holds the answers of
//! the real one, so that the fake is held to them where the real one is not at hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mops_host::{Env, fsx};
use mops_tests::evidence::Evidence;
use serde_json::Value as Json;

/// A place where the fake answers otherwise than the real component, with what vouches for it.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) evidence: Evidence,
    pub(crate) places: &'static [Place],
}

/// A question whose answer differs.
pub(crate) struct Place {
    pub(crate) chapter: &'static str,
    /// Its first line.
    pub(crate) question: &'static str,
    /// Lines of the real one's answer.
    pub(crate) real: &'static str,
    /// The fake's in their place.
    pub(crate) fake: &'static str,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// Holds the real component to what was written down of it; `MOPS_GOLDEN=1` writes it down.
///
/// # Panics
/// When an answer differs.
pub(crate) fn real(name: &str, seen: &str) {
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&golden(name), seen.as_bytes()).expect("written");
    }
    same(seen, &written(name));
}

/// Holds the fake to the answers of the real component, where it does not differ by name. Gives the
/// line that counts.
///
/// # Panics
/// When an answer differs that should not, or one does not that should.
pub(crate) fn fake(name: &str, seen: &str, differences: &[Difference]) -> String {
    let written = written(name);
    same(seen, &applied(&written, differences));
    let mut text = String::new();
    for difference in differences {
        let _ = writeln!(text, "differs: {} ({})", difference.name, difference.evidence);
    }
    let count = |mark: &str| written.lines().filter(|line| line.starts_with(mark)).count();
    let (chapters, questions) = (count("## "), blocks(&written).len());
    let _ = write!(text, "referee {name}: chapters={chapters} questions={questions} differences={}", differences.len());
    text
}

/// The bodies that the real component answered with.
pub(crate) fn bodies(name: &str) -> Vec<Json> {
    let body = |line: &str| line.strip_prefix("< ").and_then(|text| serde_json::from_str(text).ok());
    written(name).lines().filter_map(body).filter(Json::is_object).collect()
}

fn written(name: &str) -> String {
    let path = golden(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn applied(golden: &str, differences: &[Difference]) -> String {
    let mut text = golden.to_owned();
    for Place { chapter, question, real, fake } in differences.iter().flat_map(|d| d.places) {
        let find = |from: usize, part: &str| {
            let found = text[from..].find(part);
            from + found.unwrap_or_else(|| panic!("`{question}` of `{chapter}` has no `{part}`"))
        };
        let start = find(find(find(0, &format!("## {chapter}\n")), &format!("{question}\n")), real);
        text.replace_range(start..start + real.len(), fake);
    }
    text
}

/// Question and answer, under the title of their chapter.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let (mut chapter, mut answered) = ("", true);
    for line in text.lines() {
        if line.starts_with("## ") {
            chapter = line;
        } else if line.starts_with("> ") && answered {
            blocks.push(format!("{chapter}\n{line}\n"));
            answered = false;
        } else if let Some(block) = blocks.last_mut() {
            answered = answered || line.starts_with("< ");
            let _ = writeln!(block, "{line}");
        }
    }
    blocks
}

fn same(seen: &str, wanted: &str) {
    let (seen, wanted) = (blocks(seen), blocks(wanted));
    let mut report = String::new();
    for (seen, wanted) in seen.iter().zip(&wanted).filter(|(seen, wanted)| seen != wanted) {
        let _ = writeln!(report, "{seen}  but wanted\n{wanted}");
    }
    assert!(report.is_empty() && seen.len() == wanted.len(), "{} and {} answers\n{report}", seen.len(), wanted.len());
}

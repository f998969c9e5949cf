//! Fixtures of the catalogue: what was seen in a world, and the findings that must follow, word for word in
//! `tests/fixtures/causes/ID`. `trigger.yaml` shows the cause; `near-miss.yaml` looks like it and is something else.
//! Further pairs (`trigger-likely.yaml`, …) show the weaker forms of a cause.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::finding::classify;
use crate::rule::Confidence;
use crate::{Finding, Observed, Words};

/// One world of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    /// What happened there, in one sentence.
    pub(super) about: String,
    /// Who described it in public; needed where the cause is unconfirmed.
    #[serde(default)]
    pub(super) source: String,
    /// Exactly these findings, the first one first.
    pub(super) expect: Vec<Expected>,
    /// Names for messages, where the usual ones do not do.
    #[serde(default = "usual")]
    pub(super) names: Words,
    /// What was seen.
    pub(super) observations: Vec<Observed>,
    /// Which file.
    #[serde(skip)]
    pub(super) path: PathBuf,
    /// The cause whose folder it lies in.
    #[serde(skip)]
    pub(super) id: String,
    /// Whether it shows the cause.
    #[serde(skip)]
    pub(super) trigger: bool,
    /// Whether it is the first of its kind, not a weaker form.
    #[serde(skip)]
    pub(super) main: bool,
}

/// A finding that must be there.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// Its id.
    pub(super) cause: String,
    /// How sure; absent for what no rule knows.
    pub(super) confidence: Option<Confidence>,
}

/// The usual names.
pub(super) fn usual() -> Words {
    Words {
        namespace: "ns".into(),
        stack_file: Some("s.yaml".into()),
        registry: Some("reg.azurecr.io".into()),
        env_secret: Some("bundle-credentials".into()),
        pull_secret: Some("pull".into()),
    }
}

impl Fixture {
    /// What was seen, with ids.
    pub(super) fn seen(&self) -> Vec<Observed> {
        self.observations.iter().cloned().map(Observed::named).collect()
    }

    /// What follows from it.
    pub(super) fn findings(&self) -> Vec<Finding> {
        classify(&self.seen(), &self.names)
    }

    fn read(path: &Path, id: &str) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut fixture: Self = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
        fixture.trigger = name.starts_with("trigger");
        assert!(fixture.trigger || name.starts_with("near-miss"), "{}: neither trigger nor near miss", path.display());
        fixture.main = ["trigger", "near-miss"].contains(&name);
        path.clone_into(&mut fixture.path);
        id.clone_into(&mut fixture.id);
        fixture
    }
}

/// The findings in the form in which fixtures name them.
pub(super) fn named(findings: &[Finding]) -> Vec<Expected> {
    findings.iter().map(|f| Expected { cause: f.cause_id.clone(), confidence: f.confidence }).collect()
}

/// Where the fixtures lie.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/causes")
}

/// All fixtures, by id and name.
pub(super) fn all() -> Vec<Fixture> {
    let mut found = Vec::new();
    for cause in entries(&folder()) {
        let id = cause.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        found.extend(entries(&cause).iter().map(|file| Fixture::read(file, &id)));
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.expect("a folder's entry").path()).collect();
    paths.sort();
    paths
}

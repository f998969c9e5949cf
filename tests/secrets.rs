//! Promise: no secret of a whole run is on a screen, in a log, in a file or on a command line. Every
//! secret of the sandbox is the canary: it knows them all.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mops_host::proc::Output;

use crate::up_down::Job;

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

struct Canaries(Vec<String>);

impl Canaries {
    /// Everything secret that the sandbox has made so far.
    fn of(job: &Job) -> Self {
        let secrets = job.ask("/secrets");
        let texts = secrets.as_array().into_iter().flatten().filter_map(|v| v.as_str());
        Self(texts.filter(|t| t.len() >= 16).map(str::to_owned).collect())
    }

    fn check_keys(&self, what: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        assert!(!self.0.iter().any(|secret| text.contains(secret.as_str())), "{what} holds a secret");
    }

    fn check(&self, what: &str, bytes: &[u8]) {
        self.check_keys(what, bytes);
        let text = String::from_utf8_lossy(bytes);
        // A signature is 32 bytes in base64; a masked or shortened one is no secret.
        for (at, _) in text.match_indices("sig=") {
            let length =
                text[at + 4..].chars().take_while(|c| c.is_ascii_alphanumeric() || "%+/=_-".contains(*c)).count();
            assert!(length < 40, "{what} holds a signature");
        }
    }

    fn check_output(&self, words: &[&str], output: &Output) {
        self.check(&format!("standard output of {words:?}"), &output.stdout);
        self.check(&format!("standard error of {words:?}"), &output.stderr);
    }
}

#[tokio::test]
async fn a_whole_run_leaves_no_secret_anywhere() {
    let mut job = Job::new().await;
    job.place.set("LOG_LEVEL", "DEBUG");
    job.with_images().await;
    let runs: [&[&str]; 7] = [
        &["mops", "infra", "up", "unified-infra.yaml", "--yes", "-v"],
        &["mops", "infra", "preview", "unified-infra.yaml", "--refresh"],
        &["mops", "infra", "status"],
        &["mops", "infra", "outputs"],
        &["mops", "diagnose-auth", "-v"],
        &["mops", "smoke-test"],
        &["mops", "infra", "down", "--destroy-all", "--delete-rg", "--yes", "--json"],
    ];
    let mut canaries = Canaries::of(&job);
    assert!(!canaries.0.is_empty(), "the sandbox names no secrets");
    for words in runs {
        let output = job.run(words).await;
        canaries.0.extend(Canaries::of(&job).0);
        canaries.check_output(words, &output);
        let mut found = Vec::new();
        files(&job.place.path().join("home"), &mut found);
        for path in found {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if path.components().any(|part| part.as_os_str() == "bundle-env") {
                // The one file that is made to hand the SAS on: private, and nothing else secret in it.
                assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
                canaries.check_keys(&path.display().to_string(), &bytes);
            } else {
                canaries.check(&path.display().to_string(), &bytes);
            }
        }
    }
}

//! A person's machine before the fakes of a sandbox: a home folder, keys in files, lines of the shell. Whatever a program
//! says there must show no key.

use mops_host::fsx;
use mops_tests::ngc::Key;
use mops_tests::place::Place;
use mops_tests::sandbox::{Options, Sandbox};

/// A key of the organisation `acme`, in the file `good`.
pub(crate) const GOOD: &str = "nvapi-canary-0123456789-good=wxyz";
/// A key that NGC does not know, in the file `bad`.
pub(crate) const BAD: &str = "nvapi-canary-0123456789-bad-wxyz";

pub(crate) struct Desk {
    pub(crate) place: Place,
    pub(crate) sandbox: Sandbox,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
        sandbox.ngc().key(Key::new(GOOD, "acme"));
        let mut place = Place::new();
        sandbox.variables().into_iter().for_each(|(name, value)| place.set(&name, value));
        place.write("good", &format!("{GOOD}\n"));
        place.write("bad", BAD);
        Self { place, sandbox }
    }

    /// Runs a line of the shell: its code, and what it said on both ways.
    pub(crate) async fn said(&self, line: &str) -> (i32, String) {
        let output = self.place.run(&["sh", "-c", line]).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("canary"), "{line}: {said}");
        (output.code.expect("a code"), said)
    }

    pub(crate) async fn good(&self, line: &str) -> String {
        let (code, said) = self.said(line).await;
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    pub(crate) fn docker(&self) -> String {
        fsx::read_text(&self.place.path().join("home/.docker/config.json")).unwrap_or_default()
    }

    pub(crate) fn mlenv(&self) -> String {
        fsx::read_text(&self.place.path().join("home/.mlenv/config")).unwrap_or_default()
    }
}

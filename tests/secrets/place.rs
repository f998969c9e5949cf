//! Where secrets are looked for, and what was found.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mops_engine::failpoint::AVAILABLE;
use mops_host::fsx;
use mops_host::proc::Output;
use mops_tests::canary::Scanner;
use serde_json::Value;

use mops_tests::job::Job;

/// What a user can give, by variable; the text has characters that every encoding writes in its own way.
const GIVEN: &[&str] = &[
    "PULUMI_CONFIG_PASSPHRASE",
    "REGISTRY_PASSWORD",
    "HF_TOKEN",
    "WANDB_API_KEY",
    "NGC_API_KEY",
    "NOVITA_API_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "IDENTITY_HEADER",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
];

/// Files that hold secrets on purpose: the user's own, and those whose use it is.
const MEANT: &[&str] =
    &["client-secret.txt", "registry-password.txt", "existing.kubeconfig", "certificate.pem", "locked.pem"];

/// A text that nobody else writes.
pub(super) fn canary(name: &str) -> String {
    format!("canary/+&=\"'{}", name.to_lowercase())
}

/// The search: everything known so far, and everywhere that was looked.
pub(super) struct Search {
    pub(super) job: Job,
    scanner: Scanner,
    /// Id of the owner by name of the secret.
    owners: Vec<(String, String)>,
    pub(super) situations: usize,
    places: usize,
    hits: Vec<String>,
}

impl Search {
    /// In a place whose environment is full of canaries.
    pub(super) fn of(mut job: Job) -> Self {
        let mut scanner = Scanner::default();
        for name in GIVEN {
            scanner.add(name, &canary(name));
            job.place.set(name, canary(name));
        }
        scanner.add("HTTPS_PROXY", "canary-of-the-proxy");
        job.place.set("HTTPS_PROXY", "http://user:canary-of-the-proxy@127.0.0.1:1");
        let temporary = job.place.path().join("temporary");
        fsx::create_dir_all(&temporary).expect("a folder");
        job.place.set("TMPDIR", temporary.display().to_string());
        job.place.set("LOG_LEVEL", "TRACE");
        if !AVAILABLE {
            // A build for users has no such switch.
            job.place.set("MOPS_UNMASKED", "1");
        }
        Self { job, scanner, owners: Vec::new(), situations: 0, places: 0, hits: Vec::new() }
    }

    /// A secret that a situation brings.
    pub(super) fn add(&mut self, name: &str, secret: &str) {
        self.scanner.add(name, secret);
    }

    /// What the sandbox has made by now.
    fn learn(&mut self) {
        let all: Vec<(String, String)> = serde_json::from_value(self.job.ask("/secrets/owners")).expect("pairs");
        for (owner, secret) in all {
            let name = format!("{}#{}", owner, self.scanner.len());
            self.scanner.add(&name, &secret);
            self.owners.push((name, owner));
        }
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.places += 1;
        self.hits
            .extend(self.scanner.find(bytes).into_iter().map(|hit| format!("{place}: {} as {}", hit.secret, hit.form)));
        if signature(&String::from_utf8_lossy(bytes)) {
            self.hits.push(format!("{place}: a signature"));
        }
    }

    /// Runs a command; afterwards looks at what it said and everywhere else.
    pub(super) async fn run(&mut self, situation: &str, words: &[&str]) -> Output {
        let output = self.job.run(words).await;
        self.after(situation, words, &output);
        output
    }

    /// Looks at what a command said and everywhere else.
    pub(super) fn after(&mut self, situation: &str, words: &[&str], output: &Output) {
        self.situations += 1;
        self.learn();
        let what = format!("{situation} {words:?}");
        self.look(&format!("{what} stdout"), &output.stdout);
        self.look(&format!("{what} stderr"), &output.stderr);
        self.look_at_files(&what);
        self.look_at_objects(&what);
    }

    /// State, journal, backups, temporary and current folder, core files; not what the sandbox itself keeps.
    fn look_at_files(&mut self, what: &str) {
        let mut found = Vec::new();
        files(self.job.place.path(), &self.job.place.path().join("sandbox"), &mut found);
        for path in found {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            assert!(!name.starts_with("core"), "{what}: a core file");
            let bytes = std::fs::read(&path).unwrap_or_default();
            if path.components().any(|part| part.as_os_str() == "bundle-env") {
                // Made to hand the SAS on: private, and nothing else secret in it.
                assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
                let text = String::from_utf8_lossy(&bytes).replace("sig=", "");
                self.look(&format!("{what} {}", path.display()), text.as_bytes());
            } else if !MEANT.contains(&name.as_str()) {
                self.look(&format!("{what} {}", path.display()), &bytes);
            }
        }
    }

    /// Every object of every cluster, events and annotations too; of a Secret all but its data.
    fn look_at_objects(&mut self, what: &str) {
        for mut object in self.job.ask("/objects").as_array().cloned().into_iter().flatten() {
            if object["kind"] == "Secret" {
                object["data"] = Value::Null;
            }
            self.look(
                &format!("{what} {} {}", object["kind"], object["metadata"]["name"]),
                object.to_string().as_bytes(),
            );
        }
    }

    /// Addresses and headers at every fake: a credential only at its own origin.
    fn look_at_fakes(&mut self) {
        for (fake, text) in self.heard() {
            self.places += 1;
            for hit in self.scanner.find(text.as_bytes()) {
                if home(self.owner(&hit.secret)) != Some(fake.as_str()) {
                    self.hits.push(format!("{fake} heard {} as {}", hit.secret, hit.form));
                }
            }
        }
    }

    fn heard(&self) -> Vec<(String, String)> {
        serde_json::from_value(self.job.ask("/heard")).expect("pairs")
    }

    fn owner(&self, secret: &str) -> &str {
        self.owners.iter().find(|(name, _)| name == secret).map_or("", |(_, owner)| owner)
    }

    /// How often secrets are found where they belong: the search can see.
    pub(super) fn control(&self, shown: &[&Output]) -> usize {
        let on_screen: usize = shown.iter().map(|output| self.scanner.find(&output.stdout).len()).sum();
        let at_home = |fake: &str| {
            self.heard().iter().filter(|(f, t)| f == fake && !self.scanner.find(t.as_bytes()).is_empty()).count()
        };
        let (registry, kubernetes) = (at_home("registry"), at_home("kubernetes"));
        assert!(
            on_screen > 0 && registry > 0 && kubernetes > 0,
            "{on_screen} {registry} {kubernetes}: the search is blind"
        );
        on_screen + registry + kubernetes
    }

    /// The line of counts where no mask was on; fails when the search is blind to what was then shown.
    #[expect(clippy::print_stdout, reason = "counts are printed")]
    pub(super) fn unmasked(self) {
        let found = |name: &str| self.hits.iter().filter(|hit| hit.contains(&format!(": {name}"))).count();
        let (panics, operations) = (found("panic"), found("operation#"));
        println!("R12 unmasked_situations={} panics={panics} operations={operations}", self.situations);
        assert!(panics > 0 && operations > 0, "the search is blind: {:#?}", self.hits);
    }

    /// The line of counts; fails on any hit.
    #[expect(clippy::print_stdout, reason = "counts are printed")]
    pub(super) fn finish(mut self, control: usize) {
        self.look_at_fakes();
        let Self { scanner, situations, places, hits, .. } = self;
        let fields = scanner.len();
        println!(
            "R12 fields={fields} situations={situations} places={places} hits={} control_hits={control}",
            hits.len()
        );
        assert!(hits.is_empty(), "{hits:#?}");
    }
}

/// The fake that may hear the secret of an owner in a header.
fn home(owner: &str) -> Option<&'static str> {
    let owner = owner.to_lowercase();
    let rows = [("/registries/", "registry"), ("/managedclusters/", "kubernetes"), ("operation", "arm")];
    rows.into_iter().find(|(part, _)| owner.contains(part)).map(|(_, fake)| fake)
}

/// A signature is 32 bytes in base64; a masked or shortened one is no secret.
fn signature(text: &str) -> bool {
    let long =
        |at: usize| text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "%+/=_-".contains(*c)).count();
    text.match_indices("sig=").any(|(at, found)| long(at + found.len()) >= 40)
}

fn files(dir: &Path, but: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path != but => files(&path, but, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

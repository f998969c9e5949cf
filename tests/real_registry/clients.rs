//! Foreign clients at the fake and at docker-registry alike: they sign in, are refused, push, pull,
//! list and delete, and read the configuration that `mops` writes for nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_core::Secret;
use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};
use mops_tests::image::Image;
use mops_tests::push::{Login, push};
use mops_tests::real::docker_registry::installed;
use mops_tests::skip::skipped;

use super::seat::{HOST, Seat, USER};

#[path = "docker.rs"]
mod docker;
#[path = "podman.rs"]
mod podman;
#[path = "skopeo.rs"]
mod skopeo;

/// A registry, and a client's way to it: by the registry's own name, through a tunnel on loopback
/// that leads nowhere else.
struct Desk {
    seat: Seat,
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
    program: &'static str,
    /// Words before every command.
    fixed: Vec<String>,
    /// Where the client keeps its logins.
    logins: PathBuf,
}

impl Desk {
    async fn at(docker_registry: bool, program: &'static str) -> Self {
        let seat = Seat::at(docker_registry).await;
        let dir = tempfile::tempdir().expect("a folder");
        let home = dir.path().display().to_string();
        let sandbox = &seat.bench.sandbox;
        let (proxy, _) = crate::proxy::proxy(sandbox.world().ends.registry.port());
        let env = [
            ("PATH", Env::process().get("PATH").unwrap_or("/usr/bin:/bin").to_owned()),
            ("HOME", home.clone()),
            ("XDG_RUNTIME_DIR", home.clone()),
            ("TMPDIR", home.clone()),
            ("REGISTRY_AUTH_FILE", format!("{home}/config.json")),
            ("DOCKER_CONFIG", home.clone()),
            ("HTTPS_PROXY", format!("http://{proxy}")),
            ("SSL_CERT_FILE", sandbox.dir().join("ca.crt").display().to_string()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let logins = dir.path().join("config.json");
        Self { seat, dir, env, program, fixed: Vec::new(), logins }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn run(&self, args: &[&str], stdin: Option<&str>) -> Output {
        let command = Command {
            program: self.program.into(),
            args: self.fixed.iter().cloned().chain(args.iter().map(|&arg| arg.to_owned())).collect(),
            env: self.env.clone(),
            stdin: stdin.map(Secret::from),
            timeout: Duration::from_secs(120),
            max_output: 16 << 20,
        };
        command.run().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs it well; gives what it printed.
    async fn good(&self, args: &[&str], stdin: Option<&str>) -> String {
        let output = self.run(args, stdin).await;
        assert!(output.success(), "{} {args:?}: {}", self.program, String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs it badly; gives its complaint.
    async fn bad(&self, args: &[&str], stdin: Option<&str>) -> String {
        let output = self.run(args, stdin).await;
        assert!(!output.success(), "{} {args:?} should have failed", self.program);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Signs in with a wrong and then with the right password.
    async fn sign_in(&self, complaint: &str) {
        let login = ["login", "--username", USER, "--password-stdin", HOST];
        let said = self.bad(&login, Some("wrong")).await;
        assert!(said.contains(complaint), "{said}");
        self.good(&login, Some(self.seat.password())).await;
    }

    /// From now on the client has the login that `mops` writes for nodes, and no other.
    async fn only_as_mops_wrote(&self) {
        let text = crate::kubernetes::pull_config(HOST, USER, self.seat.password()).await;
        fsx::replace(&self.logins, text.as_bytes()).expect("written");
    }

    /// An image that we pushed is pulled, pushed under another name and pulled again.
    async fn there_and_back(&self) {
        let image = Image::tiny("team/app:1", "hello").expect("in memory");
        let password = Secret::from(self.seat.password());
        push(&self.seat.bench.http, &Login { host: HOST.into(), username: USER.into(), password }, &image)
            .await
            .expect("a push of ours");
        let (ours, theirs) = (format!("{HOST}/{}", image.name), format!("{HOST}/team/copy:1"));
        self.good(&["pull", &ours], None).await;
        self.good(&["tag", &ours, &theirs], None).await;
        self.good(&["push", &theirs], None).await;
        self.good(&["rmi", &ours, &theirs], None).await;
        self.only_as_mops_wrote().await;
        self.good(&["pull", &theirs], None).await;
        let id = self.good(&["inspect", "--format", "{{.Id}}", &theirs], None).await;
        assert!(image.blobs[0].0.ends_with(&id), "an image is named by its configuration: {id}");
        self.bad(&["pull", &format!("{HOST}/team/app:2")], None).await;
        self.without_a_login(&["pull", &ours]).await;
    }

    /// What nobody may do.
    async fn without_a_login(&self, args: &[&str]) {
        fsx::replace(&self.logins, b"{}").expect("written");
        let complaint = self.bad(args, None).await;
        assert!(complaint.contains("unauthorized") || complaint.contains("authentication required"), "{complaint}");
    }
}

/// The registries that a client can be tried at here: the fake, and docker-registry when it is there.
fn targets(test: &str) -> Vec<bool> {
    if installed() {
        return vec![false, true];
    }
    skipped("registry", test);
    vec![false]
}

fn there(program: &str) -> bool {
    Path::new("/usr/bin").join(program).exists()
}

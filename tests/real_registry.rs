//! The registry client against the reference implementation (docker-registry), over TLS with Basic.

use std::path::Path;
use std::time::Duration;

use mops_core::{Class, Secret};
use mops_host::fsx;
use mops_host::proc::Command;
use mops_tests::image::{Image, MANIFEST};
use mops_tests::tls::{Authority, Leaf, bind};
use mops_wire::registry::{Auth, Challenge, Client, Digest, Login, Reference};
use mops_wire::{Http, HttpConfig};

const PROGRAM: &str = "/usr/bin/docker-registry";
const HTPASSWD: &str = "/usr/bin/htpasswd";
const PASSWORD: &str = "s3cret-of-this-test";

fn command(program: &str, args: &[&str], stdin: Option<&str>) -> Command {
    Command {
        program: program.into(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: Vec::new(),
        stdin: stdin.map(Secret::from),
        timeout: Duration::from_secs(120),
        max_output: 16 << 20,
    }
}

/// Writes what the registry needs; gives its configuration file.
async fn prepared(dir: &Path, authority: &Authority, port: u16) -> String {
    let leaf = authority.leaf(Leaf::Good, &["127.0.0.1"]);
    fsx::replace(&dir.join("srv.crt"), leaf.certificate_pem.as_bytes()).unwrap();
    fsx::replace(&dir.join("srv.key"), leaf.key_pem.as_bytes()).unwrap();
    let made = command(HTPASSWD, &["-inB", "tester"], Some(PASSWORD)).run_checked().await.unwrap();
    fsx::replace(&dir.join("htpasswd"), &made.stdout).unwrap();
    let d = dir.display();
    let config = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {d}/data}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"127.0.0.1:{port}\", tls: {{certificate: {d}/srv.crt, key: {d}/srv.key}}}}\n\
         auth: {{htpasswd: {{realm: test-registry, path: {d}/htpasswd}}}}\n"
    );
    let path = dir.join("basic.yml");
    fsx::replace(&path, config.as_bytes()).unwrap();
    path.display().to_string()
}

fn client(authority: &Authority, host: &str, password: &str) -> Client {
    let mut config = HttpConfig::new();
    config.roots = vec![authority.pem().as_bytes().to_vec()];
    config.only_roots = true;
    let auth = Auth::Basic { username: "tester".into(), password: Secret::from(password) };
    Client::new(Http::new(config).unwrap(), host, auth).unwrap().with_limits(Duration::from_secs(60), 8)
}

#[tokio::test]
async fn sign_in_push_and_pull_at_the_reference_registry() {
    if !Path::new(PROGRAM).exists() || !Path::new(HTPASSWD).exists() {
        mops_tests::skip::skipped("registry", "sign in, push and pull at docker-registry");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let port = bind().unwrap().local_addr().unwrap().port();
    let config = prepared(dir.path(), &authority, port).await;
    // Dropped at the end of the test, and with it the program.
    let server = tokio::spawn(async move { command(PROGRAM, &["serve", &config], None).run().await });
    let host = format!("127.0.0.1:{port}");
    let good = client(&authority, &host, PASSWORD);
    // Not there yet is a refused connection, which the pipeline repeats.
    assert_eq!(good.challenge().await.unwrap(), Some(Challenge::Basic));
    assert_eq!(good.ping().await.unwrap(), Login::Basic);
    let wrong = client(&authority, &host, "another").ping().await.unwrap_err();
    assert_eq!((wrong.class(), wrong.refusal().unwrap().code.as_deref()), (Class::Auth, Some("UNAUTHORIZED")));

    let image = Image::tiny("team/worker:1", "hello").unwrap();
    let target: Reference = format!("{host}/{}", image.name).parse().unwrap();
    for (digest, bytes) in &image.blobs {
        assert_eq!(good.push_blob(&target, bytes.clone()).await.unwrap().as_str(), digest);
        assert_eq!(good.blob(&target, &Digest::parse(digest).unwrap(), 1 << 20).await.unwrap(), *bytes);
    }
    good.push_manifest(&target, MANIFEST, image.manifest.clone()).await.unwrap();
    assert_eq!(good.manifest(&target).await.unwrap().digest.as_str(), image.digest());
    assert_eq!(good.head_manifest(&target).await.unwrap().digest.unwrap().as_str(), image.digest());
    assert_eq!(good.tags(&target, 5).await.unwrap(), ["1"]);
    let missing: Reference = format!("{host}/team/worker:2").parse().unwrap();
    let error = good.manifest(&missing).await.unwrap_err();
    assert_eq!((error.class(), error.refusal().unwrap().code.as_deref()), (Class::NotFound, Some("MANIFEST_UNKNOWN")));
    let nobody: Reference = format!("{host}/team/nobody:1").parse().unwrap();
    let error = good.tags(&nobody, 5).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code.as_deref(), Some("NAME_UNKNOWN"));
    server.abort();
}

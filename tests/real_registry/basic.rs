//! The registry client at docker-registry with Basic, over docker-registry's own TLS; and where that sends a client on
//! for a blob, as ACR does and the fake does not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mops_core::{Class, Secret};
use mops_host::fsx;
use mops_tests::http::{Call, Reply, handler};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::real::docker_registry::{CONTENT, DockerRegistry, installed};
use mops_tests::skip::skipped;
use mops_tests::tls::{Authority, Leaf, bind, serve_tls};
use mops_wire::registry::{Auth, Challenge, Client, Digest, Login, Reference};
use mops_wire::{Http, HttpConfig};

const PASSWORD: &str = "s3cret-of-this-test";

fn client(authority: &Authority, host: &str, password: &str) -> Client {
    let mut config = HttpConfig::new();
    config.roots = vec![authority.pem().as_bytes().to_vec()];
    config.only_roots = true;
    let auth = Auth::Basic { username: "tester".into(), password: Secret::from(password) };
    Client::new(Http::new(config).unwrap(), host, auth).unwrap().with_limits(Duration::from_secs(60), 8)
}

#[tokio::test]
async fn sign_in_push_and_pull_with_basic() {
    if !installed() {
        skipped("registry", "sign in, push and pull at docker-registry");
        return;
    }
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let registry = DockerRegistry::basic(dir.path(), &authority, "tester", &Secret::from(PASSWORD)).await.unwrap();
    let host = registry.end().to_string();
    let good = client(&authority, &host, PASSWORD);
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
}

#[tokio::test]
async fn a_blob_of_another_host_is_fetched_without_our_credential() {
    if !installed() {
        skipped("registry", "blobs by redirect at docker-registry");
        return;
    }
    let (dir, authority, asked) = (tempfile::tempdir().unwrap(), Authority::new(), Arc::new(Mutex::new(Vec::new())));
    let (content, seen) = (dir.path().join(CONTENT), Arc::clone(&asked));
    let storage = handler(move |call: &Call| {
        let bytes = fsx::read(&content.join(call.path.trim_start_matches('/'))).unwrap();
        seen.lock().unwrap().push(call.clone());
        Reply::body(200, "application/octet-stream", bytes)
    });
    let leaf = authority.leaf(Leaf::Good, &["127.0.0.1"]);
    let storage = serve_tls(storage, bind().unwrap(), leaf.server_config()).unwrap();
    let user = ("tester", &Secret::from(PASSWORD));
    let registry = DockerRegistry::sending_on(dir.path(), &authority, user, Some(storage.address())).await.unwrap();
    let host = registry.end().to_string();
    let client = client(&authority, &host, PASSWORD);
    let image = Image::tiny("team/worker:1", "hello").unwrap();
    let target: Reference = format!("{host}/{}", image.name).parse().unwrap();
    let (digest, bytes) = &image.blobs[1];
    client.push_blob(&target, bytes.clone()).await.unwrap();
    asked.lock().unwrap().clear();
    assert_eq!(client.blob(&target, &Digest::parse(digest).unwrap(), 1 << 20).await.unwrap(), *bytes);
    let asked = asked.lock().unwrap();
    let [call] = asked.as_slice() else { panic!("{} questions", asked.len()) };
    assert!(call.method == "GET" && call.header("authorization").is_none(), "{} {}", call.method, call.path);
}

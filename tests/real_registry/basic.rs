//! The registry client at docker-registry with Basic, over docker-registry's own TLS.

use std::time::Duration;

use mops_core::{Class, Secret};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::real::docker_registry::{DockerRegistry, installed};
use mops_tests::skip::skipped;
use mops_tests::tls::Authority;
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

//! The registry and blob clients against the sandbox, which is held to what ACR and Azure storage were
//! seen to do: sign-in, push, pull, identity, SAS made by our own code.

use std::time::Duration;

use mops_core::{Class, Secret};
use mops_tests::http::Reply;
use mops_tests::image::{Image, MANIFEST};
use mops_wire::blob;
use mops_wire::registry::{Auth, Challenge, Client, Digest, Login, Reference};
use mops_wire::sas::{AccountSas, SasView, ServiceSas, Terms};
use serde_json::json;

use crate::client::{API_REGISTRY, API_STORAGE, Bench};
use crate::web::Web;

const HOST: &str = "modelopsdevacr.azurecr.io";

async fn with_registry() -> (Bench, Auth) {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", "Microsoft.ContainerRegistry/registries", "modelopsdevacr");
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
    bench.arm("PUT", &path, API_REGISTRY, Some(body)).await;
    bench.pass(60);
    let listed = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
    let password = listed.body["passwords"][0]["value"].as_str().unwrap_or_default().to_owned();
    (bench, Auth::Basic { username: "modelopsdevacr".into(), password: Secret::new(password) })
}

fn client(bench: &Bench, auth: Auth) -> Client {
    Client::new(bench.http.clone(), HOST, auth).unwrap().with_limits(Duration::from_secs(10), 1)
}

fn reference(image: &str) -> Reference {
    format!("{HOST}/{image}").parse().unwrap()
}

async fn push(client: &Client, image: &Image) -> Reference {
    let target = reference(&image.name);
    for (digest, bytes) in &image.blobs {
        assert!(!client.has_blob(&target, &Digest::parse(digest).unwrap()).await.unwrap());
        assert_eq!(client.push_blob(&target, bytes.clone()).await.unwrap().as_str(), digest);
    }
    let digest = client.push_manifest(&target, MANIFEST, image.manifest.clone()).await.unwrap();
    assert_eq!(digest.as_str(), image.digest());
    target
}

#[tokio::test]
async fn admin_user_signs_in_pushes_and_pulls() {
    let (bench, auth) = with_registry().await;
    let client = client(&bench, auth);
    assert!(matches!(client.challenge().await.unwrap(), Some(Challenge::Bearer { .. })));
    assert_eq!(client.ping().await.unwrap(), Login::Bearer);
    let image = Image::tiny("team/worker:1", "hello").unwrap();
    let target = push(&client, &image).await;
    assert_eq!(client.head_manifest(&target).await.unwrap().digest.unwrap().as_str(), image.digest());
    let manifest = client.manifest(&target).await.unwrap();
    assert_eq!((manifest.bytes, manifest.media_type.as_str()), (image.manifest.clone(), MANIFEST));
    for (digest, bytes) in &image.blobs {
        let digest = Digest::parse(digest).unwrap();
        assert_eq!(client.blob(&target, &digest, 1 << 20).await.unwrap(), *bytes);
        assert!(client.has_blob(&target, &digest).await.unwrap());
    }
    assert_eq!(client.tags(&target, 5).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn refusals_keep_status_and_code() {
    let (bench, auth) = with_registry().await;
    let good = client(&bench, auth);
    push(&good, &Image::tiny("team/worker:1", "hello").unwrap()).await;
    let wrong = client(&bench, Auth::Basic { username: "modelopsdevacr".into(), password: Secret::from("canary") });
    let anonymous = client(&bench, Auth::Anonymous);
    let (missing, unknown) = (reference("team/worker:2"), reference("team/nobody:1"));
    let rows = [
        (wrong.ping().await.unwrap_err(), 401, Some("UNAUTHORIZED"), Class::Auth),
        (wrong.manifest(&missing).await.unwrap_err(), 401, Some("UNAUTHORIZED"), Class::Auth),
        (anonymous.ping().await.unwrap_err(), 401, Some("UNAUTHORIZED"), Class::Auth),
        (good.manifest(&missing).await.unwrap_err(), 404, Some("MANIFEST_UNKNOWN"), Class::NotFound),
        (good.head_manifest(&missing).await.unwrap_err(), 404, None, Class::NotFound),
        (good.manifest(&unknown).await.unwrap_err(), 404, Some("MANIFEST_UNKNOWN"), Class::NotFound),
        (good.tags(&unknown, 5).await.unwrap_err(), 404, Some("NAME_UNKNOWN"), Class::NotFound),
    ];
    for (error, status, code, class) in rows {
        let refusal = error.refusal().unwrap_or_else(|| panic!("{error:?}"));
        assert_eq!((refusal.status, refusal.code.as_deref(), error.class()), (status, code, class), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_directory_token_becomes_a_login() {
    let (bench, auth) = with_registry().await;
    push(&client(&bench, auth), &Image::tiny("team/worker:1", "hello").unwrap()).await;
    let entra = Secret::new(bench.sign_in("https://containerregistry.azure.net/.default").await);
    let tenant = bench.sandbox.world().application.tenant.clone();
    let by_identity = client(&bench, Auth::Anonymous).sign_in_with_directory_token(&tenant, &entra).await.unwrap();
    assert_eq!(by_identity.ping().await.unwrap(), Login::Bearer);
    by_identity.manifest(&reference("team/worker:1")).await.unwrap();
    let bad = client(&bench, Auth::Anonymous).sign_in_with_directory_token(&tenant, &Secret::from("x.canary.z")).await;
    let error = bad.unwrap_err();
    assert_eq!((error.class(), error.refusal().unwrap().status), (Class::Auth, 401));
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_page_in_its_place_is_no_registry() {
    let web = Web::start(|_, _| Reply::body(200, "text/html", "<html>sign in</html>"));
    let client = Client::new(web.http(), "reg.example", Auth::Anonymous).unwrap();
    for error in [client.ping().await.unwrap_err(), client.challenge().await.unwrap_err()] {
        assert!(error.refusal().unwrap().html, "{error:?}");
    }
    let open = Web::start(|_, _| Reply::json(200, &json!({})));
    let client = Client::new(open.http(), "reg.example", Auth::Anonymous).unwrap();
    assert_eq!((client.ping().await.unwrap(), client.challenge().await.unwrap()), (Login::Open, None));
}

/// A storage account with a container, and its first key.
async fn with_account() -> (Bench, Secret<String>) {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", "Microsoft.Storage/storageAccounts", "modelopsdevstore");
    let body = json!({"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"});
    bench.arm("PUT", &path, API_STORAGE, Some(body)).await;
    bench.pass(60);
    let container = format!("{path}/blobServices/default/containers/results");
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
    let keys = bench.arm("POST", &format!("{path}/listKeys"), API_STORAGE, None).await;
    let key = keys.body["keys"][0]["value"].as_str().unwrap_or_default().to_owned();
    (bench, Secret::new(key))
}

fn terms(permissions: &str) -> Terms {
    let expiry = Some(time::macros::datetime!(2026-11-25 08:00 UTC));
    Terms { permissions: permissions.into(), expiry, ..Terms::default() }
}

fn container_sas(key: &Secret<String>, permissions: &str) -> Secret<String> {
    let (account, container) = ("modelopsdevstore".into(), "results".into());
    let answer_headers = Default::default();
    let terms = terms(permissions);
    ServiceSas { account, container, blob: None, policy: None, answer_headers, terms }.sign(key).unwrap()
}

fn blobs(bench: &Bench, sas: &Secret<String>) -> blob::Client {
    let endpoint = "https://modelopsdevstore.blob.core.windows.net/".parse().unwrap();
    blob::Client::new(bench.http.clone(), endpoint, sas).unwrap().with_limits(Duration::from_secs(10), 1)
}

#[tokio::test]
async fn signatures_of_our_own_open_exactly_what_they_say() {
    let (bench, key) = with_account().await;
    let writer = blobs(&bench, &container_sas(&key, "rwdl"));
    writer.put("results", "a folder/ä&b.txt", "hello".into()).await.unwrap();
    assert_eq!(writer.list("results", 5).await.unwrap().names(), ["a folder/ä&b.txt"]);
    assert_eq!(writer.get("results", "a folder/ä&b.txt", 100).await.unwrap().body, "hello");
    let reader = blobs(&bench, &container_sas(&key, "rl"));
    let services = ("b".to_owned(), "sco".to_owned());
    let account = "modelopsdevstore".to_owned();
    let over_all = AccountSas { account, services: services.0, resource_types: services.1, terms: terms("rl") };
    assert!(blobs(&bench, &over_all.sign(&key).unwrap()).list("results", 1).await.unwrap().date.is_some());
    let rows = [
        (reader.put("results", "x", "y".into()).await.unwrap_err(), "AuthorizationPermissionMismatch", Class::Auth),
        (reader.get("results", "none", 10).await.unwrap_err(), "BlobNotFound", Class::NotFound),
        (reader.list("other", 1).await.unwrap_err(), "AuthenticationFailed", Class::Auth),
    ];
    for (error, code, class) in rows {
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.code.as_deref(), error.class()), (Some(code), class), "{error}");
        assert!(!format!("{error:?} {error}").contains("sig="), "{error:?}");
    }
    writer.delete("results", "a folder/ä&b.txt").await.unwrap();
    assert!(writer.list("results", 5).await.unwrap().names().is_empty());
}

#[tokio::test]
async fn an_expired_signature_says_so() {
    let (bench, key) = with_account().await;
    let sas = container_sas(&key, "rl");
    assert!(SasView::of(&sas).signed);
    bench.pass(25 * 3600);
    let error = blobs(&bench, &sas).list("results", 1).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, refusal.code.as_deref()), (403, Some("AuthenticationFailed")));
    assert!(refusal.detail.as_deref().unwrap_or_default().contains("time frame"), "{refusal:?}");
}

//! Promise: registries and storage accounts of the sandbox take only what the real ones take:
//! challenges, scopes, digests; signatures, times, permissions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_tests::image::{Image, MANIFEST};
use mops_tests::push::{Login, push};
use serde_json::{Value, json};

use crate::client::{API_REGISTRY, API_STORAGE, Answer, Bench};

const ACR: &str = "Microsoft.ContainerRegistry/registries/modelopsdevacr";
const STORE: &str = "Microsoft.Storage/storageAccounts/modelopsdevstore";
const HOST: &str = "https://modelopsdevacr.azurecr.io";
const BLOBS: &str = "https://modelopsdevstore.blob.core.windows.net";

async fn with_registry() -> (Bench, Login) {
    let bench = Bench::new().await.with_group("g").await;
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
    let path = format!("{}/providers/{ACR}", bench.group("g"));
    bench.arm("PUT", &path, API_REGISTRY, Some(body)).await;
    bench.pass(60);
    let listed = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    let password = listed.body["passwords"][0]["value"].as_str().unwrap_or_default().to_owned();
    let login = Login {
        host: "modelopsdevacr.azurecr.io".into(),
        username: "modelopsdevacr".into(),
        password: Secret::new(password),
    };
    (bench, login)
}

async fn get(bench: &Bench, url: &str, authorization: Option<&str>) -> Answer {
    let mut request = mops_wire::Request::get(url.parse().expect("a url")).header(http::header::ACCEPT, MANIFEST);
    if let Some(header) = authorization {
        let origin = mops_wire::Origin::of(&request.url).expect("an origin");
        request = request.header(http::header::AUTHORIZATION, header);
        request.adopt_authorization(origin);
    }
    bench.send(request).await.expect("an answer")
}

fn basic(login: &Login, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{password}", login.username)))
}

async fn token(bench: &Bench, login: &Login, scope: &str) -> String {
    let url = format!("{HOST}/oauth2/token?service={}&scope={scope}", login.host);
    let answer = get(bench, &url, Some(&basic(login, login.password.expose()))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    format!("Bearer {}", answer.body["access_token"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_challenge_names_the_registry_itself_as_realm() {
    let (bench, _) = with_registry().await;
    let answer = get(&bench, &format!("{HOST}/v2/"), None).await;
    assert_eq!((answer.status, answer.body["errors"][0]["code"].as_str()), (401, Some("UNAUTHORIZED")));
    let wanted =
        "Bearer realm=\"https://modelopsdevacr.azurecr.io/oauth2/token\",service=\"modelopsdevacr.azurecr.io\"";
    assert_eq!(answer.header("www-authenticate"), wanted);
    let answer = get(&bench, &format!("{HOST}/v2/a/b/manifests/1"), None).await;
    assert!(answer.header("www-authenticate").ends_with("scope=\"repository:a/b:pull\""));
}

#[tokio::test]
async fn what_was_pushed_is_pulled_with_the_scope_and_not_without() {
    let (bench, login) = with_registry().await;
    let image = Image::tiny("team/worker:1", "hello").expect("in memory");
    push(&bench.http, &login, &image).await.expect("a push");
    let url = format!("{HOST}/v2/team/worker/manifests/1");
    let pull = token(&bench, &login, "repository:team/worker:pull").await;
    let manifest = get(&bench, &url, Some(&pull)).await;
    assert_eq!((manifest.status, manifest.header("docker-content-digest")), (200, image.digest().as_str()));
    assert_eq!(manifest.header("content-type"), MANIFEST);
    for (digest, bytes) in &image.blobs {
        let blob = get(&bench, &format!("{HOST}/v2/team/worker/blobs/{digest}"), Some(&pull)).await;
        assert_eq!(blob.raw.body, *bytes);
    }
    let other = token(&bench, &login, "repository:other:pull").await;
    let refused = get(&bench, &url, Some(&other)).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("error=\"insufficient_scope\""));
    let missing = get(&bench, &format!("{HOST}/v2/team/worker/manifests/2"), Some(&pull)).await;
    assert_eq!((missing.status, missing.body["errors"][0]["code"].as_str()), (404, Some("MANIFEST_UNKNOWN")));
    let unknown = get(&bench, &format!("{HOST}/v2/other/manifests/2"), Some(&other)).await;
    assert_eq!(unknown.body["errors"][0]["code"], "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_regenerated_password_ends_the_old_one() {
    let (bench, login) = with_registry().await;
    let url = format!("{HOST}/oauth2/token?service={}", login.host);
    assert_eq!(get(&bench, &url, Some(&basic(&login, login.password.expose()))).await.status, 200);
    mops_tests::arm::registry::break_passwords(bench.sandbox.arm());
    let refused = get(&bench, &url, Some(&basic(&login, login.password.expose()))).await;
    assert_eq!((refused.status, refused.body["errors"][0]["code"].as_str()), (401, Some("UNAUTHORIZED")));
}

#[tokio::test]
async fn an_entra_token_is_exchanged() {
    let (bench, login) = with_registry().await;
    let entra = bench.sign_in("https://containerregistry.azure.net/.default").await;
    let form =
        |pairs: &[(&str, &str)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let post = async |path: &str, body: String| {
        let url = format!("{HOST}{path}").parse().expect("a url");
        let request = mops_wire::Request::new(http::Method::POST, url).body("application/x-www-form-urlencoded", body);
        bench.send(request).await.expect("an answer")
    };
    let body = form(&[("grant_type", "access_token"), ("service", &login.host), ("access_token", &entra)]);
    let exchanged = post("/oauth2/exchange", body).await;
    let refresh = exchanged.body["refresh_token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(exchanged.status, 200, "{}", exchanged.text);
    let scope = "repository:team/worker:pull";
    let body = form(&[
        ("grant_type", "refresh_token"),
        ("service", &login.host),
        ("scope", scope),
        ("refresh_token", &refresh),
    ]);
    assert!(post("/oauth2/token", body).await.body["access_token"].is_string());
    let as_password = STANDARD.encode(format!("00000000-0000-0000-0000-000000000000:{refresh}"));
    assert_eq!(get(&bench, &format!("{HOST}/v2/"), Some(&format!("Basic {as_password}"))).await.status, 200);
    let body = form(&[("grant_type", "access_token"), ("service", &login.host), ("access_token", "x.y.z")]);
    assert_eq!(post("/oauth2/exchange", body).await.status, 401);
}

#[tokio::test]
async fn a_registry_that_is_not_there_does_not_answer() {
    let (bench, _) = with_registry().await;
    let url = "https://nobody.azurecr.io/v2/".parse().expect("a url");
    assert!(bench.send(mops_wire::Request::get(url)).await.is_err());
}

async fn with_account() -> (Bench, String) {
    let bench = Bench::new().await.with_group("g").await;
    let path = format!("{}/providers/{STORE}", bench.group("g"));
    let body = json!({"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"});
    bench.arm("PUT", &path, API_STORAGE, Some(body)).await;
    bench.pass(60);
    for name in ["results", "other"] {
        let container = format!("{path}/blobServices/default/containers/{name}");
        assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
    }
    (bench, path)
}

async fn service_sas(bench: &Bench, path: &str, change: Value) -> String {
    let mut body = json!({
        "canonicalizedResource": "/blob/modelopsdevstore/results", "signedResource": "c", "signedPermission": "rl",
        "signedProtocol": "https", "signedStart": "2026-11-24T07:45:00Z", "signedExpiry": "2026-11-25T08:00:00Z", "keyToSign": "key1",
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let answer = bench.arm("POST", &format!("{path}/listServiceSas"), API_STORAGE, Some(body)).await;
    answer.body["serviceSasToken"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_service_sas_opens_its_container_and_nothing_else() {
    let (bench, path) = with_account().await;
    let rl = service_sas(&bench, &path, json!({})).await;
    let rwd = service_sas(&bench, &path, json!({"signedPermission": "drw", "keyToSign": "key2"})).await;
    let list = |sas: &str| format!("{BLOBS}/results?restype=container&comp=list&{sas}");
    assert_eq!(bench.blob("GET", &list(&rl), "").await.status, 200);
    assert_eq!(bench.blob("PUT", &format!("{BLOBS}/results/a%20b.txt?{rwd}"), "hello").await.status, 201);
    assert_eq!(bench.blob("GET", &format!("{BLOBS}/results/a%20b.txt?{rl}"), "").await.text, "hello");
    let rows = [
        ("no list permission", "GET", list(&rwd), "AuthorizationPermissionMismatch"),
        ("no write permission", "PUT", format!("{BLOBS}/results/x?{rl}"), "AuthorizationPermissionMismatch"),
        ("another container", "GET", format!("{BLOBS}/other?restype=container&comp=list&{rl}"), "AuthenticationFailed"),
        ("tampered permission", "GET", list(&rwd.replace("sp=rwd", "sp=rwdl")), "AuthenticationFailed"),
        ("no signature", "GET", format!("{BLOBS}/results?restype=container&comp=list"), "PublicAccessNotPermitted"),
        ("no such blob", "GET", format!("{BLOBS}/results/none?{rl}"), "BlobNotFound"),
    ];
    for (what, verb, url, code) in rows {
        let answer = bench.blob(verb, &url, "").await;
        assert_eq!(answer.header("x-ms-error-code"), code, "{what}: {}", answer.text);
    }
    bench.pass(25 * 3600);
    let late = bench.blob("GET", &list(&rl), "").await;
    assert_eq!((late.status, late.header("x-ms-error-code")), (403, "AuthenticationFailed"));
    assert!(late.text.contains("Signature not valid in the specified time frame"), "{}", late.text);
}

#[tokio::test]
async fn an_account_sas_checks_service_and_resource_type() {
    let (bench, path) = with_account().await;
    let sas = async |services: &str, types: &str| {
        let body = json!({
            "signedServices": services, "signedResourceTypes": types, "signedPermission": "rl", "signedProtocol": "https",
            "signedExpiry": "2026-11-25T08:00:00Z", "keyToSign": "key1",
        });
        let answer = bench.arm("POST", &format!("{path}/listAccountSas"), API_STORAGE, Some(body)).await;
        format!(
            "{BLOBS}/results?restype=container&comp=list&{}",
            answer.body["accountSasToken"].as_str().unwrap_or_default()
        )
    };
    assert_eq!(bench.blob("GET", &sas("b", "sco").await, "").await.status, 200);
    let wrong = bench.blob("GET", &sas("q", "sco").await, "").await;
    assert_eq!(wrong.header("x-ms-error-code"), "AuthorizationServiceMismatch");
    let wrong = bench.blob("GET", &sas("b", "o").await, "").await;
    assert_eq!(wrong.header("x-ms-error-code"), "AuthorizationResourceTypeMismatch");
}

#[tokio::test]
async fn rotation_kills_a_sas() {
    let (bench, path) = with_account().await;
    let url = format!("{BLOBS}/results?restype=container&comp=list&{}", service_sas(&bench, &path, json!({})).await);
    assert_eq!(bench.blob("GET", &url, "").await.status, 200);
    mops_tests::arm::storage::break_keys(bench.sandbox.arm());
    assert_eq!(bench.blob("GET", &url, "").await.header("x-ms-error-code"), "AuthenticationFailed");
}

/// The product signs by its own code, the sandbox judges by its own: neither knows the other.
#[tokio::test]
async fn our_own_signatures_are_taken_and_are_those_of_the_service() {
    use mops_wire::sas::{AccountSas, ServiceSas, Terms};
    let (bench, path) = with_account().await;
    let keys = bench.arm("POST", &format!("{path}/listKeys"), API_STORAGE, None).await;
    let key = Secret::new(keys.body["keys"][0]["value"].as_str().unwrap_or_default().to_owned());
    let terms = Terms {
        permissions: "lr".into(),
        start: Some(time::macros::datetime!(2026-11-24 07:45 UTC)),
        expiry: Some(time::macros::datetime!(2026-11-25 08:00 UTC)),
        ..Terms::default()
    };
    let service = ServiceSas {
        account: "modelopsdevstore".into(),
        container: "results".into(),
        blob: None,
        policy: None,
        answer_headers: Default::default(),
        terms: terms.clone(),
    };
    let account =
        AccountSas { account: "modelopsdevstore".into(), services: "b".into(), resource_types: "sco".into(), terms };
    let ours = [service.sign(&key).expect("a signature"), account.sign(&key).expect("a signature")];
    for sas in &ours {
        let url = format!("{BLOBS}/results?restype=container&comp=list&{}", sas.expose());
        let answer = bench.blob("GET", &url, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let signature = |sas: &str| sas.split("sig=").nth(1).map(|s| s.split('&').next().unwrap_or_default().to_owned());
    let theirs = service_sas(&bench, &path, json!({})).await;
    assert_eq!(signature(ours[0].expose()), signature(&theirs));
}

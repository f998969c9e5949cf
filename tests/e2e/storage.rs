//! Promise: what `up` hands out for blobs is taken by Azurite under the account's own name as far as it was asked for, and
//! no further; a key that was regenerated ends it, and the next `up` hands out another.

use mops_core::Secret;
use mops_tests::job::{FILE, Job, example};
use mops_tests::push::pipeline_by_name;
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use mops_wire::sas::{ServiceSas, Terms};
use mops_wire::{Http, Request};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

pub(crate) const ACCOUNT: &str = "modelopsdevstore";
pub(crate) const CONTAINER: &str = "https://modelopsdevstore.blob.core.windows.net/bundle-blobs";

/// What an answer of the service says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: String,
    server: String,
    text: String,
}

pub(crate) async fn ask(http: &Http, method: &str, url: &str, body: &str) -> Answer {
    let mut request = Request::new(method.parse().expect("a verb"), url.parse().expect("a url"))
        .header("x-ms-blob-type".parse().expect("a name"), "BlockBlob");
    request.body = body.to_owned().into();
    request.headers.remove("content-type");
    let response = http.send(request).await.expect("an answer");
    let header = |name: &str| response.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let (code, server) = (header("x-ms-error-code"), header("server"));
    Answer {
        status: response.status.as_u16(),
        code,
        server,
        text: String::from_utf8_lossy(&response.body).into_owned(),
    }
}

/// The signature that the last `up` handed out, as its user gets it.
pub(crate) async fn handed_out(job: &Job) -> String {
    let output = job.good(&["mops", "infra", "outputs", "storage", "--show-secrets", "--json"]).await;
    let line: Value = serde_json::from_slice(&output.stdout).expect("a line");
    let text = line["outputs"]["storage"].to_string();
    let sas = text.split("SharedAccessSignature=").nth(1).expect("a connection string");
    sas.split(['"', ';', '\\']).next().unwrap_or_default().to_owned()
}

/// Both keys of the account.
pub(crate) fn keys(job: &Job) -> [Secret<String>; 2] {
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    let keys = owners.into_iter().filter(|(id, _)| id.ends_with(ACCOUNT)).map(|(_, key)| Secret::new(key));
    keys.collect::<Vec<_>>().try_into().expect("two keys")
}

/// Where a signature lists the container.
pub(crate) fn list(sas: &str) -> String {
    format!("{CONTAINER}?restype=container&comp=list&{sas}")
}

/// A signature of the test's own that may write, by the account's second key.
fn writing(job: &Job) -> String {
    let [_, second] = keys(job);
    let expiry = Some(OffsetDateTime::now_utc() + Duration::hours(1));
    let sas = ServiceSas {
        account: ACCOUNT.into(),
        container: "bundle-blobs".into(),
        blob: None,
        policy: None,
        answer_headers: Default::default(),
        terms: Terms { permissions: "rw".into(), expiry, ..Terms::default() },
    };
    sas.sign(&second).expect("a signature").into_exposed()
}

#[tokio::test]
async fn a_signature_opens_what_it_was_asked_for_until_its_key_is_gone() {
    let test = "signatures at Azurite";
    let Some(job) = Job::in_private_world(&example("unified-infra/unified-infra.yaml")) else {
        return skipped("world", test);
    };
    if program("azurite", "azurite-blob").is_err() {
        return skipped("azurite", test);
    }
    let http = pipeline_by_name().expect("a pipeline");
    let up = ["mops", "infra", "up", FILE, "-c", "storage", "--yes"];
    job.good(&up).await;
    let sas = handed_out(&job).await;
    let blob = |sas: &str| format!("{CONTAINER}/models/first.txt?{sas}");

    let written = ask(&http, "PUT", &blob(&writing(&job)), "weights").await;
    assert_eq!(written.status, 201, "{written:?}");
    assert!(written.server.starts_with("Azurite-Blob/3.37.0"), "{written:?}");
    let listed = ask(&http, "GET", &list(&sas), "").await;
    assert!(listed.status == 200 && listed.text.contains("<Name>models/first.txt</Name>"), "{listed:?}");
    assert_eq!(ask(&http, "GET", &blob(&sas), "").await.text, "weights");
    for (what, answer) in [
        ("a write", ask(&http, "PUT", &blob(&sas), "other").await),
        ("a deletion", ask(&http, "DELETE", &blob(&sas), "").await),
    ] {
        assert_eq!((answer.status, answer.code.as_str()), (403, "AuthorizationPermissionMismatch"), "{what}");
    }
    let elsewhere = ask(&http, "GET", &list(&sas).replace("/bundle-blobs?", "/other?"), "").await;
    assert_eq!((elsewhere.status, elsewhere.code.as_str()), (403, "AuthorizationFailure"), "{elsewhere:?}");

    job.ask_to("/break/sas");
    let refused = ask(&http, "GET", &list(&sas), "").await;
    assert_eq!((refused.status, refused.code.as_str()), (403, "AuthorizationFailure"), "{refused:?}");
    job.good(&[&up[..], &["--refresh"]].concat()).await;
    let renewed = handed_out(&job).await;
    assert_ne!(renewed, sas);
    assert_eq!(ask(&http, "GET", &blob(&renewed), "").await.text, "weights");
    assert!(job.hosts("blob").iter().any(|host| *host == format!("{ACCOUNT}.blob.core.windows.net")));
    job.down_to_nothing().await;
}

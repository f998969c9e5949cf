//! Uploads: whole, in pieces, mounted, given up, and wrong in every way.

use mops_tests::image::{Image, MANIFEST};
use mops_tests::registry::content::digest;

use super::seat::{Seat, ask};

const PUSH: &str = "repository:team/worker:pull,push";
const ALL: &str = "repository:team/worker:pull,push,delete";
const NOWHERE: &str = "/v2/team/worker/blobs/uploads/00000000-0000-0000-0000-000000000000?_state=x";

/// Where an upload goes on: the address as the registry gave it.
async fn begin(seat: &mut Seat, path: &str) -> String {
    seat.see(ask("POST", path).with(PUSH)).await
}

/// An address with one more parameter.
fn and(address: &str, parameter: &str) -> String {
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}{parameter}")
}

/// One request of an upload.
struct Step<'a> {
    method: &'a str,
    at: &'a str,
    body: &'static str,
    range: Option<&'a str>,
}

async fn step(seat: &mut Seat, step: Step<'_>) -> String {
    let mut question = ask(step.method, step.at).with(if step.method == "DELETE" { ALL } else { PUSH });
    if !step.body.is_empty() {
        question = question.body("application/octet-stream", step.body);
    }
    if let Some(range) = step.range {
        question = question.header("content-range", range);
    }
    seat.see(question).await
}

/// Pushes an image, so that the rest has something to look at.
pub(crate) async fn push(seat: &mut Seat, image: &Image) {
    let repository = image.parts().0.to_owned();
    let scopes = format!("repository:{repository}:pull,push");
    seat.chapter(&format!("{} is pushed", image.name));
    for (digest, bytes) in &image.blobs {
        let begun = seat.see(ask("POST", format!("/v2/{repository}/blobs/uploads/")).with(&scopes)).await;
        let to = and(&begun, &format!("digest={digest}"));
        seat.see(ask("PUT", to).with(&scopes).body("application/octet-stream", bytes.clone())).await;
    }
    let path = format!("/v2/{repository}/manifests/{}", image.parts().1);
    seat.see(ask("PUT", path).with(&scopes).body(MANIFEST, image.manifest.clone())).await;
}

pub(crate) async fn run(seat: &mut Seat) {
    let uploads = "/v2/team/worker/blobs/uploads/";
    let whole = bytes::Bytes::from("hello world");
    let hello = seat.call("HELLO", &whole);

    seat.chapter("an upload in pieces");
    let at = begin(seat, uploads).await;
    step(seat, Step { method: "GET", at: &at, body: "", range: None }).await;
    let old = at;
    let at = step(seat, Step { method: "PATCH", at: &old, body: "hello ", range: Some("0-5") }).await;
    step(seat, Step { method: "GET", at: &at, body: "", range: None }).await;
    step(seat, Step { method: "PATCH", at: &old, body: "world", range: Some("6-10") }).await;
    let at = step(seat, Step { method: "PATCH", at: &at, body: "world", range: Some("6-10") }).await;
    let end = and(&at, &format!("digest={hello}"));
    step(seat, Step { method: "PUT", at: &end, body: "", range: None }).await;
    step(seat, Step { method: "PUT", at: &end, body: "", range: None }).await;
    seat.see(ask("GET", format!("/v2/team/worker/blobs/{hello}")).with(PUSH)).await;

    seat.chapter("an upload whose last piece comes with its end");
    let at = begin(seat, uploads).await;
    let at = step(seat, Step { method: "PATCH", at: &at, body: "hello ", range: None }).await;
    let end = and(&at, &format!("digest={hello}"));
    step(seat, Step { method: "PUT", at: &end, body: "world", range: None }).await;

    seat.chapter("pieces out of order");
    let at = begin(seat, uploads).await;
    step(seat, Step { method: "PATCH", at: &at, body: "world", range: Some("6-10") }).await;
    step(seat, Step { method: "PATCH", at: &at, body: "hello ", range: Some("x") }).await;

    seat.chapter("an upload in the name of another repository");
    let at = begin(seat, uploads).await.replace("team/worker", "team/other");
    seat.see(ask("PATCH", &at).with("repository:team/other:pull,push").body("application/octet-stream", "x")).await;

    seat.chapter("an upload in one request");
    let path = format!("{uploads}?digest={hello}");
    seat.see(ask("POST", &path).with(PUSH).body("application/octet-stream", whole.clone())).await;

    seat.chapter("digests that are wrong");
    for parameter in ["digest=sha256:12".to_owned(), "digest=".to_owned(), format!("digest={}", digest(b"other"))] {
        let at = begin(seat, uploads).await;
        step(seat, Step { method: "PUT", at: &and(&at, &parameter), body: "hello", range: None }).await;
    }

    seat.chapter("an upload that is given up, and one that never was");
    let at = begin(seat, uploads).await;
    step(seat, Step { method: "DELETE", at: &at, body: "", range: None }).await;
    step(seat, Step { method: "GET", at: &at, body: "", range: None }).await;
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        step(seat, Step { method, at: NOWHERE, body: "", range: None }).await;
    }

    seat.chapter("a blob of another repository is mounted");
    let both = "repository:team/worker:pull repository:team/copy:pull,push";
    for from in ["team/worker", "team/nobody"] {
        let digest = if from == "team/worker" { hello.clone() } else { digest(b"nobody has it") };
        let path = format!("/v2/team/copy/blobs/uploads/?mount={digest}&from={from}");
        seat.see(ask("POST", path).with(both)).await;
    }
    seat.see(ask("POST", format!("/v2/team/copy/blobs/uploads/?mount={hello}")).with(both)).await;
    seat.see(ask("POST", "/v2/team/copy/blobs/uploads/?mount=sha256:12&from=team/worker").with(both)).await;
    seat.see(ask("HEAD", format!("/v2/team/copy/blobs/{hello}")).with("repository:team/copy:pull")).await;
}

//! Manifests and blobs: read whole, in part, under a condition; written well and badly.

use mops_tests::image::{Image, MANIFEST};
use serde_json::json;

use super::seat::{Seat, ask};
use super::uploads::push;

const PULL: &str = "repository:team/worker:pull";
const PUSH: &str = "repository:team/worker:pull,push";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const NOT_THERE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

pub(crate) async fn run(seat: &mut Seat) {
    let image = Image::tiny("team/worker:1", "hello").expect("in memory");
    seat.call_image(&image, "A");
    push(seat, &image).await;
    manifests(seat, &image).await;
    written(seat, &image).await;
    blobs(seat, &image).await;
}

async fn manifests(seat: &mut Seat, image: &Image) {
    seat.chapter("a manifest by tag and by digest");
    for reference in ["1".to_owned(), image.digest(), "2".to_owned(), NOT_THERE.to_owned()] {
        for method in ["GET", "HEAD"] {
            let path = format!("/v2/team/worker/manifests/{reference}");
            seat.see(ask(method, path).with(PULL).header("accept", MANIFEST)).await;
        }
    }
    seat.see(ask("GET", "/v2/team/nobody/manifests/1").with("repository:team/nobody:pull").header("accept", MANIFEST))
        .await;

    seat.chapter("a manifest in a form that the client takes");
    let path = "/v2/team/worker/manifests/1";
    seat.see(ask("GET", path).with(PULL)).await;
    seat.see(ask("GET", path).with(PULL).header("accept", "*/*")).await;
    seat.see(ask("GET", path).with(PULL).header("accept", DOCKER)).await;
    seat.see(ask("GET", path).with(PULL).header("accept", format!("{DOCKER}, {MANIFEST};q=0.5"))).await;
    let known = format!("\"{}\"", image.digest());
    seat.see(ask("GET", path).with(PULL).header("accept", MANIFEST).header("if-none-match", known)).await;
}

async fn written(seat: &mut Seat, image: &Image) {
    seat.chapter("manifests that are refused");
    let lacking = json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": NOT_THERE, "size": 2}, "layers": []});
    let nothing_in_it = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": NOT_THERE, "size": 2, "platform": {"architecture": "amd64", "os": "linux"}}]});
    let manifest = String::from_utf8_lossy(&image.manifest).into_owned();
    let rows = [
        ("2", MANIFEST, "{".to_owned()),
        ("2", MANIFEST, String::new()),
        ("2", "text/plain", manifest.clone()),
        ("2", MANIFEST, lacking.to_string()),
        ("2", INDEX, nothing_in_it.to_string()),
        (NOT_THERE, MANIFEST, manifest.clone()),
        ("2", DOCKER, manifest),
    ];
    for (reference, media, body) in rows {
        let path = format!("/v2/team/worker/manifests/{reference}");
        seat.see(ask("PUT", path).with(PUSH).body(media, body)).await;
    }

    seat.chapter("an index, and a second tag");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": MANIFEST, "digest": image.digest(),
        "size": image.manifest.len(), "platform": {"architecture": "amd64", "os": "linux"}}]});
    let index = bytes::Bytes::from(index.to_string());
    seat.call("INDEX", &index);
    seat.see(ask("PUT", "/v2/team/worker/manifests/all").with(PUSH).body(INDEX, index)).await;
    seat.see(ask("GET", "/v2/team/worker/manifests/all").with(PULL).header("accept", INDEX)).await;
    seat.see(ask("GET", "/v2/team/worker/manifests/all").with(PULL).header("accept", MANIFEST)).await;
    let again = ask("PUT", "/v2/team/worker/manifests/again").with(PUSH).body(MANIFEST, image.manifest.clone());
    seat.see(again).await;

    seat.chapter("a manifest in docker's form");
    let docker = String::from_utf8_lossy(&image.manifest).replace(MANIFEST, DOCKER);
    let docker = bytes::Bytes::from(docker);
    let digest = seat.call("DOCKER", &docker);
    let path = "/v2/team/worker/manifests/docker";
    seat.see(ask("PUT", path).with(PUSH).body(DOCKER, docker)).await;
    // To a client that does not name it docker-registry gives a form of 2014, signed anew each time.
    seat.see(ask("GET", path).with(PULL).header("accept", DOCKER)).await;
    seat.see(ask("GET", path).with(PULL).header("accept", format!("{MANIFEST}, {DOCKER}"))).await;
    seat.see(ask("HEAD", format!("/v2/team/worker/manifests/{digest}")).with(PULL)).await;
    seat.see(ask("DELETE", format!("/v2/team/worker/manifests/{digest}")).with("repository:team/worker:delete")).await;
}

async fn blobs(seat: &mut Seat, image: &Image) {
    let config = image.blobs[0].0.clone();
    let path = format!("/v2/team/worker/blobs/{config}");
    seat.chapter("a blob, whole and in part");
    for method in ["GET", "HEAD"] {
        seat.see(ask(method, &path).with(PULL)).await;
    }
    // Several parts, and what is none, are each server's own way to give the whole.
    for range in ["bytes=0-9", "bytes=300-", "bytes=-5", "bytes=-99999", "bytes=0-99999", "bytes=99999-"] {
        seat.see(ask("GET", &path).with(PULL).header("range", range)).await;
    }
    seat.see(ask("HEAD", &path).with(PULL).header("range", "bytes=0-9")).await;
    seat.see(ask("GET", &path).with(PULL).header("if-none-match", format!("\"{config}\""))).await;
    seat.see(ask("GET", &path).with(PULL).header("if-none-match", "\"other\"")).await;

    seat.chapter("a blob that is not there");
    let elsewhere = format!("/v2/team/other/blobs/{config}");
    for method in ["GET", "HEAD"] {
        seat.see(ask(method, format!("/v2/team/worker/blobs/{NOT_THERE}")).with(PULL)).await;
        seat.see(ask(method, "/v2/team/worker/blobs/sha256:12").with(PULL)).await;
        seat.see(ask(method, &elsewhere).with("repository:team/other:pull")).await;
    }
}

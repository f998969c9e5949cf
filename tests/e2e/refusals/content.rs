//! Registries that answer, and whose content is not there, not whole, or on a host to which no way leads; and answers
//! whose words are in the body, where a kubelet does not look.

use mops_tests::http::{Call, Reply};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::real::hosted::GENERIC;
use mops_tests::tls::Leaf;
use serde_json::json;

use super::places::{Place, ours, place, port, tls_at};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The path on another host of the same server where layers would be.
const LAYERS: &str = "/layers";

pub(super) fn places() -> Vec<Place> {
    let blocked: &[&str] = &["BLOB_HOST_BLOCKED"];
    let page: &[&str] = &["HTML_INSTEAD_OF_JSON", "REGISTRY_URL_WRONG"];
    let content: &[&str] = &["DIGEST_MISMATCH"];
    let mut all = vec![
        with_layers("layers-no-name", blocked, |_| Some("https://layers.nowhere.example/x".to_owned())),
        with_layers("layers-closed", blocked, |_| Some(format!("https://layers.{GENERIC}:444/x"))),
        with_layers("layers-denied", blocked, |port| Some(format!("https://layers.{GENERIC}:{port}{LAYERS}"))),
        with_layers("layers-short", content, |_| None),
        answering("never-pulled", &["IMAGE_NEVER_PULL"], "", whole),
        answering("no-platform", &["PLATFORM_MISSING"], "", other_platform),
        answering("other-digest", content, "", |call| {
            let reply = manifest(call, MANIFEST, &Image::tiny("a:1", "a").expect("an image").manifest);
            reply.header("docker-content-digest", format!("sha256:{}", "1".repeat(64)))
        }),
        answering("page", page, "", |_| Reply::body(200, "text/html", "<html>Sign in to the network</html>")),
        answering("page-refusal", page, "", |_| Reply::body(401, "text/html", "<html>Sign in to the network</html>")),
        // What cannot be parsed has no cause of its own, and is shown as it is.
        answering("half-manifest", &["UNCLASSIFIED"], "", |call| {
            let whole = Image::tiny("a:1", "a").expect("an image").manifest;
            manifest(call, MANIFEST, &whole[..whole.len() / 2])
        }),
    ];
    let in_words = [
        ("no-money", 402, "a subscription is required for this image"),
        ("not-allowed", 403, "the licence of this image is not accepted"),
        ("not-here", 451, "not available in your country"),
    ];
    all.extend(in_words.map(|(name, status, words)| {
        answering(name, &["REGISTRY_REFUSED"], words, move |call| {
            let body = json!({"errors": [{"code": "DENIED", "message": words}]});
            if call.path.contains("/manifests/") { Reply::json(status, &body) } else { Reply::json(200, &json!({})) }
        })
    }));
    all
}

/// A registry that gives an image to everybody.
fn whole(call: &Call) -> Reply {
    let image = Image::tiny("whole:1", "whole").expect("an image");
    match image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest)) {
        Some((_, bytes)) => Reply::body(200, "application/octet-stream", bytes.clone()),
        None => manifest(call, MANIFEST, &image.manifest),
    }
}

fn answering(
    name: &'static str,
    wanted: &'static [&'static str],
    words: &'static str,
    answer: impl Fn(&Call) -> Reply + Send + Sync + 'static,
) -> Place {
    Place { words, ..place(name, wanted, tls_at(port(), &ours(Leaf::Good), answer)) }
}

/// A registry that sends clients there for its layers, with the port of this server; without an address it gives
/// half of each.
fn with_layers(name: &'static str, wanted: &'static [&'static str], to: fn(u16) -> Option<String>) -> Place {
    let listener = port();
    let to = to(listener.local_addr().expect("an address").port());
    let image = Image::tiny(&format!("{name}:1"), name).expect("an image");
    let answer = move |call: &Call| {
        if call.path.starts_with(LAYERS) {
            return Reply::body(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>");
        }
        if !call.path.contains("/blobs/") {
            return manifest(call, MANIFEST, &image.manifest);
        }
        if let Some(to) = &to {
            return Reply::empty(307).header("location", to);
        }
        let blob = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest));
        let half = blob.map(|(_, bytes)| bytes.slice(..bytes.len() / 2)).unwrap_or_default();
        Reply::body(200, "application/octet-stream", half)
    };
    place(name, wanted, tls_at(listener, &ours(Leaf::Good), answer))
}

fn manifest(call: &Call, kind: &str, bytes: &[u8]) -> Reply {
    if call.path.contains("/manifests/") {
        return Reply::body(200, kind, bytes.to_vec());
    }
    if call.path.contains("/blobs/") { Reply::empty(404) } else { Reply::json(200, &json!({})) }
}

/// An image for machines that no node is, in an index that has no other.
fn other_platform(call: &Call) -> Reply {
    let image = Image::tiny("other:1", "other").expect("an image");
    if call.path.ends_with(&image.digest()) {
        return manifest(call, MANIFEST, &image.manifest);
    }
    if let Some((_, bytes)) = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest)) {
        return Reply::body(200, "application/octet-stream", bytes.clone());
    }
    let entry = json!({
        "mediaType": MANIFEST, "digest": image.digest(), "size": image.manifest.len(),
        "platform": {"os": "linux", "architecture": "s390x"},
    });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
    manifest(call, INDEX, index.to_string().as_bytes())
}

//! Logins that are good, and may not pull the one image: a token that is given without the repository, and a registry
//! with Basic that knows who may read what. Another login of the machine that asks may tell that from a wrong name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_tests::http::{Call, Reply};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::real::hosted::{BOT, GENERIC, GHCR, LIMITED_BOT, limited_password};
use mops_tests::tls::{Leaf, Server};
use serde_json::json;

use super::case::Case;
use super::places::{ours, port, tls_at};
use super::secrets::{DOCKER_CONFIG, config_of, secret};
use crate::existing::password;

/// A registry with Basic and rights. No free one has them without tokens, so this one is made here.
pub(super) struct Scopes {
    basic: Server,
}

impl Scopes {
    /// Opens it; it closes with the value.
    pub(super) fn open() -> Self {
        let image = Image::tiny("worker:1", "scopes").expect("an image");
        let whole = password();
        let limited = limited_password(&whole);
        let logins = [(BOT, whole), (LIMITED_BOT, limited)]
            .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        Self { basic: tls_at(port(), &ours(Leaf::Good), move |call| answer(call, &image, &logins)) }
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let basic = format!("rights.{GENERIC}:{}", self.basic.address().port());
        [("basic", basic.as_str()), ("bearer", GHCR)].into_iter().flat_map(|(way, host)| at(way, host)).collect()
    }
}

/// Without another login there is nothing to compare with; with one the right is what lacks.
fn at(way: &str, host: &str) -> [Case; 2] {
    let limited = config_of(LIMITED_BOT, &[host], &limited_password(&password()));
    let case = |name: &str, wanted: &[&'static str]| {
        let image = format!("{host}/example-org/worker:1");
        Case::new(format!("{way}-{name}"), image, wanted).with(secret(DOCKER_CONFIG, &limited))
    };
    let here = config_of(BOT, &[host], &password()).to_string();
    [case("scope-alone", &["REGISTRY_REFUSED"]), Case { here, ..case("small-scope", &["ARTIFACT_PERMISSION"]) }]
}

fn answer(call: &Call, image: &Image, [whole, limited]: &[String; 2]) -> Reply {
    let login = call.header("authorization").unwrap_or_default();
    if login != whole && login != limited {
        return Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}))
            .header("www-authenticate", "Basic realm=\"rights\"");
    }
    if call.path == "/v2/" {
        return Reply::json(200, &json!({}));
    }
    if login == limited {
        let message = "requested access to the resource is denied";
        return Reply::json(403, &json!({"errors": [{"code": "DENIED", "message": message}]}));
    }
    if call.path.contains("/manifests/") {
        return Reply::body(200, MANIFEST, image.manifest.clone());
    }
    let blob = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest));
    blob.map_or_else(|| Reply::empty(404), |(_, bytes)| Reply::body(200, "application/octet-stream", bytes.clone()))
}

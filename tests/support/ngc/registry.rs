//! The registry: a token for a repository at `proxy_auth`, then manifests and layers with it. A login alone is never
//! taken at `/v2/`, and nobody's repository is refused like one that exists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_wire::registry::Digest;
use serde_json::json;

use super::shelf::Shelf;
use super::{Hostile, Ngc, REGISTRY, refusal, told};
use crate::http::{Call, Reply};
use crate::route::{Params, Route};
use crate::world::unique;

const USER: &str = "$oauthtoken";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &[u8] = b"a layer";

pub(super) fn routes() -> Vec<Route<Ngc>> {
    let challenge = told("challenge and page as google/go-containerregistry#728 shows them; Basic is never taken");
    let manifest = told(
        "scope inside the realm as in kubernetes-sigs/kind#1692, one stranger's realm for an old token \
                         as in NVIDIA/nvidia-container-toolkit#1945",
    );
    vec![
        Route::new("GET", "/v2/", challenge, |ngc, _, _| challenge_for(ngc, None)),
        Route::new(
            "GET",
            "/proxy_auth",
            told(
                "a token or 401 for nobody, 403 DENIED for a key, as NVlabs/alpasim#44 and \
                  NVIDIA/workbench-llamafactory#2 quote them; 402, 451 and the sentence about a licence from here too",
            ),
            token,
        ),
        Route::new("HEAD", "/v2/{name*}/manifests/{reference}", manifest, content),
        Route::new("GET", "/v2/{name*}/manifests/{reference}", manifest, content),
        Route::new(
            "GET",
            "/v2/{name*}/blobs/{digest}",
            told("a layer from the registry itself, as OCI distribution"),
            content,
        ),
    ]
}

/// The 401 of a proxy in front, with a page for a body.
fn challenge_for(ngc: &Ngc, repository: Option<&str>) -> Reply {
    let host = if ngc.state().hostile == Some(Hostile::ForeignRealm) { "evil.example" } else { REGISTRY };
    let scope = repository.map(|name| format!("?scope=repository:{name}:pull")).unwrap_or_default();
    page().header("www-authenticate", format!("Bearer realm=\"https://{host}/proxy_auth{scope}\""))
}

fn page() -> Reply {
    Reply::body(401, "text/html", "<html><head><title>401 Authorization Required</title></head></html>")
}

fn error(status: u16, code: &str, words: &str) -> Reply {
    Reply::json(status, &json!({"errors": [{"code": code, "message": words}]}))
}

fn basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

fn token(ngc: &Ngc, call: &Call, _: &Params) -> Reply {
    let mut state = ngc.state();
    let login = basic(call);
    let key = login.as_ref().filter(|(user, _)| user == USER).and_then(|(_, secret)| state.key(secret)).cloned();
    if key.is_none() && (call.header("authorization").is_some() || call.query("scope").is_none()) {
        return error(401, "UNAUTHORIZED", "authentication required");
    }
    let scope = call.query("scope").unwrap_or_default();
    let repository = scope.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull")).unwrap_or_default();
    if !scope.is_empty() {
        let served = key.as_ref().is_none_or(|key| key.registry);
        let against = refusal(state.images.get(repository).filter(|_| served), key.as_ref());
        match against {
            // Who is nobody is asked to sign in, whatever there is.
            Some(_) if key.is_none() => return error(401, "UNAUTHORIZED", "authentication required"),
            Some((status, words)) => return error(status, "DENIED", words),
            None => {}
        }
    }
    let token = unique();
    state.tokens.insert(token.clone(), repository.to_owned());
    Reply::json(200, &json!({"token": token}))
}

fn content(ngc: &Ngc, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    let Some(token) = call.bearer() else { return challenge_for(ngc, Some(name)) };
    let opens = ngc.state().tokens.get(token).cloned();
    match opens {
        None => {
            return page().header(
                "www-authenticate",
                "Bearer realm=\"https://authn.nvidia.com/token\",service=\"registry\",error=\"invalid_token\"",
            );
        }
        Some(opened) if opened != name => return error(403, "DENIED", "Access Denied"),
        Some(_) => {}
    }
    if let Some(shelf) = ngc.state().shelves.get(name) {
        return on_shelf(shelf, params);
    }
    if !params.get("digest").is_empty() {
        return Reply::body(200, "application/octet-stream", LAYER);
    }
    let layer = Digest::of(LAYER);
    let manifest = json!({"layers": [{"digest": layer.as_str(), "size": LAYER.len()}]}).to_string();
    let digest = Digest::of(manifest.as_bytes());
    Reply::body(200, MANIFEST, manifest).header("docker-content-digest", digest.as_str())
}

fn on_shelf(shelf: &Shelf, params: &Params) -> Reply {
    let (digest, reference) = (params.get("digest"), params.get("reference"));
    let found = match digest.is_empty() {
        true => shelf.manifest(reference).map(|(digest, bytes)| (digest, MANIFEST, bytes)),
        false => shelf.blob(digest).map(|bytes| (digest, "application/octet-stream", bytes)),
    };
    match found {
        Some((digest, media, bytes)) => Reply::body(200, media, bytes).header("docker-content-digest", digest),
        None => error(404, "NOT_FOUND", "not found"),
    }
}

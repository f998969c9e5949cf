//! Refused on the way: by a name, a port, a certificate, or by a server that answers as no registry should.

use std::net::TcpListener;
use std::path::Path;

use mops_host::Env;
use mops_tests::http::{Call, Handler, Reply, handler};
use mops_tests::image::MANIFEST;
use mops_tests::private::address::REGISTRY;
use mops_tests::private::names::REFUSED;
use mops_tests::private::{WORLD, leaves};
use mops_tests::real::hosted::{GENERIC, GHCR};
use mops_tests::tls::{Authority, Identity, Leaf, Server, bind_at, serve_clear, serve_tls};
use serde_json::{Value, json};

use super::case::Case;
use super::content;

/// How a server of a test refuses.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) wanted: &'static [&'static str],
    /// Its own words, which a finding repeats.
    pub(super) words: &'static str,
    pub(super) server: Server,
}

/// Servers at the address of all registries, each on a port of its own, and what is not a server at all.
pub(super) struct Places {
    all: Vec<Place>,
}

impl Places {
    /// Opens them; they close with the value.
    pub(super) fn open() -> Self {
        let foreign = Authority::new().leaf(Leaf::Good, &[&format!("*.{GENERIC}")]);
        let all = vec![
            place("untrusted", &["TLS_UNTRUSTED"], tls(&foreign, |_| Reply::empty(200))),
            place("expired", &["TLS_EXPIRED"], tls(&ours(Leaf::Expired), |_| Reply::empty(200))),
            place("certificate-name", &["TLS_NAME"], tls(&ours(Leaf::OtherName), |_| Reply::empty(200))),
            place(
                "plain-http",
                &["REGISTRY_PLAIN_HTTP"],
                serve_clear(handler(|_| Reply::empty(200)), port()).expect("a server"),
            ),
            place("rate-limit", &["RATE_LIMITED"], tls(&ours(Leaf::Good), limited)),
            place("unavailable", &["REGISTRY_UNAVAILABLE"], tls(&ours(Leaf::Good), |_| Reply::empty(503))),
            place("out-of-order", &["REGISTRY_UNAVAILABLE"], tls(&ours(Leaf::Good), |_| Reply::empty(500))),
            place(
                "other-sign-in",
                &["CHALLENGE_UNUSABLE"],
                tls(&ours(Leaf::Good), |_| Reply::empty(401).header("www-authenticate", "Negotiate")),
            ),
            place("no-challenge", &["NO_CHALLENGE"], tls(&ours(Leaf::Good), |_| Reply::empty(401))),
            place("blob-missing", &["BLOB_MISSING"], tls(&ours(Leaf::Good), without_blobs)),
        ];
        Self { all: all.into_iter().chain(content::places()).collect() }
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let served = self.all.iter().map(|place| {
            let port = place.server.address().port();
            let image = format!("{}.{GENERIC}:{port}/example-org/worker:1", place.name);
            let policy = if place.wanted == ["IMAGE_NEVER_PULL"] { "Never" } else { "Always" };
            Case { words: place.words, policy, ..Case::new(format!("way-{}", place.name), image, place.wanted) }
        });
        let alone = |name: &str, host: &str, wanted| {
            Case::new(format!("way-{name}"), format!("{host}/example-org/worker:1"), wanted)
        };
        served
            .chain([
                alone("unknown-name", "registry.nowhere.example", &["DNS_NXDOMAIN"]),
                alone("refused-name", &format!("registry.{REFUSED}"), &["DNS_FAILURE"]),
                alone("closed-port", &format!("{GHCR}:444"), &["SERVICE_UNREACHABLE"]),
            ])
            .collect()
    }
}

pub(super) fn place(name: &'static str, wanted: &'static [&'static str], server: Server) -> Place {
    Place { name, wanted, words: "", server }
}

pub(super) fn port() -> TcpListener {
    bind_at((REGISTRY, 0).into()).expect("a port")
}

pub(super) fn ours(kind: Leaf) -> Identity {
    let world = Env::process().get(WORLD).expect("a world").to_owned();
    leaves::read(Path::new(&world), kind).expect("leaves").expect("a leaf of this kind")
}

fn tls(identity: &Identity, answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Server {
    tls_at(port(), identity, answer)
}

/// A server at a port that was opened before.
pub(super) fn tls_at(
    port: TcpListener,
    identity: &Identity,
    answer: impl Fn(&Call) -> Reply + Send + Sync + 'static,
) -> Server {
    let handler: Handler = handler(answer);
    serve_tls(handler, port, identity.server_config()).expect("a server")
}

fn limited(_: &Call) -> Reply {
    let body = json!({"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]});
    Reply::json(429, &body).header("retry-after", "1")
}

/// A registry for everybody whose manifest names what it does not have.
fn without_blobs(call: &Call) -> Reply {
    let digest = |n: u8| format!("sha256:{}", n.to_string().repeat(64));
    let manifest: Value = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(1), "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(2), "size": 2}],
    });
    if call.path.contains("/manifests/") {
        return Reply::body(200, MANIFEST, manifest.to_string());
    }
    if call.path.contains("/blobs/") { Reply::empty(404) } else { Reply::json(200, &json!({})) }
}

//! R14: hostile registries. Whatever a registry says, a login, a directory token and what they were
//! changed into reach the registry itself or a realm that was paired with it, and nobody else.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::{Class, Secret};
use mops_tests::http::Reply;
use mops_wire::registry::{Auth, Client, Digest, Login, Pair, RealmPolicy, Reference};

use crate::web::{Ports, Seen, Web};

const PASSWORD: &str = "canary-password-5f1c";
const TOKEN: &str = "canary-token-9d2e";
const BLOB: &[u8] = b"a layer";

/// What a registry does that it should not, or should.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// This realm.
    Realm(&'static str),
    /// These `WWW-Authenticate` headers.
    Challenges(&'static [&'static str]),
    /// The realm redirects its token request.
    Token(u16, &'static str),
    /// The realm answers with this.
    TokenBody(&'static str),
    /// Blobs are elsewhere.
    Blob(u16, &'static str),
    /// Blobs are elsewhere, and there somebody asks for a login.
    BlobThen(&'static str, &'static str),
    /// Manifests are elsewhere, and there somebody asks for a login.
    ManifestThen(&'static str, &'static str),
    /// Uploads go elsewhere.
    Upload(&'static str),
    /// The base is elsewhere.
    Base(&'static str),
    /// Nothing odd.
    Nothing,
}

/// Everything that a hostile registry has been seen to do, or could.
const HOSTILE: &[(&str, Act)] = &[
    ("another host", Act::Realm("https://evil.example/token")),
    ("a suffix", Act::Realm("https://reg.example.evil.example/token")),
    ("a prefix", Act::Realm("https://evilreg.example/token")),
    ("a child", Act::Realm("https://a.reg.example/token")),
    ("the parent", Act::Realm("https://example/token")),
    ("another port", Act::Realm("https://reg.example:{second}/token")),
    ("http on a port", Act::Realm("http://reg.example:{plain}/token")),
    ("http", Act::Realm("http://reg.example/token")),
    ("http to loopback", Act::Realm("http://127.0.0.1:{plain}/token")),
    ("user info", Act::Realm("https://reg.example@evil.example/token")),
    ("user info with port", Act::Realm("https://reg.example:443@evil.example/token")),
    ("user info at home", Act::Realm("https://x@reg.example/token")),
    ("fragment before host", Act::Realm("https://evil.example#@reg.example/token")),
    ("fragment at home", Act::Realm("https://reg.example/token#x")),
    ("query before host", Act::Realm("https://evil.example?@reg.example/token")),
    ("backslash", Act::Realm("https://evil.example\\\\@reg.example/token")),
    ("backslashes for slashes", Act::Realm("https:\\\\\\\\evil.example/token")),
    ("loopback address", Act::Realm("https://127.0.0.1:{second}/token")),
    ("decimal address", Act::Realm("https://2130706433:{second}/token")),
    ("hexadecimal address", Act::Realm("https://0x7f000001:{second}/token")),
    ("octal address", Act::Realm("https://0177.0.0.1:{second}/token")),
    ("short address", Act::Realm("https://127.1:{second}/token")),
    ("IPv6 address", Act::Realm("https://[::1]:{second}/token")),
    ("mapped address", Act::Realm("https://[::ffff:127.0.0.1]:{second}/token")),
    ("metadata address", Act::Realm("https://169.254.169.254/metadata/identity")),
    ("metadata name", Act::Realm("https://metadata.google.internal/token")),
    ("localhost", Act::Realm("https://localhost:{second}/token")),
    ("trailing dot", Act::Realm("https://reg.example./token")),
    ("encoded host", Act::Realm("https://reg%2Eexample:{second}/token")),
    ("tab in the host", Act::Realm("https://ev\til.example/token")),
    ("space in front", Act::Realm(" https://evil.example/token")),
    ("relative", Act::Realm("/token")),
    ("without scheme", Act::Realm("//evil.example/token")),
    ("empty", Act::Realm("")),
    ("one slash", Act::Realm("https:evil.example/token")),
    ("three slashes", Act::Realm("https:///evil.example/token")),
    ("ftp", Act::Realm("ftp://reg.example/token")),
    ("file", Act::Realm("file:///etc/passwd")),
    ("Docker Hub's realm, named by a stranger", Act::Realm("https://auth.docker.io/token")),
    ("somebody else's pair", Act::Realm("https://auth.example/token")),
    (
        "two realms",
        Act::Challenges(&["Bearer realm=\"https://reg.example/token\", Bearer realm=\"https://evil.example/token\""]),
    ),
    (
        "two headers",
        Act::Challenges(&["Bearer realm=\"https://evil.example/token\"", "Bearer realm=\"https://reg.example/token\""]),
    ),
    (
        "realm twice",
        Act::Challenges(&["Bearer realm=\"https://reg.example/token\",realm=\"https://evil.example/token\""]),
    ),
    ("realm without quotes", Act::Challenges(&["Bearer realm=https://evil.example/token"])),
    ("open quotes", Act::Challenges(&["Bearer realm=\"https://evil.example/token"])),
    ("no realm", Act::Challenges(&["Bearer service=\"reg.example\""])),
    ("unknown scheme", Act::Challenges(&["Digest realm=\"x\", nonce=\"y\""])),
    ("no challenge", Act::Challenges(&[])),
    ("token request moved", Act::Token(302, "https://evil.example/token")),
    ("token request moved with method", Act::Token(307, "https://evil.example/token")),
    ("token request moved to a port", Act::Token(308, "https://reg.example:{second}/token")),
    ("token request moved to http", Act::Token(302, "http://reg.example:{plain}/token")),
    ("token request moved at home", Act::Token(302, "https://reg.example/token2")),
    ("token with a line break", Act::TokenBody("{\"token\":\"a\\r\\nx: y\"}")),
    ("token that is a number", Act::TokenBody("{\"token\":1}")),
    ("no token", Act::TokenBody("{}")),
    ("a page for a token", Act::TokenBody("<html>sign in</html>")),
    ("base moved", Act::Base("https://evil.example/v2/")),
];

/// Moves that are followed, but never with the login.
const MOVES: &[(&str, Act)] = &[
    ("blob at a stranger", Act::Blob(307, "https://evil.example/blob")),
    ("blob at a stranger, permanently", Act::Blob(301, "https://evil.example/blob")),
    ("blob at another port", Act::Blob(302, "https://reg.example:{second}/blob")),
    ("blob over http", Act::Blob(302, "http://reg.example:{plain}/blob")),
    ("blob over http at loopback", Act::Blob(302, "http://127.0.0.1:{plain}/blob")),
    ("blob with user info", Act::Blob(302, "https://reg.example@evil.example/blob")),
    ("blob away and back", Act::Blob(302, "https://evil.example/back")),
    ("blob in a circle", Act::Blob(302, "https://reg.example/v2/team/image/blobs/loop")),
    ("blob in a circle of two", Act::Blob(302, "https://evil.example/circle")),
    ("login at the blob: Basic", Act::BlobThen("https://evil.example/locked", "Basic realm=\"x\"")),
    (
        "login at the blob: own realm",
        Act::BlobThen("https://evil.example/locked", "Bearer realm=\"https://evil.example/token\""),
    ),
    (
        "login at the blob: our realm",
        Act::BlobThen("https://evil.example/locked", "Bearer realm=\"https://reg.example/token\""),
    ),
    ("login at the blob's port", Act::BlobThen("https://reg.example:{second}/locked", "Basic realm=\"x\"")),
    ("login at the manifest", Act::ManifestThen("https://evil.example/locked", "Basic realm=\"x\"")),
    ("upload to a stranger", Act::Upload("https://evil.example/upload")),
    ("upload to another port", Act::Upload("https://reg.example:{second}/upload")),
    ("upload over http", Act::Upload("http://reg.example:{plain}/upload")),
    ("upload with user info", Act::Upload("https://reg.example@evil.example/upload")),
    ("upload to nowhere", Act::Upload("https://")),
];

fn registry(act: Act) -> impl Fn(&Seen, Ports) -> Reply + Send + Sync + Clone + 'static {
    move |seen, ports| {
        let home = seen.port == ports.first && is_registry(&seen.call.host);
        match seen.call.path.as_str() {
            "/token" | "/token2" => token(act, ports, seen.call.path == "/token2"),
            "/blob" => Reply::body(200, "application/octet-stream", BLOB),
            "/back" => Reply::empty(302).header("location", "https://reg.example/blob"),
            "/circle" => Reply::empty(302)
                .header("location", format!("https://reg.example/v2/team/image/blobs/{}", Digest::of(BLOB))),
            "/locked" => locked(act),
            "/upload" => Reply::empty(201),
            path if home && path.starts_with("/v2/") => data(act, ports, seen),
            _ => Reply::empty(404),
        }
    }
}

fn is_registry(host: &str) -> bool {
    matches!(host, "reg.example" | "registry-1.docker.io" | "registry.gitlab.com")
}

fn token(act: Act, ports: Ports, again: bool) -> Reply {
    match act {
        Act::Token(status, to) if !again => Reply::empty(status).header("location", ports.fill(to)),
        Act::TokenBody(body) => Reply::body(200, "application/json", body),
        _ => Reply::json(200, &serde_json::json!({"token": TOKEN, "expires_in": 300})),
    }
}

fn locked(act: Act) -> Reply {
    match act {
        Act::BlobThen(_, challenge) | Act::ManifestThen(_, challenge) => {
            Reply::empty(401).header("www-authenticate", challenge)
        }
        _ => Reply::empty(404),
    }
}

/// The registry's own routes, behind its login.
fn data(act: Act, ports: Ports, seen: &Seen) -> Reply {
    let path = seen.call.path.as_str();
    if let (Act::Base(to), "/v2/") = (act, path) {
        return Reply::empty(302).header("location", ports.fill(to));
    }
    let moved = |status, to: &str| Reply::empty(status).header("location", ports.fill(to));
    let good = seen.call.bearer() == Some(TOKEN) || seen.call.header("authorization") == Some(basic().as_str());
    match (act, path) {
        _ if !good => unauthorized(act, ports, &seen.call.host),
        (Act::Blob(_, to), "/v2/team/image/blobs/loop") => moved(302, to),
        (Act::Blob(status, to), path) if path.contains("/blobs/sha256") => moved(status, to),
        (Act::BlobThen(to, _), path) if path.contains("/blobs/sha256") => moved(307, to),
        (Act::ManifestThen(to, _), path) if path.contains("/manifests/") => moved(307, to),
        (Act::Upload(to), path) if path.ends_with("/uploads/") => moved(202, to),
        (_, path) if path.ends_with("/uploads/") => moved(202, "/upload"),
        (_, path) if path.contains("/blobs/sha256") => Reply::body(200, "application/octet-stream", BLOB),
        (_, path) if path.contains("/manifests/") => Reply::body(200, "application/json", "{}"),
        _ => Reply::json(200, &serde_json::json!({})),
    }
}

fn unauthorized(act: Act, ports: Ports, host: &str) -> Reply {
    let refused = Reply::json(401, &serde_json::json!({"errors": [{"code": "UNAUTHORIZED"}]}));
    match act {
        Act::Challenges(all) => all.iter().fold(refused, |reply, one| reply.header("www-authenticate", *one)),
        Act::Realm(realm) => {
            refused.header("www-authenticate", format!("Bearer realm=\"{}\",service=\"{host}\"", ports.fill(realm)))
        }
        _ => refused.header("www-authenticate", format!("Bearer realm=\"https://{host}/token\",service=\"{host}\"")),
    }
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("user:{PASSWORD}")))
}

fn client(web: &Web, registry: &str) -> Client {
    let auth = Auth::Basic { username: "user".into(), password: Secret::from(PASSWORD) };
    let pair = Pair::new("other.example", "auth.example");
    let client = Client::new(web.http(), registry, auth).unwrap().with_realms(RealmPolicy::with(pair));
    client.with_limits(std::time::Duration::from_secs(20), 2)
}

/// Does everything that a client does, and tells how the sign-in ended.
async fn everything(client: &Client) -> Result<Login, mops_wire::registry::RegistryError> {
    let image: Reference = "reg.example/team/image:1".parse().unwrap();
    let signed = client.ping().await;
    let _ = client.head_manifest(&image).await;
    let _ = client.manifest(&image).await;
    let _ = client.tags(&image, 10).await;
    let _ = client.blob(&image, &Digest::of(BLOB), 1000).await;
    let _ = client.push_blob(&image, BLOB.into()).await;
    let _ = client.push_manifest(&image, "application/json", "{}".into()).await;
    let anonymous = client.clone().sign_in_with_directory_token("tenant", &Secret::from(PASSWORD)).await;
    drop(anonymous);
    signed
}

/// Where a secret arrived that has no business there.
fn leaks(web: &Web, allowed: &[&str]) -> Vec<String> {
    let encoded = STANDARD.encode(format!("user:{PASSWORD}"));
    let secret = |text: &str| [PASSWORD, TOKEN, encoded.as_str()].iter().any(|s| text.contains(s));
    let strange = |seen: &&Seen| seen.port != web.ports.first || !allowed.contains(&seen.call.host.as_str());
    let mut found: Vec<_> =
        web.seen().iter().filter(strange).filter(|seen| secret(&seen.text())).map(|s| s.call.host.clone()).collect();
    if secret(&web.plain()) {
        found.push("http".into());
    }
    found
}

#[tokio::test]
async fn hostile_registries_get_nothing_sent_elsewhere() {
    for (name, act) in HOSTILE {
        let web = Web::start(registry(*act));
        let signed = everything(&client(&web, "reg.example")).await;
        assert_eq!(leaks(&web, &["reg.example"]), [""; 0], "{name}");
        assert!(web.plain().is_empty(), "{name}: something was said without TLS");
        let error = signed.expect_err(name);
        assert!(matches!(error.class(), Class::Auth | Class::User | Class::Transient), "{name}: {error}");
        assert!(!format!("{error:?} {error}").contains("canary"), "{name}: {error:?}");
    }
    println!("R14 hostile={} leaked=0", HOSTILE.len());
    assert!(HOSTILE.len() + MOVES.len() >= 40);
}

#[tokio::test]
async fn moves_are_followed_without_the_login() {
    for (name, act) in MOVES {
        let web = Web::start(registry(*act));
        assert_eq!(everything(&client(&web, "reg.example")).await.unwrap(), Login::Bearer, "{name}");
        assert_eq!(leaks(&web, &["reg.example"]), [""; 0], "{name}");
        assert!(web.plain().is_empty(), "{name}: something was said without TLS");
        assert!(web.seen().len() < 60, "{name}: {} requests", web.seen().len());
    }
    println!("R14 moves={} leaked=0", MOVES.len());
}

#[tokio::test]
async fn a_blob_elsewhere_arrives_and_a_wrong_one_is_refused() {
    let image: Reference = "reg.example/team/image:1".parse().unwrap();
    let web = Web::start(registry(Act::Blob(307, "https://evil.example/blob")));
    let client = client(&web, "reg.example");
    assert_eq!(client.blob(&image, &Digest::of(BLOB), 1000).await.unwrap(), BLOB);
    let other = client.blob(&image, &Digest::of(b"another"), 1000).await.unwrap_err();
    assert!(other.to_string().contains("digest"), "{other}");
}

#[tokio::test]
async fn an_upload_elsewhere_succeeds_without_the_login() {
    let image: Reference = "reg.example/team/image:1".parse().unwrap();
    let web = Web::start(registry(Act::Upload("https://store.example/upload?state=1")));
    let digest = client(&web, "reg.example").push_blob(&image, BLOB.into()).await.unwrap();
    let put = web.seen().into_iter().rfind(|seen| seen.call.host == "store.example").unwrap();
    assert_eq!(put.call.query("digest"), Some(digest.as_str()));
    assert_eq!((put.call.header("authorization"), put.call.query("state")), (None, Some("1")));
}

#[tokio::test]
async fn legitimate_realms_work() {
    let rows = [
        ("reg.example", "https://reg.example/token", "reg.example"),
        ("reg.example", "https://reg.example:443/token?scope=repository:team/image:pull", "reg.example"),
        ("docker.io", "https://auth.docker.io/token", "auth.docker.io"),
        ("registry.gitlab.com", "https://gitlab.com/token", "gitlab.com"),
        ("reg.example", "https://paired.example/token", "paired.example"),
    ];
    for (host, realm, asked) in rows {
        let web = Web::start(registry(Act::Realm(realm)));
        let pair = Pair::new("reg.example", "paired.example");
        let client = client(&web, host).with_realms(RealmPolicy::with(pair));
        assert_eq!(client.ping().await.unwrap(), Login::Bearer, "{host} {realm}");
        let given = web.seen().into_iter().find(|seen| seen.call.path == "/token").unwrap();
        assert_eq!(given.call.host, asked);
        assert_eq!(given.call.header("authorization"), Some(basic().as_str()), "the detector sees what is sent");
        assert!(given.call.raw_query.matches("scope=").count() <= 1, "{}", given.call.raw_query);
    }
    println!("R14 legitimate={} refused=0", rows.len());
}

#[tokio::test]
async fn tokens_are_asked_for_once_and_again_when_they_have_run_out() {
    let web = Web::start(registry(Act::Nothing));
    let client = client(&web, "reg.example");
    let image: Reference = "reg.example/team/image:1".parse().unwrap();
    let tokens = || web.seen().iter().filter(|seen| seen.call.path == "/token").count();
    client.manifest(&image).await.unwrap();
    client.manifest(&image).await.unwrap();
    assert_eq!(tokens(), 1);
    web.clock.advance(std::time::Duration::from_secs(295));
    client.manifest(&image).await.unwrap();
    assert_eq!(tokens(), 2);
}

#[tokio::test]
async fn basic_is_answered_at_home_only() {
    let web = Web::start(registry(Act::Challenges(&["Basic realm=\"x\""])));
    assert_eq!(client(&web, "reg.example").ping().await.unwrap(), Login::Basic);
    assert_eq!(leaks(&web, &["reg.example"]), [""; 0]);
}

//! A client of commands in containers: one WebSocket, one command, and what came of it by channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mops_clients::kubernetes::{Access, Auth};
use mops_tests::websocket::{CHANNELS, Message, Side, accept, read, write};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Any 16 bytes in base64.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const CHANNEL: [&str; 4] = ["input", "output", "errors", "status"];

/// Runs a command in the pod at this address and gives what each channel said.
pub(super) async fn run(access: &Access, pod: &str, words: &[&str], input: Option<&str>) -> Json {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("stdout", "true").append_pair("stderr", "true");
    query.extend_pairs(words.iter().map(|word| ("command", *word)));
    if input.is_some() {
        query.append_pair("stdin", "true");
    }
    let path = format!("{pod}/exec?{}", query.finish());
    let stream = connect(access).await;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(upgrade(access, &path)).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(answer.headers()["sec-websocket-accept"], accept(KEY));
    assert_eq!(answer.headers()["sec-websocket-protocol"], CHANNELS);
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await.expect("a stream"));
    if let Some(input) = input {
        for message in [[&[0], input.as_bytes()].concat(), vec![255, 0]] {
            write(&mut stream, Side::Client, &Message::Binary(message)).await.expect("sent");
        }
    }
    let mut said: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    // The real server closes one side before the other: the end is the end.
    while let Ok(Message::Binary(bytes)) = read(&mut stream).await {
        let (channel, bytes) = bytes.split_first().expect("a channel");
        said.entry(CHANNEL[usize::from(*channel)]).or_default().extend_from_slice(bytes);
    }
    let text = |bytes: &Vec<u8>| without_id(&String::from_utf8_lossy(bytes));
    let parsed = |bytes: &Vec<u8>| serde_json::from_str(&text(bytes)).unwrap_or_else(|_| json!(text(bytes)));
    let shown = said.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(channel, bytes)| {
        let shown = if *channel == "status" { parsed(bytes) } else { json!(text(bytes)) };
        ((*channel).to_owned(), shown)
    });
    Json::Object(shown.collect())
}

/// The runtime names each command by 64 digits of its own.
fn without_id(text: &str) -> String {
    let is_id = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive(['"', '\\']).map(|part| {
        let word = part.trim_end_matches(['"', '\\']);
        if is_id(word) { part.replace(word, "ID") } else { part.to_owned() }
    });
    words.collect()
}

fn upgrade(access: &Access, path: &str) -> Request<Body> {
    let mut request = Request::get(path)
        .header(header::HOST, access.server.host_str().unwrap_or_default())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
        .header("sec-websocket-protocol", CHANNELS);
    if let Auth::Token(token) = &access.auth {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    request.body(Body::empty()).expect("a request")
}

async fn connect(access: &Access) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(access.roots.as_ref().expect("a CA")) {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match &access.auth {
        Auth::Certificate(chain, key) => {
            let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().expect("a chain");
            let key = PrivateKeyDer::from_pem_slice(key.expose()).expect("a key");
            config.with_client_auth_cert(chain, key).expect("a pair")
        }
        _ => config.with_no_client_auth(),
    };
    let host = access.server.host_str().expect("a host").to_owned();
    let port = access.server.port_or_known_default().expect("a port");
    let stream = TcpStream::connect((host.as_str(), port)).await.expect("a connection");
    let name = ServerName::try_from(host).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}

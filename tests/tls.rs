//! R15: a server that cannot prove who it is gets nothing, whatever the environment says.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::net::SocketAddr;
use std::time::Duration;

use mops_host::Env;
use mops_host::proc::Command;
use mops_tests::http::{Reply, handler};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::{Http, HttpConfig, Request, Retry, TlsFault, Url, WireError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Tells the child where the bad server is.
const ADDRESS: &str = "MOPS_TEST_BAD_SERVER";

fn server(leaf: &mops_tests::tls::Identity) -> Server {
    serve_tls(handler(|_| Reply::empty(200)), bind().unwrap(), leaf.server_config()).unwrap()
}

fn request(address: SocketAddr) -> Request {
    let mut request = Request::get(Url::parse(&format!("https://{address}/")).unwrap());
    request.retry = Retry::Never;
    request.attempt = Duration::from_secs(20);
    request
}

fn trusting(authority: &Authority) -> Http {
    let mut config = HttpConfig::new();
    config.roots = vec![authority.pem().as_bytes().to_vec()];
    config.only_roots = true;
    Http::new(config).unwrap()
}

#[tokio::test]
async fn bad_certificates_are_refused_by_name() {
    let (ours, strange) = (Authority::new(), Authority::new());
    let names: &[&str] = &["127.0.0.1", "localhost"];
    let rows = [
        (ours.leaf(Leaf::OtherName, names), TlsFault::OtherName),
        (ours.leaf(Leaf::Expired, names), TlsFault::Expired),
        (ours.leaf(Leaf::NotYetValid, names), TlsFault::NotYetValid),
        (strange.leaf(Leaf::Good, names), TlsFault::Untrusted),
        (ours.leaf(Leaf::Good, &["localhost"]), TlsFault::OtherName),
    ];
    for (leaf, expected) in rows {
        let server = server(&leaf);
        match trusting(&ours).send(request(server.address())).await {
            Err(WireError::Tls { kind, .. }) => assert_eq!(kind, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
    let good = server(&ours.leaf(Leaf::Good, names));
    assert_eq!(trusting(&ours).send(request(good.address())).await.unwrap().status, 200, "the test can pass");
    println!("R15 refused=5 of 5");
}

#[tokio::test]
async fn the_systems_roots_do_not_know_our_authority() {
    let server = server(&Authority::new().leaf(Leaf::Good, &["127.0.0.1"]));
    let error = Http::new(HttpConfig::new()).unwrap().send(request(server.address())).await.unwrap_err();
    // A machine without any root refuses as well, with another sentence.
    assert!(matches!(error, WireError::Tls { .. } | WireError::Configuration { .. }), "{error:?}");
}

/// A ServerHello of the given version with a cipher of that time.
fn hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    body.extend([0, 0x00, 0x2f, 0]);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, minor, 0, length + 4, 2, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn old_protocols_and_no_protocol_are_refused() {
    let ours = Authority::new();
    let rows = [
        ("SSL 3", hello(0)),
        ("TLS 1.0", hello(1)),
        ("TLS 1.1", hello(2)),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    ];
    for (name, answer) in rows {
        let listener = tokio::net::TcpListener::from_std(bind().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 4096];
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(&answer).await;
                // Keeps the connection until the client has made up its mind.
                let _ = stream.read(&mut bytes).await;
            }
        });
        let error = trusting(&ours).send(request(address)).await.unwrap_err();
        assert!(matches!(error, WireError::Tls { .. }), "{name}: {error:?}");
        task.abort();
    }
}

#[tokio::test]
async fn no_variable_switches_verification_off() {
    let server = server(&Authority::new().leaf(Leaf::Good, &["127.0.0.1"]));
    let address = server.address().to_string();
    let set = [
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("PYTHONHTTPSVERIFY", "0"),
        ("GIT_SSL_NO_VERIFY", "1"),
        ("CURL_INSECURE", "1"),
        ("SSL_NO_VERIFY", "1"),
        ("SSL_VERIFY", "false"),
        ("REQUESTS_CA_BUNDLE", ""),
        ("CURL_CA_BUNDLE", ""),
        ("AZURE_CLI_DISABLE_CONNECTION_VERIFICATION", "1"),
        ("ADAL_PYTHON_SSL_NO_VERIFY", "1"),
        ("RUSTLS_DANGEROUS", "1"),
        ("MOPS_INSECURE", "1"),
        ("MODELOPS_BUNDLE_INSECURE", "1"),
        ("INSECURE_SKIP_VERIFY", "true"),
        (ADDRESS, address.as_str()),
    ];
    let command = Command {
        program: std::env::current_exe().unwrap().to_string_lossy().into_owned(),
        args: ["--ignored", "--exact", "tls::child_refuses_the_bad_server"].map(str::to_owned).to_vec(),
        env: set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 1 << 20,
    };
    let output = command.run().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.success() && text.contains("1 passed"), "{text}");
    println!("R15 variables={} refused=all", set.len() - 1);
}

#[tokio::test]
#[ignore = "the child of `no_variable_switches_verification_off`"]
async fn child_refuses_the_bad_server() {
    let env = Env::process();
    let address: SocketAddr = env.get(ADDRESS).expect("started by its parent").parse().unwrap();
    let error = Http::new(HttpConfig::new()).unwrap().send(request(address)).await.unwrap_err();
    assert!(matches!(error, WireError::Tls { .. } | WireError::Configuration { .. }), "{error:?}");
}

#[test]
fn nothing_in_the_product_can_turn_verification_off() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../provider");
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for word in ["danger_accept", ".dangerous()", "ServerCertVerifier", "accept_invalid"] {
                    assert!(!text.contains(word), "{} says `{word}`", path.display());
                }
            }
        }
    }
}

//! Proxies: used for what is far, never for this machine or mapped names, and never trusted.

use std::sync::{Arc, Mutex, PoisonError};

use mops_host::Env;
use mops_tests::http::Reply;
use mops_tests::tls::{Authority, bind};
use mops_wire::{Http, ProxySettings, Request, Retry, TlsFault, Url, WireError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::web::Web;

/// A CONNECT proxy that leads every name to one port; gives its address and what it was told.
pub(crate) fn proxy(to: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::from_std(bind().unwrap()).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tunnel(stream, to, Arc::clone(&kept)));
        }
    });
    (address, told)
}

async fn tunnel(stream: TcpStream, to: u16, told: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|n| n > 2) {
        told.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim().to_owned());
        line.clear();
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let mut near = stream.into_inner();
    let _ = near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

fn get(url: &str) -> Request {
    Request { retry: Retry::Never, ..Request::get(Url::parse(url).unwrap()) }
}

fn told(lines: &Mutex<Vec<String>>) -> Vec<String> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[tokio::test]
async fn far_hosts_go_through_near_ones_do_not() {
    let web = Web::start(|_, _| Reply::empty(200));
    let (address, lines) = proxy(web.ports.first);
    let mut config = web.config();
    let env =
        Env::of([("HTTPS_PROXY", format!("http://user:canary@{address}")), ("NO_PROXY", "near.invalid".to_owned())]);
    config.proxy = ProxySettings::from_env(&env);
    let http = Http::new(config).unwrap();
    for near in ["https://a.example/", &format!("https://127.0.0.1:{}/", web.ports.first)] {
        assert_eq!(http.send(get(near)).await.unwrap().status, 200, "{near}");
    }
    assert!(matches!(http.send(get("https://near.invalid/")).await, Err(WireError::Dns { .. })));
    assert_eq!(told(&lines), [""; 0], "nothing near passes the proxy");
    // The certificate does not have this name: the tunnel was used, and what is behind it is verified.
    let error = http.send(get("https://far.invalid/")).await.unwrap_err();
    assert!(matches!(error, WireError::Tls { kind: TlsFault::OtherName, .. }), "{error:?}");
    let lines = told(&lines);
    assert!(lines[0].starts_with("CONNECT far.invalid:443"), "{lines:?}");
    assert!(lines.iter().any(|line| line.to_lowercase().starts_with("proxy-authorization: basic")), "{lines:?}");
    assert!(!format!("{error:?}").contains("canary"));
    assert!(web.seen().iter().all(|seen| !seen.text().contains("Basic")), "the proxy's login is the proxy's");
}

#[tokio::test]
async fn a_proxy_that_signs_for_others_is_refused() {
    let theirs = Web::start(|_, _| Reply::empty(200));
    let (address, _) = proxy(theirs.ports.first);
    let mut config = theirs.config();
    config.roots = vec![Authority::new().pem().as_bytes().to_vec()];
    config.proxy = ProxySettings::from_env(&Env::of([("HTTPS_PROXY", address)]));
    config.connect = mops_wire::ConnectMap::default();
    let error = Http::new(config).unwrap().send(get("https://localhost.example/")).await.unwrap_err();
    assert!(matches!(error, WireError::Tls { kind: TlsFault::Untrusted, .. }), "{error:?}");
    assert!(theirs.seen().is_empty());
}

/// A proxy that answers every request with this line; gives its address.
async fn refusing(line: &'static str) -> String {
    let listener = TcpListener::from_std(bind().unwrap()).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut asked = String::new();
            while stream.read_line(&mut asked).await.is_ok_and(|n| n > 2) {}
            let _ = stream.get_mut().write_all(format!("{line}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_that_leads_nowhere_is_named_as_such() {
    let web = Web::start(|_, _| Reply::empty(200));
    let through = async |proxy: String| {
        let mut config = web.config();
        config.proxy = ProxySettings::from_env(&Env::of([("HTTPS_PROXY", format!("http://user:canary@{proxy}"))]));
        let error = Http::new(config).unwrap().send(get("https://far.invalid/")).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
        error
    };
    let dead = through("127.0.0.1:1".to_owned()).await;
    assert!(matches!(dead, WireError::Connect { refused: true, .. }), "{dead:?}");
    assert!(dead.to_string().starts_with("no connection to `far.invalid`: by the proxy `127.0.0.1:1`: "), "{dead}");
    for line in ["HTTP/1.1 403 Forbidden", "HTTP/1.1 407 Proxy Authentication Required"] {
        let address = refusing(line).await;
        let refused = through(address.clone()).await;
        assert!(matches!(refused, WireError::Connect { refused: false, .. }), "{refused:?}");
        let words = format!("no connection to `far.invalid`: by the proxy `{address}`: ");
        assert!(refused.to_string().starts_with(&words), "{refused}");
    }
    let unknown = through("proxy.invalid:3128".to_owned()).await;
    assert!(matches!(&unknown, WireError::Dns { host, .. } if host == "proxy.invalid"), "{unknown:?}");
}

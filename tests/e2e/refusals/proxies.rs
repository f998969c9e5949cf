//! Workers that are told of a proxy, and a proxy that does not lead everywhere: what is not on the list of exceptions is
//! lost, the registry itself or only the host of its layers. Nodes know of no proxy, and pull.

use std::net::SocketAddr;

use mops_tests::http::{Call, Reply};
use mops_tests::image::{Image, MANIFEST};
use mops_tests::private::address::WORLD;
use mops_tests::private::cluster::images::workload;
use mops_tests::real::hosted::{GENERIC, GHCR};
use mops_tests::tls::{Leaf, Server};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::case::Case;
use super::environment::with_variables;
use super::places::{ours, port, tls_at};

/// Where a registry has its layers.
const LAYERS: &str = "layers";

/// A proxy that leads everywhere, one that leads nowhere, and a registry whose layers are on another host.
pub(super) struct Proxies {
    open: Proxy,
    shut: Proxy,
    registry: Server,
}

impl Proxies {
    /// Opens them; they close with the value.
    pub(super) async fn open() -> Self {
        let listener = port();
        let layers = format!("{LAYERS}.{GENERIC}:{}", listener.local_addr().expect("an address").port());
        let image = workload(&format!("{layers}/example-org/worker:1")).expect("busybox");
        let registry = tls_at(listener, &ours(Leaf::Good), move |call| answer(call, &image, &layers));
        Self { open: Proxy::start(true).await, shut: Proxy::start(false).await, registry }
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let host = format!("split.{GENERIC}:{}", self.registry.address().port());
        let incomplete: &[&str] = &["NO_PROXY_INCOMPLETE"];
        let (open, shut) = (self.open.address(), self.shut.address());
        let case = |name: &str, host: &str, wanted, proxy: &str, none: &str| {
            with_variables(name, host, wanted, &[("HTTPS_PROXY", proxy), ("NO_PROXY", none)])
        };
        vec![
            case("proxy-right", &host, &[], &open, ""),
            case("proxy-for-registry", &host, incomplete, &shut, "localhost"),
            case("proxy-for-layers", &host, incomplete, &shut, &format!("split.{GENERIC}")),
            case("proxy-for-nothing", &host, &[], &shut, &format!(".{GENERIC},{GHCR}")),
        ]
    }
}

fn answer(call: &Call, image: &Image, layers: &str) -> Reply {
    if call.path.contains("/manifests/") {
        return Reply::body(200, MANIFEST, image.manifest.clone());
    }
    if !call.path.contains("/blobs/") {
        return Reply::json(200, &json!({}));
    }
    if !call.host.starts_with(LAYERS) {
        return Reply::empty(307).header("location", format!("https://{layers}{}", call.path));
    }
    let blob = image.blobs.iter().find(|(digest, _)| call.path.ends_with(digest));
    blob.map_or_else(|| Reply::empty(404), |(_, bytes)| Reply::body(200, "application/octet-stream", bytes.clone()))
}

/// Takes `CONNECT` and nothing else.
pub(super) struct Proxy {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts one where pods find it, which leads everywhere or nowhere.
    pub(super) async fn start(leads: bool) -> Self {
        let listener = TcpListener::bind((WORLD, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(passed(stream, leads));
            }
        };
        Self { address, task: tokio::spawn(serve) }
    }

    /// As a variable names it.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn passed(mut stream: TcpStream, leads: bool) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).ok()?;
    let target = text.strip_prefix("CONNECT ")?.split(' ').next()?;
    if !leads {
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.ok()?;
        return None;
    }
    let mut there = TcpStream::connect(target).await.ok()?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
    tokio::io::copy_bidirectional(&mut stream, &mut there).await.ok()?;
    Some(())
}

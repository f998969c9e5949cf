//! A loopback web of many names on one port, a second port, and a port that speaks no TLS: where
//! credentials arrive is seen by everybody who listens.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mops_host::clock::{Clock as _, ManualClock};
use mops_tests::http::{Call, Reply, handler};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::{ConnectMap, Http, HttpConfig};
use tokio::io::AsyncReadExt as _;

/// Names that every leaf of the web has.
pub(crate) const NAMES: &[&str] = &[
    "a.example",
    "api.ngc.nvidia.com",
    "auth.docker.io",
    "auth.example",
    "a.reg.example",
    "b.example",
    "evil.example",
    "evilreg.example",
    "gitlab.com",
    "localhost",
    "nvcr.io",
    "metadata.google.internal",
    "paired.example",
    "reg.example",
    "reg.example.evil.example",
    "registry-1.docker.io",
    "registry.gitlab.com",
    "store.example",
    "127.0.0.1",
    "::1",
];

/// The ports of a web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) second: u16,
    pub(crate) plain: u16,
}

impl Ports {
    /// Fills `{second}` and `{plain}` in.
    pub(crate) fn fill(self, text: &str) -> String {
        text.replace("{second}", &self.second.to_string()).replace("{plain}", &self.plain.to_string())
    }
}

/// One request, and the port it came to.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) port: u16,
    pub(crate) call: Call,
}

impl Seen {
    /// Everything that the other side can read, as text.
    pub(crate) fn text(&self) -> String {
        let headers: String = self.call.headers.iter().map(|(n, v)| format!("{n}: {v:?}\n")).collect();
        format!("{}?{}\n{headers}{}", self.call.path, self.call.raw_query, String::from_utf8_lossy(&self.call.body))
    }
}

/// The web; it ends when dropped.
pub(crate) struct Web {
    pub(crate) ports: Ports,
    pub(crate) clock: ManualClock,
    pub(crate) pem: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    plain: Arc<Mutex<Vec<u8>>>,
    _servers: [Server; 2],
}

impl Web {
    /// Starts it; `answer` knows the ports and who was asked.
    pub(crate) fn start(answer: impl Fn(&Seen, Ports) -> Reply + Send + Sync + Clone + 'static) -> Self {
        let authority = Authority::new();
        let config = authority.leaf(Leaf::Good, NAMES).server_config();
        let [first, second] = [bind().unwrap(), bind().unwrap()];
        let (plain_port, plain) = plain();
        let ports = Ports {
            first: first.local_addr().unwrap().port(),
            second: second.local_addr().unwrap().port(),
            plain: plain_port,
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let servers = [(ports.first, first), (ports.second, second)].map(|(port, listener)| {
            let (seen, answer) = (Arc::clone(&seen), answer.clone());
            let answering = handler(move |call| {
                let one = Seen { port, call: call.clone() };
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(one.clone());
                answer(&one, ports)
            });
            serve_tls(answering, listener, Arc::clone(&config)).unwrap()
        });
        let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        Self { ports, clock, pem: authority.pem().to_owned(), seen, plain, _servers: servers }
    }

    /// A configuration that trusts the web alone and reaches its names.
    pub(crate) fn config(&self) -> HttpConfig {
        let to = SocketAddr::from(([127, 0, 0, 1], self.ports.first));
        let names =
            ["*.example", "*.docker.io", "*.gitlab.com", "gitlab.com", "*.internal", "nvcr.io", "api.ngc.nvidia.com"];
        let mut config = HttpConfig::new();
        config.roots = vec![self.pem.clone().into_bytes()];
        config.only_roots = true;
        config.this_machine_only = true;
        config.clock = self.clock.shared();
        config.connect = ConnectMap::new(names.map(|name| (name.to_owned(), to))).unwrap();
        config
    }

    pub(crate) fn http(&self) -> Http {
        Http::new(self.config()).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the port without TLS has read, from anybody.
    pub(crate) fn plain(&self) -> String {
        String::from_utf8_lossy(&self.plain.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Seconds of the clock that have passed.
    pub(crate) fn seconds(&self) -> f64 {
        self.clock.monotonic().as_secs_f64()
    }
}

/// A port that reads whatever comes.
fn plain() -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = bind().unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let read = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&read);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                if let Ok(n) = stream.read(&mut bytes).await {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..n]);
                }
            });
        }
    });
    (port, read)
}

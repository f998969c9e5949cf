//! P11: the real pipeline against a service on loopback with a token bucket, which answers 429 and `Retry-After`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::StreamExt as _;
use mops_tests::http::{Reply, handler};
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use mops_wire::{ConnectMap, Http, HttpConfig, Request, Url};

/// What the service takes a second, and the size of its bucket.
const RATE: f64 = 20.0;

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Throttled {
    /// From the first request to the last answer.
    pub(crate) millis: f64,
    /// Requests since a tenth was answered.
    pub(crate) requests_warm: usize,
    /// Refused ones among them.
    pub(crate) refused_warm: usize,
    /// Refused ones from the start.
    pub(crate) refused: usize,
}

struct Bucket {
    tokens: f64,
    last: Instant,
    taken: usize,
    seen: Throttled,
}

impl Bucket {
    /// Whether this request is taken; `warm` taken ones are the start.
    fn take(&mut self, warm: usize) -> bool {
        let now = Instant::now();
        self.tokens = now.duration_since(self.last).as_secs_f64().mul_add(RATE, self.tokens).min(RATE);
        self.last = now;
        let taken = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(taken));
        self.taken += usize::from(taken);
        self.seen.refused += usize::from(!taken);
        if self.taken > warm {
            self.seen.requests_warm += 1;
            self.seen.refused_warm += usize::from(!taken);
        }
        taken
    }
}

fn service(n: usize) -> Result<(Arc<Mutex<Bucket>>, HttpConfig, Server), String> {
    let bucket = Bucket { tokens: RATE, last: Instant::now(), taken: 0, seen: Throttled::default() };
    let bucket = Arc::new(Mutex::new(bucket));
    let counting = Arc::clone(&bucket);
    let answer = handler(move |_| match counting.lock().unwrap_or_else(PoisonError::into_inner).take(n / 10) {
        true => Reply::json(200, &serde_json::json!({})),
        false => Reply::empty(429).header("retry-after", "1"),
    });
    let authority = Authority::new();
    let listener = bind().map_err(|e| e.to_string())?;
    let to = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().map_err(|e| e.to_string())?.port()));
    let leaf = authority.leaf(Leaf::Good, &["throttled.example"]);
    let server = serve_tls(answer, listener, leaf.server_config()).map_err(|e| e.to_string())?;
    let mut config = HttpConfig::new();
    config.roots = vec![authority.pem().as_bytes().to_vec()];
    config.only_roots = true;
    config.this_machine_only = true;
    config.connect = ConnectMap::new([("throttled.example".to_owned(), to)]).map_err(|e| e.to_string())?;
    Ok((bucket, config, server))
}

/// Sends so many requests, at most `parallelism` at once, until all are answered well.
pub(crate) async fn run(n: usize, parallelism: usize) -> Result<Throttled, String> {
    let (bucket, config, _server) = service(n)?;
    let http = Http::new(config).map_err(|e| e.to_string())?;
    let url = Url::parse("https://throttled.example/").map_err(|e| e.to_string())?;
    let start = Instant::now();
    let sent = futures::stream::iter(0..n).map(|_| http.send(Request::get(url.clone()))).buffer_unordered(parallelism);
    let answers: Vec<_> = sent.collect().await;
    let millis = start.elapsed().as_secs_f64() * 1e3;
    let failed = answers.iter().filter(|a| !a.as_ref().is_ok_and(|a| a.status == 200)).count();
    if failed > 0 {
        return Err(format!("{failed} of {n} requests failed"));
    }
    let seen = bucket.lock().unwrap_or_else(PoisonError::into_inner).seen;
    Ok(Throttled { millis, ..seen })
}

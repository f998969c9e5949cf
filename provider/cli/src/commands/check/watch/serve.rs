//! The metrics over HTTP: `/metrics` for who measures, `/healthz` for who asks whether it still looks. Everything else is
//! answered with 404, nothing is taken from a request but its method and path (`tests`).

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mops_core::{Class, Error};
use mops_diagnose::watch::{self, Numbers};
use mops_host::SharedClock;
use mops_host::fsx::reason;
use tokio::sync::Semaphore;

use crate::exit::Failure;

/// Connections at a time; others wait.
const AT_ONCE: usize = 16;
/// How long somebody may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may stay.
const STAY: Duration = Duration::from_secs(60);
/// How many intervals may pass without a run before it counts as stuck, and the time that one run may take.
const LATE: (u32, Duration) = (2, Duration::from_secs(300));

/// What is served.
pub(super) struct Metrics {
    numbers: Mutex<Numbers>,
    every: Duration,
    clock: SharedClock,
}

impl Metrics {
    pub(super) fn new(every: Duration, clock: SharedClock) -> Self {
        Self { numbers: Mutex::default(), every, clock }
    }

    pub(super) fn set(&self, numbers: &Numbers) {
        *self.numbers.lock().unwrap_or_else(PoisonError::into_inner) = numbers.clone();
    }

    fn numbers(&self) -> Numbers {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a run has ended, and not too long ago.
    fn is_alive(&self) -> bool {
        let (intervals, run) = LATE;
        let limit = self.every * intervals + run;
        self.numbers().last_run().is_some_and(|at| self.clock.now() - at <= limit)
    }

    fn answer(&self, method: &Method, path: &str) -> (StatusCode, &'static str, String) {
        const PLAIN: &str = "text/plain; charset=utf-8";
        let known = ["/metrics", "/healthz"].contains(&path);
        match (method, path) {
            (&Method::GET, "/metrics") => (StatusCode::OK, watch::CONTENT_TYPE, self.numbers().text(self.clock.now())),
            (&Method::GET, "/healthz") if self.is_alive() => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
            (&Method::GET, "/healthz") => {
                (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "no run has ended lately\n".to_owned())
            }
            _ if known => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET only\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, PLAIN, "/metrics or /healthz\n".to_owned()),
        }
    }
}

/// Takes the port.
///
/// # Errors
/// When somebody else has it, or the address is not of this machine.
pub(super) fn bind(at: SocketAddr) -> Result<TcpListener, Failure> {
    let taken = |error: &std::io::Error| {
        let text = format!("metrics cannot be served at {at}: {}", reason(error));
        Failure::usage(text, "give another one with `--metrics-port PORT`, or leave the flag out for a free one")
    };
    let listener = TcpListener::bind(at).map_err(|error| taken(&error))?;
    listener.set_nonblocking(true).map_err(|error| taken(&error))?;
    Ok(listener)
}

/// Serves until the runtime ends; gives the address.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn start(listener: TcpListener, metrics: &Arc<Metrics>) -> Result<SocketAddr, Failure> {
    let broken = |error: std::io::Error| {
        Failure::could_not_run(Error::new(Class::Bug, "metrics cannot be served").caused_by(error))
    };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(broken)?;
    let at = listener.local_addr().map_err(broken)?;
    let metrics = Arc::clone(metrics);
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // No file is free: let others end first.
                metrics.clock.sleep(Duration::from_millis(100)).await;
                continue;
            };
            let metrics = Arc::clone(&metrics);
            tokio::spawn(async move {
                serve(stream, &metrics).await;
                drop(place);
            });
        }
    });
    Ok(at)
}

async fn serve(stream: tokio::net::TcpStream, metrics: &Metrics) {
    let service = service_fn(async |request: Request<Incoming>| {
        let (status, kind, text) = metrics.answer(request.method(), request.uri().path());
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok::<_, Infallible>(response)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever goes away has what it wanted.
    let _ = tokio::time::timeout(STAY, connection).await;
}

#[cfg(test)]
mod tests {
    use mops_host::clock::ManualClock;
    use time::macros::datetime;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn asked(at: SocketAddr, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn two_paths_are_served_and_nothing_else() {
        let clock: SharedClock = Arc::new(ManualClock::automatic(datetime!(2026-11-27 10:00 UTC)));
        let metrics = Arc::new(Metrics::new(Duration::from_secs(60), clock));
        let at = start(bind("127.0.0.1:0".parse().unwrap()).unwrap(), &metrics).unwrap();
        let get =
            async |line: &str| asked(at, &format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let page = get("GET /metrics").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/plain; version=0.0.4"), "{page}");
        assert!(page.contains("\n# TYPE mops_findings gauge\n"), "{page}");
        for (line, status) in [("GET /healthz", 503), ("POST /metrics", 405), ("GET /", 404), ("GET /metrics/..", 404)]
        {
            assert!(get(line).await.starts_with(&format!("HTTP/1.1 {status}")), "{line}");
        }
        assert!(bind(at).is_err(), "the port is taken");
    }
}

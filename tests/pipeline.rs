//! The pipeline against servers that misbehave: where requests go, how often they are sent, how much
//! is taken back, and when it ends.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use http::{Method, StatusCode};
use mops_core::{Cancel, Class, Secret};
use mops_tests::http::Reply;
use mops_tests::tls::bind;
use mops_wire::fault::{Call as FaultCall, Fault, FaultLayer};
use mops_wire::{Credential, Http, Origin, Request, Retry, Url, WireError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::web::{Seen, Web};

fn get(url: &str) -> Request {
    Request::get(Url::parse(url).unwrap())
}

fn post(url: &str) -> Request {
    Request::new(Method::POST, Url::parse(url).unwrap()).body("application/json", "{}")
}

fn secret(origin: &str) -> Option<Credential> {
    Some(Credential::bearer(Origin::https(origin).unwrap(), &Secret::from("canary")))
}

#[tokio::test]
async fn a_mapped_name_reaches_its_port_and_an_explicit_port_wins() {
    let web = Web::start(|_, _| Reply::empty(200));
    let http = web.http();
    http.send(get("https://a.example/")).await.unwrap();
    http.send(get("https://a.example:443/")).await.unwrap();
    http.send(get(&format!("https://a.example:{}/", web.ports.second))).await.unwrap();
    let ports: Vec<_> = web.seen().iter().map(|seen| (seen.call.host.clone(), seen.port)).collect();
    let host = || "a.example".to_owned();
    assert_eq!(ports, [(host(), web.ports.first), (host(), web.ports.first), (host(), web.ports.second)]);
    let elsewhere = http.send(Request { retry: Retry::Never, ..get("https://example.com/") }).await.unwrap_err();
    assert!(matches!(elsewhere, WireError::Dns { .. }), "{elsewhere:?}");
}

#[tokio::test]
async fn redirects_keep_the_credential_at_home() {
    let web = Web::start(|seen: &Seen, ports| {
        let to = |url: &str| Reply::empty(302).header("location", ports.fill(url));
        match seen.call.path.as_str() {
            "/home" => to("/end"),
            "/away" => to("https://b.example/end"),
            "/port" => to("https://a.example:{second}/end"),
            "/round" => to("https://b.example/return"),
            "/return" => to("https://a.example/end"),
            "/http" => to("http://a.example:{plain}/end"),
            "/http-loopback" => to("http://127.0.0.1:{plain}/end"),
            "/user" => to("https://x:y@b.example/end"),
            "/loop" => to("/loop"),
            "/bad" => to("https://"),
            _ => Reply::empty(200),
        }
    });
    let http = web.http();
    let rows = [("home", true), ("away", false), ("port", false), ("round", false)];
    for (path, kept) in rows {
        let mut request = get(&format!("https://a.example/{path}")).credential(secret("a.example"));
        request = request.header(http::header::ACCEPT, "a/b").header("x-ms-secret".parse().unwrap(), "canary");
        assert_eq!(http.send(request).await.unwrap().status, 200);
        let seen = web.seen();
        let last = &seen.last().unwrap().call;
        assert_eq!(last.header("authorization").is_some(), kept, "{path}");
        assert_eq!((last.header("x-ms-secret").is_some(), last.header("accept")), (kept, Some("a/b")), "{path}");
    }
    for path in ["http", "http-loopback", "user", "loop", "bad"] {
        let before = web.seen().len();
        let error = http.send(get(&format!("https://a.example/{path}"))).await.unwrap_err();
        assert!(matches!(error, WireError::Redirect { .. }), "{path}: {error:?}");
        assert!(web.seen().len() - before <= 6, "{path}");
    }
    assert_eq!(web.plain(), "");
    let answer = http.send(post("https://a.example/away").credential(secret("a.example"))).await.unwrap();
    assert_eq!(answer.status, 302, "only GET and HEAD are followed");
}

#[tokio::test]
async fn what_may_not_be_sent_is_not() {
    let web = Web::start(|_, _| Reply::empty(200));
    let http = web.http();
    let bad =
        [get("http://a.example/"), get("https://u@a.example/"), get("ftp://a.example/"), get("https://10.0.0.1/")];
    for request in bad {
        let url = request.url.to_string();
        assert!(matches!(http.send(request).await, Err(WireError::Refused { .. })), "{url}");
    }
    let raw = get("https://a.example/").header(http::header::AUTHORIZATION, "Bearer canary");
    assert_eq!(http.send(raw).await.unwrap_err().class(), Class::Bug);
    let mut bound = get("https://b.example/").header(http::header::AUTHORIZATION, "Bearer canary");
    bound.adopt_authorization(Origin::https("a.example").unwrap());
    http.send(bound).await.unwrap();
    assert_eq!(web.seen().len(), 1);
    assert_eq!(web.seen()[0].call.header("authorization"), None);
}

/// A web whose host answers with these statuses in turn, then 200.
fn script(statuses: &'static [(u16, Option<&'static str>)]) -> Web {
    let count = Arc::new(AtomicU32::new(0));
    Web::start(move |_, _| {
        let n = count.fetch_add(1, Ordering::SeqCst) as usize;
        let (status, after) = statuses.get(n).copied().unwrap_or((200, None));
        let reply = Reply::empty(status);
        match after {
            Some(after) => reply.header("retry-after", after),
            None => reply,
        }
    })
}

#[tokio::test]
async fn tries_and_pauses() {
    type Row = (&'static str, &'static [(u16, Option<&'static str>)], usize, u16);
    let rows: [Row; 9] = [
        ("GET", &[(503, None), (500, None)], 3, 200),
        ("PUT", &[(429, Some("7")), (504, None)], 3, 200),
        ("DELETE", &[(502, None)], 2, 200),
        ("POST", &[(503, None)], 1, 503),
        ("POST", &[(429, Some("3"))], 2, 200),
        ("GET", &[(404, None)], 1, 404),
        ("GET", &[(401, None)], 1, 401),
        ("GET", &[(409, None)], 1, 409),
        ("GET", &[(500, None); 20], 8, 500),
    ];
    for (method, statuses, tries, status) in rows {
        let web = script(statuses);
        let url = Url::parse("https://a.example/").unwrap();
        let answer = web.http().send(Request::new(method.parse().unwrap(), url)).await.unwrap();
        assert_eq!((web.seen().len(), answer.status.as_u16()), (tries, status), "{method} {statuses:?}");
        let asked: f64 = statuses.iter().filter_map(|(_, after)| after.and_then(|a| a.parse::<f64>().ok())).sum();
        assert!(web.seconds() >= asked, "{method} waited {} s of {asked} s", web.seconds());
    }
}

#[tokio::test]
async fn a_long_pause_is_named_not_waited_for() {
    let web = script(&[(429, Some("301"))]);
    let error = web.http().send(get("https://a.example/")).await.unwrap_err();
    assert_eq!(error.class(), Class::Throttled(Some(Duration::from_secs(301))));
    assert_eq!((web.seen().len(), web.seconds()), (1, 0.0));
    let web = script(&[(503, Some("50")), (503, Some("50"))]);
    let short = Request { deadline: Duration::from_secs(60), ..get("https://a.example/") };
    assert_eq!(web.http().send(short).await.unwrap().status, 503, "the deadline ends it");
    assert_eq!(web.seen().len(), 2);
}

/// One fault, then none.
struct Once(Mutex<Option<Fault>>, bool);

impl FaultLayer for Once {
    fn before(&self, _: FaultCall<'_>) -> Option<Fault> {
        if self.1 { self.0.lock().unwrap().take() } else { None }
    }
    fn after(&self, _: FaultCall<'_>, _: StatusCode) -> Option<Fault> {
        if self.1 { None } else { self.0.lock().unwrap().take() }
    }
}

#[tokio::test]
async fn answers_lost_and_requests_unsent() {
    // (retry, fault, before sending, requests that arrive, whether it succeeds)
    let rows = [
        (Retry::Idempotent, Fault::Reset, false, 2, true),
        (Retry::OnlyIfUnsent, Fault::Reset, false, 1, false),
        (Retry::OnlyIfUnsent, Fault::Hang, false, 1, false),
        (Retry::OnlyIfUnsent, Fault::Refused, true, 1, true),
        (Retry::Never, Fault::Refused, true, 0, false),
        (Retry::Idempotent, Fault::Hang, true, 1, true),
    ];
    for (retry, fault, before, arrived, succeeds) in rows {
        let web = Web::start(|_, _| Reply::empty(200));
        let mut config = web.config();
        config.faults = Some(Arc::new(Once(Mutex::new(Some(fault.clone())), before)));
        let request = Request { retry, ..post("https://a.example/") };
        let result = Http::new(config).unwrap().send(request).await;
        assert_eq!((web.seen().len(), result.is_ok()), (arrived, succeeds), "{retry:?} {fault:?}");
        if let Err(error) = result {
            assert_eq!(error.may_have_arrived(), !before, "{retry:?} {fault:?}");
        }
    }
}

/// A server in clear on loopback that answers every request with these bytes, `repeat` times the last ones.
async fn raw(head: &'static str, piece: &'static [u8], repeat: usize) -> Url {
    let listener = tokio::net::TcpListener::from_std(bind().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(head.as_bytes()).await;
                for _ in 0..repeat {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Url::parse(&format!("http://{address}/")).unwrap()
}

#[tokio::test]
async fn hostile_bodies_end_early() {
    const ZEROS: &[u8] = &[0; 1000];
    let web = Web::start(|_, _| Reply::empty(200));
    let http = web.http();
    let chunk =
        b"3e8\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    let rows: [(&str, &'static str, &'static [u8], usize); 6] = [
        ("declared too long", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", ZEROS, 10),
        ("endless", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", ZEROS, usize::MAX),
        ("truncated", "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", ZEROS, 2),
        ("broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk, 1),
        ("no status", "nonsense\r\n\r\n", ZEROS, 1),
        ("broken gzip", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\n", ZEROS, 1),
    ];
    for (name, head, piece, repeat) in rows {
        let mut request = Request::get(raw(head, piece, repeat).await);
        (request.max_body, request.tries) = (100_000, 2);
        let error = http.send(request).await.unwrap_err();
        assert!(matches!(error, WireError::TooLarge { .. } | WireError::Broken { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn packed_bodies_are_limited_by_their_real_length() {
    let bomb = {
        use std::io::Write as _;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 10 << 20]).unwrap();
        packer.finish().unwrap()
    };
    assert!(bomb.len() < 20_000);
    let web = Web::start(move |_, _| Reply::body(200, "text/plain", bomb.clone()).header("content-encoding", "gzip"));
    let request = Request { max_body: 1 << 20, retry: Retry::Never, ..get("https://a.example/") };
    let error = web.http().send(request).await.unwrap_err();
    assert!(matches!(error, WireError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_ends_by_time_and_by_cancel() {
    let listener = tokio::net::TcpListener::from_std(bind().unwrap()).unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let web = Web::start(|_, _| Reply::empty(200));
    let mut request = Request::get(url.clone());
    (request.attempt, request.retry) = (Duration::from_millis(100), Retry::Never);
    let error = web.http().send(request).await.unwrap_err();
    assert!(matches!(error, WireError::Timeout { .. }), "{error:?}");
    let cancel = Cancel::new();
    let request = Request { cancel: Some(cancel.clone()), ..Request::get(url) };
    let http = web.http();
    let (error, ()) = tokio::join!(http.send(request), async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert_eq!(error.unwrap_err().class(), Class::Canceled);
}

#[tokio::test]
async fn streams_come_in_pieces_and_end_by_cancel() {
    let web = Web::start(|_, _| Reply::empty(200));
    let http = web.http();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let cancel = Cancel::new();
    let request = Request { cancel: Some(cancel.clone()), ..Request::get(raw(head, b"piece", usize::MAX).await) };
    let mut answer = http.send_streaming(request).await.unwrap();
    let first = answer.body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"piece"));
    cancel.cancel();
    let rest: Vec<_> = answer.body.collect().await;
    assert!(matches!(rest.as_slice(), [Err(WireError::Canceled { .. })]), "{rest:?}");
    let refused = http.send_streaming(Request { retry: Retry::Never, ..get("http://a.example/") }).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_streamed_refusal_is_whole() {
    let web = Web::start(|_, _| Reply::body(403, "text/plain", "no"));
    let mut answer = web.http().send_streaming(get("https://a.example/")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.next().await.unwrap().unwrap()), (403, "no".into()));
}

#[tokio::test]
async fn no_more_than_sixteen_at_a_time_and_fewer_when_it_goes_wrong() {
    let web = Web::start(|_, _| Reply::empty(503));
    let http = web.http();
    let all = (0..40).map(|_| http.send(Request { tries: 3, ..get("https://a.example/") }));
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|a| a.status == 503)));
    assert_eq!(web.seen().len(), 120, "every try is counted, none is added");
}

/// Faults at random, repeatable by their seed; counts every try and the most that one request had.
struct Storm {
    per_cent: u32,
    seed: Mutex<u64>,
    tries: AtomicU32,
    most: AtomicU32,
}

impl Storm {
    fn draw(&self) -> u32 {
        let mut seed = self.seed.lock().unwrap();
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(*seed >> 33).unwrap()
    }
}

impl FaultLayer for Storm {
    fn before(&self, call: FaultCall<'_>) -> Option<Fault> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(call.attempt, Ordering::SeqCst);
        // Half of the faults strike before, half after, so that both together come to the share.
        (self.draw() % 200 < self.per_cent).then_some(Fault::Refused)
    }

    fn after(&self, _: FaultCall<'_>, _: StatusCode) -> Option<Fault> {
        if self.draw() % 200 >= self.per_cent {
            return None;
        }
        let answer = |status: u16, after: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("retry-after", http::HeaderValue::from_static(after));
            Fault::Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: b"<html>".to_vec() }
        };
        Some(match self.draw() % 4 {
            0 => Fault::Reset,
            1 => Fault::Hang,
            2 => answer(429, "2"),
            _ => answer(503, "0"),
        })
    }
}

#[tokio::test]
async fn storms_are_ridden_out_and_not_amplified() {
    const REQUESTS: u32 = 400;
    for (seed, per_cent) in [(1, 5), (2, 20), (3, 50)] {
        let web = Web::start(|_, _| Reply::empty(200));
        let storm = Arc::new(Storm { per_cent, seed: Mutex::new(seed), tries: 0.into(), most: 0.into() });
        let mut config = web.config();
        config.faults = Some(storm.clone());
        let http = Http::new(config).unwrap();
        let put = || Request::new(Method::PUT, Url::parse("https://a.example/").unwrap());
        let mut good = 0;
        for _ in 0..REQUESTS / 20 {
            let answers = futures::future::join_all((0..20).map(|_| http.send(put()))).await;
            good += answers.iter().filter(|answer| answer.as_ref().is_ok_and(|a| a.status == 200)).count();
        }
        let (tries, most) = (storm.tries.load(Ordering::SeqCst), storm.most.load(Ordering::SeqCst));
        println!("R5 wire seed={seed} faults={per_cent}% requests={REQUESTS} good={good} tries={tries} most={most}");
        assert!(most <= 8, "{most} tries of one request");
        assert!(f64::from(tries) <= 1.5 / (1.0 - f64::from(per_cent) / 100.0) * f64::from(REQUESTS), "{tries} tries");
        assert!(per_cent > 20 || good * 1000 >= REQUESTS as usize * 995, "{good} of {REQUESTS}");
    }
}

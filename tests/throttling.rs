//! Promise: a host that throttles is called no faster than it takes, and its pause holds for everybody who calls it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use http::Method;
use mops_host::clock::{Clock as _, ManualClock};
use mops_tests::http::Reply;
use mops_wire::{Http, HttpConfig, Request, Url, WireError};

use crate::web::Web;

/// When a request came, and the first letter of its method.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Duration,
    method: char,
}

#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<Arrival>>>);

impl Arrivals {
    fn add(&self, at: Duration, method: &Method) {
        let method = method.as_str().chars().next().unwrap_or('?');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arrival { at, method });
    }

    fn all(&self) -> Vec<Arrival> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A web whose answers depend on the number of the request; and what arrived at it.
fn web(answer: impl Fn(usize, &Method) -> Reply + Send + Sync + Clone + 'static) -> (Web, HttpConfig, Arrivals) {
    let arrivals = Arrivals::default();
    let (seen, clock) = (arrivals.clone(), Arc::new(Mutex::new(None::<ManualClock>)));
    let ticking = Arc::clone(&clock);
    let web = Web::start(move |request, _| {
        let now = ticking.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|c| c.monotonic());
        let reply = answer(seen.all().len(), &request.call.method);
        seen.add(now.unwrap_or_default(), &request.call.method);
        reply
    });
    *clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(web.clock.clone());
    let config = web.config();
    (web, config, arrivals)
}

fn request(method: Method) -> Request {
    Request::new(method, Url::parse("https://a.example/").expect("an address"))
}

#[tokio::test]
async fn one_pause_holds_for_everybody_and_for_every_pipeline_to_the_host() {
    // As a Kubernetes API server does under priority and fairness: 429 with a pause of a few seconds. What it took
    // before gives a pace that alone would let the next ones through at once.
    const BEFORE: usize = 100;
    let (_web, config, arrivals) =
        web(|n, _| if n == BEFORE { Reply::empty(429).header("retry-after", "7") } else { Reply::empty(200) });
    let pipelines = [(); 2].map(|()| Http::new(config.clone()).expect("a pipeline"));
    for _ in 0..BEFORE {
        pipelines[0].send(request(Method::GET)).await.expect("an answer");
    }
    assert_eq!(pipelines[0].send(Request { tries: 1, ..request(Method::GET) }).await.expect("an answer").status, 429);
    let calls = (0..40).map(|i| pipelines[i % 2].send(request([Method::GET, Method::PUT][i % 2].clone())));
    assert!(join_all(calls).await.iter().all(|answer| answer.as_ref().is_ok_and(|a| a.status == 200)));
    let all = arrivals.all();
    let (refused, after) = (all[BEFORE], &all[BEFORE + 1..]);
    let early = after.iter().filter(|a| a.at < refused.at + Duration::from_secs(7)).count();
    assert_eq!((after.len(), early), (40, 0), "{after:?}");
}

#[tokio::test]
async fn a_class_that_is_used_up_pauses_alone() {
    const BEFORE: usize = 100;
    let (_web, config, arrivals) = web(|n, _| match n {
        BEFORE => {
            Reply::empty(429).header("retry-after", "30").header("x-ms-ratelimit-remaining-subscription-writes", "0")
        }
        _ => Reply::empty(200),
    });
    let http = Http::new(config).expect("a pipeline");
    for _ in 0..BEFORE {
        http.send(request(Method::PUT)).await.expect("an answer");
    }
    let refused = http.send(Request { tries: 1, ..request(Method::PUT) }).await.expect("an answer");
    assert_eq!(refused.status, 429);
    assert_eq!(http.send(request(Method::GET)).await.expect("an answer").status, 200);
    assert_eq!(http.send(request(Method::PUT)).await.expect("an answer").status, 200);
    let all = arrivals.all().split_off(BEFORE);
    let when: Vec<_> = all.iter().map(|a| (a.method, a.at >= Duration::from_secs(30))).collect();
    assert_eq!(when, [('P', false), ('G', false), ('P', true)], "{all:?}");
}

#[tokio::test]
async fn a_pause_that_does_not_fit_is_named_and_nothing_is_sent() {
    let (_web, config, arrivals) = web(|_, _| Reply::empty(429).header("retry-after", "900"));
    let http = Http::new(config).expect("a pipeline");
    for _ in 0..3 {
        let error = http.send(request(Method::GET)).await.expect_err("a pause");
        assert!(matches!(error, WireError::Throttled { after, .. } if after > Duration::from_secs(890)), "{error:?}");
    }
    assert_eq!(arrivals.all().len(), 1, "a call during the pause would start it anew");
}

#[tokio::test]
async fn the_last_remaining_calls_are_spaced() {
    let (web, config, _) = web(|n, _| {
        let left = 20_usize.saturating_sub(n).to_string();
        Reply::empty(200).header("x-ms-ratelimit-remaining-subscription-reads", left)
    });
    let http = Http::new(config).expect("a pipeline");
    for _ in 0..4 {
        http.send(request(Method::GET)).await.expect("an answer");
    }
    assert_eq!(web.clock.monotonic(), Duration::ZERO, "many are left");
    for _ in 0..16 {
        http.send(request(Method::GET)).await.expect("an answer");
    }
    let slowed = web.clock.monotonic();
    assert!((Duration::from_secs(6)..Duration::from_secs(8)).contains(&slowed), "{slowed:?}");
    http.send(request(Method::PUT)).await.expect("an answer");
    assert_eq!(web.clock.monotonic(), slowed, "writes are counted apart");
}

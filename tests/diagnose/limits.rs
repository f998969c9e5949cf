//! What a run may ask of one host about one target: twelve requests, repetitions not counted, a few at a time; what was
//! cut by that is told and proves nothing. Prints `limits …`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mops_core::Secret;
use mops_diagnose::rule::Confidence;
use mops_diagnose::{ArmView, Command, Report, Request as Asked, Services, look};
use mops_host::Env;
use mops_probe::checks;
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_tests::http::Reply;
use mops_wire::fault::{Call, Fault, FaultLayer};
use mops_wire::{Allowance, Credential, Http, HttpConfig, Limits, Origin, Request, Url};
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

/// A registry that takes one password by Basic.
fn basic(password: &'static str) -> impl Fn(&Seen, Ports) -> Reply + Clone {
    let origin = Origin::https(HOST).expect("an origin");
    let good = Credential::basic(origin, "reg", &Secret::new(password.to_owned()));
    move |seen, _| match seen.call.header("authorization") {
        Some(sent) if sent == good.header.expose() => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
            .header("www-authenticate", "Basic realm=\"reg\""),
    }
}

async fn from_here(web: &Web, passwords: &[&str]) -> Report {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let passwords = passwords.iter().map(|p| Secret::new((*p).to_owned())).collect();
    let arm = ArmView::Credentials { username: "reg".into(), passwords };
    let request = Asked { registry: Some(HOST.into()), arm, negative_probe: false, ..request() };
    let services = Services { http: web.http(), ..world.services() };
    look(Command::DiagnoseAuth, request, services).await.report()
}

#[tokio::test]
async fn the_limit_of_requests_cuts_a_series_and_proves_nothing() {
    let web = Web::start(basic("the-last"));
    let many: Vec<String> = (0..20).map(|n| format!("wrong-{n}")).chain(["the-last".to_owned()]).collect();
    let report = from_here(&web, &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let asked = web.seen().iter().filter(|s| s.call.path == "/v2/").count();
    assert_eq!(asked, 12, "{:?}", report.probes);
    let cut = report.probes.iter().find(|o| o.credential == variant::ARM && o.check == check::REGISTRY_V2);
    let cut = cut.expect("the sign-in");
    assert_eq!((cut.error_code.as_deref(), cut.reason.as_str()), (Some(code::REQUEST_LIMIT), "request limit"));
    let sure: Vec<_> =
        report.findings.iter().filter(|f| f.confidence == Some(Confidence::Certain) && f.target == HOST).collect();
    assert!(sure.is_empty(), "{sure:?}");
    println!("limits asked={asked} certain=0");
}

#[tokio::test]
async fn a_series_of_credentials_ends_with_the_first_that_is_taken() {
    let web = Web::start(basic("second"));
    let report = from_here(&web, &["first", "second", "third"]).await;
    let sent: Vec<_> = web.seen().iter().filter_map(|s| s.call.header("authorization").map(str::to_owned)).collect();
    let different: std::collections::BTreeSet<_> = sent.iter().collect();
    assert_eq!(different.len(), 2, "the third was not sent: {:?}", report.probes);
}

/// Statuses of the answers to one request of a pod's probe, and how often it was sent.
async fn repeated(answers: &'static [u16], pause: &'static str) -> (usize, f64, Option<u16>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let web = Web::start(move |_: &Seen, _: Ports| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let status = answers.get(number).or(answers.last()).copied().unwrap_or(200);
        let reply = Reply::json(status, &json!({}));
        if pause.is_empty() { reply } else { reply.header("retry-after", pause) }
    });
    let settings = Settings::from_env(&Env::of([(names::REGISTRY, HOST)]));
    let seen = checks::run(&settings, &web.http(), &web.clock.shared()).await;
    let greeted =
        seen.iter().find(|o| o.check == check::REGISTRY_V2 && o.variant == variant::ANON).expect("a greeting");
    (count.load(Ordering::SeqCst), web.seconds(), greeted.status)
}

#[tokio::test]
async fn three_tries_where_they_may_help_and_one_where_they_cannot() {
    for (answers, pause, tries, status) in [
        (&[429, 503, 200][..], "", 3, Some(200)),
        (&[500], "", 3, Some(500)),
        (&[429], "60", 1, Some(429)),
        (&[401], "", 1, None),
        (&[403], "", 1, Some(403)),
        (&[404], "", 1, Some(404)),
    ] {
        let (sent, _, last) = repeated(answers, pause).await;
        assert_eq!((sent, last), (tries, status), "{answers:?}");
    }
    let (sent, took, _) = repeated(&[429, 200], "3").await;
    assert!(sent == 2 && took >= 3.0, "the registry's own pause is kept: {took} s");
}

/// Counts tries, and how many of them are under way together; the first ones may break.
#[derive(Default)]
struct Gauge {
    breaks: u32,
    tries: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl FaultLayer for Gauge {
    fn before(&self, call: Call<'_>) -> Option<Fault> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if call.attempt <= self.breaks {
            return Some(Fault::Reset);
        }
        self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        None
    }

    fn after(&self, _: Call<'_>, _: http::StatusCode) -> Option<Fault> {
        self.running.fetch_sub(1, Ordering::SeqCst);
        None
    }
}

/// Twenty requests at once, each of them about something else.
async fn twenty(breaks: u32) -> (Arc<Gauge>, usize) {
    let web = Web::start(|_: &Seen, _: Ports| Reply::json(200, &json!({})));
    let gauge = Arc::new(Gauge { breaks, ..Gauge::default() });
    let http = Http::new(HttpConfig { faults: Some(gauge.clone()), ..web.config() }).expect("a pipeline");
    // The pauses of all move one clock: no request's own time may end by those of the others.
    let http = http.within(&Allowance::new(Limits { deadline: Duration::from_secs(3600), ..checks::LIMITS }));
    let one = |number: usize| {
        let url = Url::parse(&format!("https://reg.example/{number}")).expect("an address");
        let http = http.about(&number.to_string());
        async move { http.send(Request::get(url)).await.is_ok() }
    };
    let answered = futures::future::join_all((0..20).map(one)).await;
    (gauge, answered.into_iter().filter(|good| *good).count())
}

#[tokio::test]
async fn four_at_a_time_and_a_broken_connection_is_tried_again() {
    let (gauge, good) = twenty(0).await;
    assert_eq!((good, gauge.most.load(Ordering::SeqCst)), (20, 4));
    let (gauge, good) = twenty(2).await;
    assert_eq!((good, gauge.tries.load(Ordering::SeqCst)), (20, 60), "the third try is the last and is answered");
    let (gauge, good) = twenty(3).await;
    assert_eq!((good, gauge.tries.load(Ordering::SeqCst)), (0, 60));
}

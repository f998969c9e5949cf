//! Promise: a diagnosis that is repeated sends no login again that was refused, until it changes, and no invented one; it
//! tells what came, went and changed, and its numbers have the text form of Prometheus without a secret in them.

use std::collections::BTreeSet;
use std::time::Duration;

use mops_core::Nonce;
use mops_diagnose::observed::Vantage;
use mops_diagnose::reading::Reading;
use mops_diagnose::watch::{BACK_OFF, Change, Watch};
use mops_diagnose::{Command, Report, Request, Services, look};
use mops_host::Env;
use mops_probe::checks;
use mops_probe::observation::{check, code};
use mops_probe::settings::{Settings, names};
use mops_tests::http::Reply;
use mops_wire::Logins;
use serde_json::json;

use super::cluster::{World, causes, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

/// A registry that takes one password only, by Basic or by a token.
fn registry(by_token: bool) -> impl Fn(&Seen, Ports) -> Reply + Clone {
    move |seen, _| {
        let path = seen.call.path.as_str();
        let login = seen.call.header("authorization").unwrap_or_default();
        let right = login == "Basic dTpnb29k" || login == "Bearer for-the-right-one";
        let refusal = || Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED", "message": "locked soon"}]}));
        let asks = match by_token {
            true => format!("Bearer realm=\"https://{HOST}/token\",service=\"{HOST}\""),
            false => "Basic realm=\"x\"".to_owned(),
        };
        match (path, right) {
            ("/token", true) => Reply::json(200, &json!({"token": "for-the-right-one", "expires_in": 300})),
            ("/token", false) => refusal(),
            (_, false) => refusal().header("www-authenticate", asks),
            ("/v2/", true) => Reply::json(200, &json!({})),
            _ => Reply::json(404, &json!({"errors": [{"code": "MANIFEST_UNKNOWN"}]})),
        }
    }
}

/// How many logins have come so far, tokens not counted.
fn logins(web: &Web) -> usize {
    web.seen().iter().filter(|s| s.call.header("authorization").is_some_and(|a| a.starts_with("Basic "))).count()
}

fn config(password: &str) -> String {
    json!({"auths": {HOST: {"username": "u", "password": password}}}).to_string()
}

/// A watch of a worker's registry from a machine with a login.
struct Watched {
    web: Web,
    world: World,
    watch: Watch,
    now: Duration,
}

impl Watched {
    async fn new(by_token: bool) -> Self {
        let world = World::new(&says(&observations())).await;
        world.workload(true).await;
        Self { web: Web::start(registry(by_token)), world, watch: Watch::new(), now: Duration::ZERO }
    }

    /// The next run, a minute later, and how many logins came.
    async fn turn(&mut self, password: &str) -> (Report, Option<Change>, usize) {
        self.now += Duration::from_secs(60);
        let before = logins(&self.web);
        let text = config(password);
        let env = Env::of([("DOCKER_AUTH_CONFIG", text.as_str())]);
        let services = Services { http: self.web.http(), env, ..self.world.services() };
        let vantages = vec![Vantage::W];
        let asked = Request { registry: Some(HOST.into()), vantages, ..request() };
        let asked = self.watch.request(asked, self.now);
        let capture = look(Command::DiagnoseAuth, asked.clone(), services).await;
        let times = (self.now, time::macros::datetime!(2026-11-27 10:00 UTC) + self.now);
        let (report, change) = self.watch.take(&asked, capture, &Reading::default(), times);
        let all = format!("{report:?}{}", change.as_ref().map(|c| c.text(80)).unwrap_or_default());
        assert!(!all.contains("canary"), "{all}");
        (report.clone(), change, logins(&self.web) - before)
    }
}

#[tokio::test]
async fn a_refused_login_is_not_sent_again_until_it_changes() {
    for by_token in [true, false] {
        let mut watched = Watched::new(by_token).await;
        let (first, change, sent) = watched.turn("canary").await;
        assert!(sent > 0 && change.is_none(), "{sent}");
        let refused =
            |report: &Report| report.probes.iter().filter(|o| o.http_status == Some(401)).cloned().collect::<Vec<_>>();
        let plain =
            |report: &Report| refused(report).into_iter().map(|o| (o.id, o.error_code, o.reason)).collect::<Vec<_>>();
        for _ in 0..3 {
            let (next, change, sent) = watched.turn("canary").await;
            assert_eq!((sent, change, causes(&next)), (0, None, causes(&first)), "by token: {by_token}");
            assert_eq!(plain(&next), plain(&first));
            assert!(watched.watch.numbers().text(time::OffsetDateTime::UNIX_EPOCH).contains("mops_logins_held 1\n"));
        }
        let (_, change, sent) = watched.turn("canary-2").await;
        assert!(sent > 0 && change.is_none(), "another one is tried, and refused alike: {sent}");
        let (_, change, sent) = watched.turn("good").await;
        let text = change.expect("a change").text(80);
        assert!(sent > 0 && text.contains("went") && text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(watched.turn("good").await.2 > 0, "one that is taken is asked every time");
        assert_eq!(watched.turn("canary-2").await.2, 0, "an old one is still known");
        watched.now += BACK_OFF;
        assert!(watched.turn("canary-2").await.2 > 0, "when the back-off is over it is tried once more");
        assert_eq!(watched.turn("canary-2").await.2, 0);
    }
}

#[tokio::test]
async fn no_run_sends_an_invented_login() {
    let mut watched = Watched::new(true).await;
    watched.turn("good").await;
    let users = watched.web.seen().into_iter().filter_map(|s| s.call.header("authorization").map(str::to_owned));
    let basic: BTreeSet<String> = users.filter(|header| header.starts_with("Basic ")).collect();
    assert_eq!(basic, BTreeSet::from(["Basic dTpnb29k".to_owned()]));
}

/// The same in a pod, which is another process each time.
#[tokio::test]
async fn a_pod_is_told_which_logins_were_refused_and_tells_what_it_hears() {
    let web = Web::start(registry(true));
    let nonce = Nonce::new([3; 32]);
    let probe = async |held: &str, password: &str| {
        let text = config(password);
        let env = [
            (names::REGISTRY, HOST),
            (names::PULL_SECRET, text.as_str()),
            (names::NONCE, &nonce.text()),
            (names::HELD, held),
        ];
        let settings = Settings::from_env(&Env::of(env));
        let logins = settings.logins().expect("a run that is repeated");
        let before = self::logins(&web);
        let seen = checks::run(&settings, &web.http().minding(&logins), &web.clock.shared()).await;
        let v2 =
            seen.into_iter().find(|o| o.check == check::REGISTRY_V2 && o.variant == "pullsecret").expect("a login");
        (logins, v2, self::logins(&web) - before)
    };
    let (heard, v2, sent) = probe(",", "canary").await;
    assert!(sent > 0 && v2.has_code(code::UNAUTHORIZED), "{v2:?}");
    let hashes = |logins: &Logins| logins.refused().iter().map(|h| h.text().to_owned()).collect::<Vec<_>>().join(",");
    let held = hashes(&heard);
    let (heard, v2, sent) = probe(&held, "canary").await;
    assert_eq!((sent, v2.status, heard.spared().len()), (0, Some(401), 1));
    assert!(v2.has_code(mops_wire::logins::HELD), "whoever repeats the run knows what was said: {v2:?}");
    assert!(probe(&held, "good").await.2 > 0);
    let alone = Settings::from_env(&Env::of([(names::NONCE, nonce.text())]));
    assert!(alone.logins().is_none(), "a run by itself tells nothing of logins");
}

/// The rules of the text form: names, one TYPE before its samples, labels that are quoted, numbers.
fn samples(text: &str) -> Vec<(String, f64)> {
    assert!(text.ends_with('\n'));
    let name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (mut family, mut described, mut done, mut found) = (String::new(), String::new(), BTreeSet::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (of, words) = rest.split_once(' ').expect("words");
            assert!(name(of) && !words.is_empty() && done.insert(of.to_owned()), "{line}");
            of.clone_into(&mut described);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, kind) = rest.split_once(' ').expect("a type");
            assert!(of == described && ["gauge", "counter"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", of.ends_with("_total"), "{line}");
            of.clone_into(&mut family);
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (of, labels) = series.split_once('{').map_or((series, ""), |(of, rest)| (of, rest));
            assert_eq!(of, family, "{line}");
            if !labels.is_empty() {
                let labels = labels.strip_suffix('}').expect("closed");
                let each = labels.split("\",").map(|one| one.split_once("=\"").expect("quoted"));
                each.for_each(|(label, value)| {
                    assert!(name(label) && !value.trim_end_matches('"').contains(['"', '\n']), "{line}");
                });
            }
            found.push((series.to_owned(), value.parse().expect("a number")));
        }
    }
    let unique: BTreeSet<&str> = found.iter().map(|(series, _)| series.as_str()).collect();
    assert_eq!(unique.len(), found.len(), "a series stands twice");
    found
}

#[tokio::test]
async fn the_numbers_have_the_form_that_they_must_have_and_no_secret() {
    let mut watched = Watched::new(true).await;
    let at = time::macros::datetime!(2026-11-27 10:00 UTC);
    let empty = samples(&watched.watch.numbers().text(at));
    assert!(empty.contains(&("mops_runs_total{result=\"passed\"}".into(), 0.0)), "{empty:?}");
    watched.turn("canary").await;
    let text = watched.watch.numbers().text(at);
    let count =
        |all: &[(String, f64)], part: &str| all.iter().filter(|(s, _)| s.contains(part)).map(|(_, v)| v).sum::<f64>();
    let broken = samples(&text);
    let refused = "cause=\"REGISTRY_REFUSED\"";
    assert_eq!(count(&broken, refused), 1.0, "{text}");
    watched.turn("good").await;
    let mended = samples(&watched.watch.numbers().text(at));
    assert!(mended.iter().any(|(series, value)| series.contains(refused) && *value == 0.0), "{mended:?}");
    assert!(count(&mended, "mops_expiry_days{kind=\"certificate\",object=\"reg.example\"}") > 0.0, "{mended:?}");
    assert!(!text.contains("canary"), "{text}");
}

//! An NGC that lies: what it answers is shown or named, no key goes to a stranger, and nothing hangs.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_probe::observation::{check, code};
use mops_probe::{Observation, Outcome};
use mops_tests::http::Reply;
use mops_tests::ngc::{Hostile, NAMES};
use mops_tests::tls::bind;
use mops_wire::{ConnectMap, Http, HttpConfig};

use super::ngc::{SERVER, ngc, probe, web};
use crate::web::Web;

fn of<'a>(seen: &'a [Observation], check: &str) -> &'a Observation {
    seen.iter().find(|o| o.check == check).unwrap_or_else(|| panic!("no {check} in {seen:?}"))
}

#[tokio::test]
async fn a_hostile_ngc_is_named_and_gets_no_key() {
    let rows = [
        (Hostile::Page, code::HTML, code::HTML),
        // A HEAD ends by itself.
        (Hostile::Endless, code::UNEXPECTED, ""),
        (Hostile::ForeignRealm, code::REALM_UNTRUSTED, ""),
        (Hostile::Metadata, code::UNEXPECTED, code::UNEXPECTED),
    ];
    for (hostile, first, second) in rows {
        let ngc = ngc();
        ngc.turn(hostile);
        let web = web(&ngc);
        let seen = probe(SERVER, &web.http(), &web).await;
        let text = serde_json::to_string(&seen).expect("lines");
        assert!(!text.contains("canary"), "{hostile:?}: {text}");
        assert!(of(&seen, check::REGISTRY_CHALLENGE).has_code(first), "{hostile:?}: {text}");
        let model = of(&seen, check::NGC_MODEL);
        assert_eq!(model.code.as_deref().unwrap_or_default(), second, "{hostile:?}: {text}");
        assert!(seen.iter().all(|o| o.check != check::REGISTRY_PULL), "nothing is asked behind it");
        for one in web.seen() {
            let keyed = one.call.header("authorization").is_some();
            assert!(!keyed || NAMES[1..].contains(&one.call.host.as_str()), "{hostile:?}: {} got a key", one.call.host);
        }
        assert!(web.plain().is_empty() && web.seen().len() <= 8, "{hostile:?}: {} requests", web.seen().len());
    }
    println!("M13 ngc hostile={} leaked=0", rows.len());
}

/// The registry sends to another realm once a token is old; its key stays here.
#[tokio::test]
async fn an_old_token_sends_no_key_to_another_realm() {
    let ngc = ngc();
    let taken = std::sync::Arc::clone(&ngc);
    let web = Web::start(move |seen, _| {
        if seen.call.path.contains("/manifests/") {
            taken.expire_tokens();
        }
        taken.answer(&seen.call)
    });
    let seen = probe(SERVER, &web.http(), &web).await;
    assert!(of(&seen, check::REGISTRY_PULL).has_code(code::REALM_UNTRUSTED), "{seen:?}");
    assert!(web.seen().iter().all(|s| NAMES.contains(&s.call.host.as_str())), "only NGC itself was asked");
}

#[tokio::test]
async fn an_ngc_that_never_answers_is_a_time_out() {
    let web = Web::start(|_, _| Reply::empty(200));
    let silent = bind().expect("a port");
    let to = silent.local_addr().expect("an address");
    let connect = ConnectMap::new(NAMES.map(|name| (name.to_owned(), to))).expect("loopback");
    let http = Http::new(HttpConfig { connect, ..web.config() }).expect("a pipeline");
    let seen = probe(SERVER, &http, &web).await;
    assert!(of(&seen, check::NGC_MODEL).has_code(code::TIMEOUT), "{seen:?}");
    assert!(seen.iter().filter(|o| o.check == check::NGC_TOKEN).all(|o| o.outcome == Outcome::Skipped), "{seen:?}");
}

//! The client of Novita against the fake: reads are repeated, a create never blindly, and what went wrong has its kind
//! without a secret in it.

use std::sync::Arc;
use std::time::Duration;

use mops_clients::novita::{AuthRef, Base, Deed, InstanceSpec, Kind, Novita, NovitaError, own_name};
use mops_core::Secret;
use mops_host::clock::{Clock as _, ManualClock};
use mops_tests::novita::{Hostile, Passwords};
use mops_tests::sandbox::{Options, Sandbox};
use mops_wire::fault::{Call, Fault, FaultLayer};
use mops_wire::{ConnectMap, Http, HttpConfig};

const KEY: &str = "canary-key-of-novita";

struct Bench {
    sandbox: Sandbox,
    clock: ManualClock,
    api: Novita,
}

/// No answer, as often as asked.
struct Hangs;

impl FaultLayer for Hangs {
    fn before(&self, _: Call<'_>) -> Option<Fault> {
        Some(Fault::Hang)
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(faults: Option<Arc<dyn FaultLayer>>) -> Self {
        let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
        sandbox.novita().key(KEY);
        let mut config = HttpConfig::new();
        config.roots = vec![sandbox.world().ca_pem.as_bytes().to_vec()];
        config.connect = ConnectMap::new(sandbox.connect()).expect("loopback");
        config.this_machine_only = true;
        config.clock = clock.shared();
        config.faults = faults;
        let http = Http::new(config).expect("a pipeline");
        let base = Base::parse(mops_clients::novita::BASE).expect("an address");
        Self { api: Novita::new(http, base, Secret::from(KEY)), sandbox, clock }
    }

    fn turn(&self, path: &str, times: u32, hostile: Hostile) {
        self.sandbox.novita().turn(path, times, hostile);
    }

    fn count(&self, path: &str) -> usize {
        self.sandbox.novita().sent(path).len()
    }

    async fn refused(&self, hostile: Hostile) -> NovitaError {
        self.sandbox.novita().mend();
        self.turn("auths", 9, hostile);
        self.api.auths().await.expect_err("it is refused")
    }
}

fn trainer() -> InstanceSpec {
    InstanceSpec {
        product_id: "4090".into(),
        gpu_num: 1,
        rootfs_size: 60,
        image_url: "reg.io/a:1".into(),
        name: own_name("trainer"),
        ..InstanceSpec::default()
    }
}

#[tokio::test]
async fn v_08_an_answer_of_another_form_is_never_guessed() {
    let bench = Bench::new();
    for body in
        [r#"{"message": "moved"}"#, r#"{"data": null}"#, r#"{"data": {"id": 1}}"#, "[]", "<html>sign in</html>", ""]
    {
        let error = bench.refused(Hostile::says(200, body)).await;
        assert_eq!(error.kind(), Kind::InvalidResponse, "{body}");
        assert!(error.to_string().starts_with("Invalid response format from registry auths API"), "{error}");
    }
    bench.sandbox.novita().mend();
    bench.turn("auths", 1, Hostile::says(200, r#"{"data": []}"#));
    assert!(bench.api.auths().await.expect("an empty list is a good one").is_empty());
    let page = bench.refused(Hostile::says(401, "<html>sign in</html>")).await;
    assert_eq!(page.kind(), Kind::UnknownError, "a portal says nothing of the key");
    let odd = bench.refused(Hostile::says(302, r#"{"token": "canary"}"#)).await;
    assert_eq!((odd.kind(), format!("{odd:?} {odd}").contains("canary")), (Kind::UnknownError, false), "{odd:?}");
}

#[tokio::test]
async fn v_08_refusals_and_silence_have_their_kinds() {
    let bench = Bench::new();
    for (status, words, kind) in [
        (400, "INSUFFICIENT_RESOURCE", Kind::InsufficientResource),
        (400, "rootfsSize", Kind::BadRequest),
        (401, "Unauthorized access to registry auths", Kind::AuthenticationFailed),
        (403, "quota exceeded", Kind::ResourceConstraints),
        (403, "not yours", Kind::AccessForbidden),
        (404, "", Kind::NotFound),
        (409, "", Kind::ResourceConflict),
        (422, "", Kind::ValidationError),
    ] {
        let before = bench.count("auths");
        let error = bench.refused(Hostile::refusal(status, "X", words)).await;
        assert_eq!((error.kind(), bench.count("auths") - before), (kind, 1), "{status} {words}: sent once");
    }
    let before = bench.count("auths");
    let error = bench.refused(Hostile::refusal(503, "X", "")).await;
    assert_eq!((error.kind(), bench.count("auths") - before), (Kind::ServerError, 4), "a read is repeated three times");
    let error = bench.refused(Hostile::Reset).await;
    assert_eq!(error.kind(), Kind::NetworkError);
    assert!(error.to_string().starts_with("Network error - unable to connect"), "{error}");
}

#[tokio::test]
async fn v_08_a_silent_service_is_tried_four_times_with_growing_pauses() {
    let bench = Bench::with(Some(Arc::new(Hangs)));
    let began = bench.clock.monotonic();
    let error = bench.api.auths().await.expect_err("nobody answers");
    let took = bench.clock.monotonic() - began;
    assert_eq!(error.kind(), Kind::RequestTimeout);
    assert!(error.to_string().contains("30 s") && took <= Duration::from_secs(1 + 2 + 4), "{error}: {took:?}");
}

#[tokio::test]
async fn v_11_the_services_pause_is_kept() {
    let bench = Bench::new();
    bench.turn("auths", 1, Hostile::busy(7));
    let began = bench.clock.monotonic();
    bench.api.auths().await.expect("the second answer is good");
    assert!(bench.clock.monotonic() - began >= Duration::from_secs(7));
    assert_eq!(bench.count("auths"), 2);
    bench.turn("create", 1, Hostile::busy(9));
    bench.api.create_instance(&trainer()).await.expect("made");
    assert_eq!((bench.count("create"), bench.sandbox.novita().machines().len()), (2, 1));
}

#[tokio::test]
async fn m_14_v_11_a_lost_answer_to_create_leaves_one_instance() {
    for (hostile, sent, adopted) in [
        (Hostile::Lost, 1, true),
        (Hostile::LostAndLate(1), 1, true),
        (Hostile::Reset, 2, false),
        (Hostile::says(504, ""), 2, false),
        (Hostile::says(200, "<html>a proxy</html>"), 2, false),
    ] {
        let bench = Bench::new();
        bench.turn("create", 1, hostile.clone());
        let made = bench.api.create_instance(&trainer()).await.expect("made");
        let machines = bench.sandbox.novita().machines();
        assert_eq!((machines.len(), bench.count("create"), made.adopted), (1, sent, adopted), "{hostile:?}");
        assert_eq!(machines[0].0, made.id);
    }
}

#[tokio::test]
async fn m_14_v_11_a_create_that_is_never_answered_ends_with_its_name() {
    let bench = Bench::new();
    bench.turn("create", 9, Hostile::Reset);
    let spec = trainer();
    let error = bench.api.create_instance(&spec).await.expect_err("nobody knows");
    assert!(matches!(&error, NovitaError::Unsettled { name, .. } if *name == spec.name), "{error:?}");
    assert!(error.hint().expect("a hint").contains(&spec.name));
    assert_eq!((bench.count("create"), bench.sandbox.novita().machines().len()), (2, 0));
    let refused = Bench::new();
    refused.turn("create", 9, Hostile::refusal(400, "INSUFFICIENT_RESOURCE", "none free"));
    let error = refused.api.create_instance(&spec).await.expect_err("refused");
    assert_eq!((error.kind(), refused.count("create")), (Kind::InsufficientResource, 1));
}

#[tokio::test]
async fn v_07_nothing_is_sent_for_a_value_out_of_its_limits() {
    let bench = Bench::new();
    let error = bench.api.create_instance(&InstanceSpec { gpu_num: 9, ..trainer() }).await.expect_err("refused");
    assert!(error.to_string().contains("`gpuNum`"), "{error}");
    let long = Secret::new("x".repeat(501));
    assert!(bench.api.create_auth("a.io", "u", &long).await.is_err());
    assert_eq!(bench.sandbox.novita().calls().len(), 0);
}

#[tokio::test]
async fn v_03_a_login_is_created_once_and_found_by_what_the_list_has_more() {
    let bench = Bench::new();
    let novita = bench.sandbox.novita();
    novita.auth("a.io", "u", "canary-old");
    let made = bench.api.create_auth("a.io", "u", &Secret::from("canary-new")).await.expect("made");
    let kept = novita.kept();
    assert_eq!((kept.len(), &kept[1].id, kept[1].password.as_str()), (2, &made.id, "canary-new"));
    bench.turn("save", 1, Hostile::Lost);
    let lost = bench.api.create_auth("b.io", "u", &Secret::from("canary-b")).await.expect("the list shows it");
    assert_eq!((novita.kept().len(), bench.count("save")), (3, 2));
    bench.turn("save", 1, Hostile::Reset);
    let error = bench.api.create_auth("c.io", "u", &Secret::from("canary-c")).await.expect_err("lost");
    assert_eq!((error.kind(), novita.kept().len(), bench.count("save")), (Kind::NetworkError, 3, 3));
    bench.turn("delete", 1, Hostile::says(200, r#"{"success": false, "message": "in use"}"#));
    let error = bench.api.delete_auth(&lost.id).await.expect_err("it says that it failed");
    assert!(error.to_string().contains("in use"), "{error}");
    bench.turn("delete", 1, Hostile::Lost);
    bench.api.delete_auth(&lost.id).await.expect("the list shows that it is gone");
    assert!(bench.api.delete_auth(&lost.id).await.expect_err("gone").is_not_found());
}

#[tokio::test]
async fn v_12_five_failures_and_nothing_more_is_sent_for_a_minute() {
    let bench = Bench::new();
    bench.turn("auths", 20, Hostile::Reset);
    for _ in 0..5 {
        assert_eq!(bench.api.auths().await.expect_err("broken").kind(), Kind::NetworkError);
    }
    let sent = bench.count("auths");
    assert_eq!(bench.api.auths().await.expect_err("open").kind(), Kind::CircuitBreakerOpen);
    assert_eq!(bench.count("auths"), sent);
    bench.sandbox.novita().mend();
    bench.clock.advance(Duration::from_secs(61));
    assert!(bench.api.auths().await.is_ok());
}

#[tokio::test]
async fn v_12_no_more_than_a_hundred_requests_leave_in_a_minute() {
    let bench = Bench::new();
    let began = bench.clock.monotonic();
    for _ in 0..100 {
        bench.api.auths().await.expect("a list");
    }
    assert!(bench.clock.monotonic() - began < Duration::from_secs(60));
    bench.api.auths().await.expect("a list");
    assert!(bench.clock.monotonic() - began >= Duration::from_secs(60));
}

#[tokio::test]
async fn v_13_no_error_quotes_a_secret() {
    let bench = Bench::new();
    let echo = format!("bad key {KEY}");
    let error = bench.refused(Hostile::refusal(401, "X", &echo)).await;
    bench.sandbox.novita().mend();
    bench.turn("save", 1, Hostile::refusal(400, "X", "password canary-pass is weak"));
    let other = bench.api.create_auth("a.io", "u", &Secret::from("canary-pass")).await.expect_err("refused");
    bench.sandbox.novita().shows(Passwords::Real);
    bench.sandbox.novita().auth("a.io", "u", "canary-real");
    let all = bench.api.auths().await.expect("a list");
    let shown = format!("{error} {error:?} {other} {other:?} {all:?} {:?}", bench.api);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("[masked]"), "{shown}");
}

#[tokio::test]
async fn an_instance_lives_and_goes() {
    let bench = Bench::new();
    let made = bench.api.create_instance(&trainer()).await.expect("made");
    let one = bench.api.instance(&made.id).await.expect("it is there");
    assert_eq!((one.status.as_str(), one.fault), ("toCreate", None));
    bench.api.deed(&made.id, Deed::Stop).await.expect("stopped");
    assert_eq!(bench.api.instances(None, Some("exited")).await.expect("a list").len(), 1);
    bench.api.deed(&made.id, Deed::Delete).await.expect("deleted");
    assert!(bench.api.deed(&made.id, Deed::Start).await.expect_err("gone").is_not_found());
    let wanted = AuthRef::Id("absent".into());
    assert!(bench.api.resolve(&wanted).await.expect_err("absent").is_not_found());
}

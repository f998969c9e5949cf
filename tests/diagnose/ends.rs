//! What ends soon, in a whole run with an advanced clock: the registry's certificate, and a token that a secret holds.
//! Prints `M12 clocks=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::Secret;
use mops_diagnose::{Command, Request, Services, look};
use mops_host::clock::{ManualClock, SystemClock};
use mops_tests::http::Reply;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::cluster::{World, observations, request, says};
use crate::web::Web;

const HOST: &str = "reg.example";

/// A token that lived for 50 days and ends then.
fn token(end: OffsetDateTime) -> String {
    let end = end.unix_timestamp();
    let claims = json!({"exp": end, "iat": end - Duration::days(50).whole_seconds()});
    format!("e30.{}.canary", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// Causes about ends with their targets, as a run says that begins at this time.
async fn ends(now: OffsetDateTime, token: &str) -> Vec<(String, String)> {
    let web = Web::start(|_, _| Reply::json(401, &json!({})).header("www-authenticate", "Basic realm=\"r\""));
    let world = World::new(&says(&observations())).await;
    world.workload(false).await;
    let data = json!({"REGISTRY_USERNAME": "robot", "REGISTRY_PASSWORD": token});
    world.make::<Secret>(json!({"metadata": {"name": "bundle-credentials"}, "stringData": data})).await;
    let request = Request { registry: Some(HOST.into()), ..request() };
    let services = Services { http: web.http(), clock: ManualClock::stepped(now).shared(), ..world.services() };
    let report = look(Command::DiagnoseAuth, request, services).await.report();
    let about = ["EXPIRES_SOON", "SECRET_SHORT_LIVED"];
    let found = report.findings.into_iter().filter(|f| about.contains(&f.cause_id.as_str()));
    let mut found: Vec<_> = found.map(|f| (f.cause_id, f.target)).collect();
    found.sort();
    found
}

#[tokio::test]
async fn certificate_and_token_are_named_before_they_end() {
    let now = SystemClock::shared().now();
    let token = token(now + Duration::days(20));
    let found = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(id, target)| ((*id).to_owned(), (*target).to_owned())).collect()
    };
    let rows = [
        (0, found(&[])),
        (16, found(&[])),
        (18, found(&[("EXPIRES_SOON", "bundle-credentials")])),
        (21, found(&[("SECRET_SHORT_LIVED", "bundle-credentials")])),
        // The certificate of the web lives for a month.
        (24, found(&[("EXPIRES_SOON", HOST), ("SECRET_SHORT_LIVED", "bundle-credentials")])),
    ];
    for (days, want) in &rows {
        assert_eq!(ends(now + Duration::days(*days), &token).await, *want, "after {days} days");
    }
    println!("M12 clocks={}", rows.len());
}

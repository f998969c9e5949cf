//! Promise: our signatures open at Azurite what they say and nothing else, whoever signed them: an account key, or the
//! identity of `up`, whose signature outlives every account key.

use mops_core::Secret;
use mops_tests::job::{FILE, Job, example};
use mops_tests::push::pipeline_by_name;
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use mops_wire::Http;
use mops_wire::sas::{AccountSas, SasView, ServiceSas, Terms};
use time::{Duration, OffsetDateTime};

use crate::storage::{ACCOUNT, CONTAINER, ask, handed_out, keys, list};

/// The example, whose SAS is signed by the identity.
fn stack() -> String {
    let (from, to) = ("lifetime: 90d, renew_before: 14d", "kind: user_delegation, lifetime: 6d");
    let text = example("unified-infra/unified-infra.yaml");
    assert!(text.contains(from), "the example has no `{from}` any more");
    text.replace(from, to)
}

/// From and until when, in hours from now.
pub(crate) fn terms(permissions: &str, start: i64, end: i64) -> Terms {
    let at = |hours| Some(OffsetDateTime::now_utc() + Duration::hours(hours));
    Terms { permissions: permissions.into(), start: at(start), expiry: at(end), ..Terms::default() }
}

pub(crate) fn of_account(services: &str, resource_types: &str, key: &Secret<String>) -> String {
    let terms = terms("rl", -1, 1);
    let (services, resource_types) = (services.into(), resource_types.into());
    let sas = AccountSas { account: ACCOUNT.into(), services, resource_types, terms };
    sas.sign(key).expect("a signature").into_exposed()
}

pub(crate) fn of_container(container: &str, policy: Option<&str>, terms: Terms, key: &Secret<String>) -> String {
    let sas = ServiceSas {
        account: ACCOUNT.into(),
        container: container.into(),
        blob: None,
        policy: policy.map(Into::into),
        answer_headers: Default::default(),
        terms,
    };
    sas.sign(key).expect("a signature").into_exposed()
}

/// Lists the container with each and compares status and code.
async fn listed_with(http: &Http, rows: &[(&str, String, &str)]) {
    for (what, sas, code) in rows {
        let answer = ask(http, "GET", &list(sas), "").await;
        let status = if code.is_empty() { 200 } else { 403 };
        assert_eq!((answer.status, answer.code.as_str()), (status, *code), "{what}");
    }
}

#[tokio::test]
async fn a_signature_opens_what_it_says_whoever_signed_it() {
    let test = "the table of signatures at Azurite";
    let Some(job) = Job::in_private_world(&stack()) else { return skipped("world", test) };
    if program("azurite", "azurite-blob").is_err() {
        return skipped("azurite", test);
    }
    let http = pipeline_by_name().expect("a pipeline");
    job.good(&["mops", "infra", "up", FILE, "-c", "storage", "--yes"]).await;
    let [first, second] = keys(&job);
    let good = || terms("rl", -1, 1);
    let ours = of_container("bundle-blobs", None, good(), &first);
    let (other, no_right, policy) = ("AuthorizationFailure", "AuthorizationPermissionMismatch", Some("nobody"));
    listed_with(
        &http,
        &[
            ("of the container", ours.clone(), ""),
            ("by the second key", of_container("bundle-blobs", None, good(), &second), ""),
            ("of the account", of_account("b", "sco", &first), ""),
            ("of the account by the second key", of_account("b", "sco", &second), ""),
            ("without the right", of_container("bundle-blobs", None, terms("r", -1, 1), &first), no_right),
            ("for another kind of thing", of_account("b", "o", &first), "AuthorizationResourceTypeMismatch"),
            ("for another service", of_account("q", "sco", &first), "AuthorizationServiceMismatch"),
            ("for another container", of_container("results", None, good(), &first), other),
            ("that has ended", of_container("bundle-blobs", None, terms("rl", -2, -1), &first), other),
            ("that has not begun", of_container("bundle-blobs", None, terms("rl", 1, 2), &first), other),
            ("of a policy that is not there", of_container("bundle-blobs", policy, good(), &first), other),
            ("by another key", of_container("bundle-blobs", None, good(), &Secret::from("bm90IGEga2V5")), other),
            ("with more rights than were signed", ours.replace("sp=rl", "sp=rwl"), other),
        ],
    )
    .await;

    let delegated = handed_out(&job).await;
    assert!(SasView::of(&Secret::from(delegated.as_str())).by_delegation, "the identity signed it");
    let blob = format!("{CONTAINER}/x?{delegated}");
    let write = ask(&http, "PUT", &blob, "x").await;
    assert_eq!((write.status, write.code.as_str()), (403, no_right), "{write:?}");
    job.ask_to("/break/sas");
    listed_with(&http, &[("after its key was regenerated", ours, other), ("by the identity", delegated, "")]).await;
    job.down_to_nothing().await;
}

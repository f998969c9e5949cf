//! Promise: `registry.auth: service_principal` from the stack file, through the built programs: pods pull as an
//! application that somebody else has made, whose secret stays where the file says that it is; one that the directory
//! does not take is told with its cause before anything is written.

use mops_tests::job::{FILE, Job};
use mops_tests::principal::puller::{CLIENT, SECRET, VARIABLE, introduce, register, stack};
use serde_json::{Value, json};

#[tokio::test]
async fn pods_pull_as_an_application_whose_secret_stays_where_it_is() {
    let mut job = Job::of(&stack()).await;
    introduce(&mut job);
    job.with_images().await;
    job.up().await;
    job.nothing_to_do().await;
    let (out, _) = job.said(&["mops", "infra", "outputs", "registry", "--json", "--show-secrets"], 0).await;
    let line: Value = serde_json::from_str(&out).expect("one object");
    let told = &line["outputs"]["registry"];
    let names = (&told["auth"], &told["bundles_pull_username"], &told["bundles_pull_password"]);
    assert_eq!(names, (&json!("service_principal"), &json!(CLIENT), &Value::Null));
    let (state, _) = job.said(&["mops", "infra", "export"], 0).await;
    assert!(state.contains(VARIABLE) && !state.contains(SECRET), "{state}");
    job.good(&["mops", "smoke-test"]).await;
    register(&job, SECRET, true);
    let (out, _) = job.said(&["mops", "diagnose-auth"], 1).await;
    assert!(out.contains("SP_SECRET_EXPIRED") && out.contains("AADSTS7000222"), "{out}");
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_secret_that_the_directory_refuses_is_told_before_anything_is_written() {
    let mut job = Job::of(&stack()).await;
    introduce(&mut job);
    job.with_images().await;
    let before = job.existing();
    let renewal = format!("az ad app credential reset --id {CLIENT} --append");
    for (secret, expired, code, cause) in [
        (SECRET, true, "AADSTS7000222", "has expired"),
        ("another-secret-of-the-application", false, "AADSTS7000215", "does not hold a client secret"),
    ] {
        register(&job, secret, expired);
        let (_, err) = job.said(&["mops", "infra", "up", FILE, "--yes"], 2).await;
        for part in [code, cause, &renewal, VARIABLE] {
            assert!(err.contains(part), "{part}: {err}");
        }
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
        assert_eq!(job.existing(), before, "{err}");
    }
    job.down_to_nothing().await;
}

//! Promise: a preview needs no passphrase and no right to write: it shows the plan that somebody with every right sees.

use serde_json::json;

use mops_tests::job::Job;

const FILE: &str = "unified-infra.yaml";
/// What a reader of a subscription and of its clusters is refused.
const REFUSED: [&[&str]; 7] = [
    &["arm PUT "],
    &["arm PATCH "],
    &["arm DELETE "],
    &["arm POST ", "/listKeys"],
    &["arm POST ", "/listCredentials"],
    &["arm POST ", "ServiceSas"],
    &["kubernetes GET ", "/secrets/"],
];

#[tokio::test]
async fn a_preview_with_read_rights_and_without_passphrase_shows_the_same_plan() {
    let mut job = Job::new().await;
    job.place.set("PULUMI_CONFIG_PASSPHRASE", "only-the-deployment-knows");
    job.with_images().await;
    job.up().await;
    let text = mops_host::fsx::read_text(&job.place.path().join(FILE)).unwrap();
    let changed = text.replace("sku: Basic", "sku: Standard").replace("replicas: 2", "replicas: 3");
    assert_ne!(changed, text);
    let text_of = |output: &mops_host::proc::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    for refresh in [false, true] {
        for file in [&text, &changed] {
            job.place.write(FILE, file);
            let mut words = vec!["mops", "infra", "preview", FILE];
            words.extend(refresh.then_some("--refresh"));
            let all_rights = text_of(&job.good(&words).await);
            for matches in REFUSED {
                let fault = json!({"status": {"status": 403, "code": "AuthorizationFailed", "retry_after": null}});
                job.tell("POST", "/faults", &json!({"matches": matches, "times": u32::MAX, "fault": fault}));
            }
            job.place.env.retain(|(name, _)| name != "PULUMI_CONFIG_PASSPHRASE");
            let read_only = text_of(&job.good(&words).await);
            let met = job.ask("/faults").as_array().map_or(0, Vec::len);
            assert!(met > 0 || !refresh, "nothing was refused, so nothing was tried");
            job.tell("DELETE", "/faults", &json!({}));
            job.place.set("PULUMI_CONFIG_PASSPHRASE", "only-the-deployment-knows");
            assert_eq!(read_only, all_rights, "refresh {refresh}");
        }
    }
}

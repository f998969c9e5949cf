//! skopeo.

use mops_tests::image::Image;
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use super::{Desk, HOST, targets, there};

#[tokio::test]
async fn skopeo_works_at_both() {
    const TEST: &str = "skopeo at the fake and at docker-registry";
    if !there("skopeo") {
        skipped("skopeo", TEST);
        return;
    }
    for docker_registry in targets(TEST) {
        let desk = Desk::at(docker_registry, "skopeo").await;
        desk.sign_in("invalid username/password").await;
        copied(&desk).await;
        desk.only_as_mops_wrote().await;
        listed_and_deleted(&desk).await;
        desk.without_a_login(&["list-tags", &format!("docker://{HOST}/team/app")]).await;
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn copied(desk: &Desk) {
    let image = Image::tiny("team/app:1", "hello").expect("in memory");
    let layout = desk.path("layout");
    image.write_layout(&layout).expect("a layout");
    let (here, there) = (format!("oci:{}:1", layout.display()), format!("docker://{HOST}/{}", image.name));
    desk.good(&["--insecure-policy", "copy", &here, &there], None).await;
    let digest = desk.good(&["inspect", "--format", "{{.Digest}}", &there], None).await;
    assert_eq!(digest, image.digest(), "the digest is the one that we computed");
    let back = desk.path("back");
    desk.good(&["--insecure-policy", "copy", &there, &format!("oci:{}:1", back.display())], None).await;
    let index = std::fs::read_to_string(back.join("index.json")).expect("a layout");
    assert_eq!(read(&index)["manifests"][0]["digest"], image.digest());
}

async fn listed_and_deleted(desk: &Desk) {
    let repository = format!("docker://{HOST}/team/app");
    let tags = desk.good(&["list-tags", &repository], None).await;
    assert_eq!(read(&tags)["Tags"], json!(["1"]));
    let missing = desk.bad(&["inspect", &format!("{repository}:2")], None).await;
    assert!(missing.contains("manifest unknown"), "{missing}");
    desk.good(&["delete", &format!("{repository}:1")], None).await;
    desk.bad(&["inspect", &format!("{repository}:1")], None).await;
}

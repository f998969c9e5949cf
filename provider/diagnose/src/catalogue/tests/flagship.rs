//! A wrong path and a missing licence at NGC get the same bare refusal from a node. Each report must say which it is
//! and why, and never blame the other.

use super::fixture;
use crate::Finding;

fn of(id: &str) -> Finding {
    first(id, "trigger.yaml")
}

fn first(id: &str, name: &str) -> Finding {
    let world = fixture::all().into_iter().find(|w| w.id == id && w.path.ends_with(name)).expect("a world");
    world.findings().into_iter().next().expect("a finding")
}

#[test]
fn a_wrong_path_is_not_blamed_on_the_licence() {
    let path = of("NGC_IMAGE_NOT_FOUND");
    assert!(path.message.contains("nearest: nim/nvidia/llama-3.1-nemotron-nano-8b-v1"), "{}", path.message);
    assert!(path.message.contains("no licence is missing: a random name is refused alike"), "{}", path.message);
    assert!(path.ruled_out.iter().any(|r| r.cause_id == "REGISTRY_REFUSED"), "{:?}", path.ruled_out);
    let licence = of("NGC_LICENSE_NOT_ACCEPTED");
    assert!(licence.message.contains("Please accept license on the browser"), "{}", licence.message);
    assert!(licence.fixes.iter().any(|f| f.page.as_deref() == Some("https://catalog.ngc.nvidia.com")));
}

/// The third of the refusals that look alike: the image is right and the licence accepted, and the cluster has an old
/// key.
#[test]
fn an_old_key_in_the_cluster_is_not_blamed_on_path_or_licence() {
    let key = first("KEY_DIFFERS_LOCAL_CLUSTER", "trigger-ngc.yaml");
    assert_eq!(key.cause_id, "KEY_DIFFERS_LOCAL_CLUSTER");
    assert!(key.message.contains("accepts the one of this machine"), "{}", key.message);
    let ruled: Vec<&str> = key.ruled_out.iter().map(|r| r.cause_id.as_str()).collect();
    assert_eq!(ruled, ["NGC_KEY_INVALID_OR_EXPIRED", "REGISTRY_REFUSED"]);
    let told = format!("{}{}", key.message, key.fixes[0].text);
    assert!(!told.contains("licen") && !told.contains("path"), "{told}");
}

/// What NGC answers with 401, 402, 403 or 451 looks alike in a pod's events and has five cures.
#[test]
fn five_refusals_of_ngc_are_five_causes() {
    let ids = [
        "NGC_KEY_INVALID_OR_EXPIRED",
        "NGC_SUBSCRIPTION_REQUIRED",
        "NGC_IMAGE_NOT_FOUND",
        "NGC_NOT_ENTITLED",
        "NGC_LEGAL_RESTRICTION",
    ];
    for id in ids {
        let finding = of(id);
        assert_eq!(finding.cause_id, id);
        assert!(!finding.message.contains("accept"), "{id} blames the licence: {}", finding.message);
    }
}

/// A model that is refused behind an image that was given says so, and an image that is refused says nothing of models.
#[test]
fn each_gate_is_reported_by_its_name() {
    for id in ["NGC_MODEL_SCOPE", "NGC_MODEL_KEY_REFUSED"] {
        let finding = of(id);
        assert!(finding.message.contains("NGC gave the image"), "{}", finding.message);
    }
    for id in ["NGC_KEY_SERVICES", "NGC_NOT_ENTITLED", "NGC_LICENSE_NOT_ACCEPTED"] {
        let finding = of(id);
        assert!(!finding.message.contains("model"), "{}", finding.message);
    }
}

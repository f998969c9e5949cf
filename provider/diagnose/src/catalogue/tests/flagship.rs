//! A wrong path and a missing licence at NGC get the same bare refusal from a node. Each report must say which it is
//! and why, and never blame the other.

use super::fixture;
use crate::Finding;

fn of(id: &str) -> Finding {
    let world = fixture::all().into_iter().find(|w| w.id == id && w.main && w.trigger).expect("a world");
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

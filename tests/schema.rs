//! The published schema of the JSON lines of a run is the one that the engine's own types give.

use mops_engine::event;
use mops_host::{Env, fsx};

#[test]
fn run_events_schema_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/events.schema.json");
    let now = serde_json::to_string_pretty(&event::json_schema()).unwrap() + "\n";
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&path, now.as_bytes()).unwrap();
    }
    let kept = fsx::read_text(&path).unwrap_or_default();
    assert!(kept == now, "schema/events.schema.json is stale: `make schema` writes it");
}

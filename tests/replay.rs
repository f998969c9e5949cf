//! Promise: what Azure really answered is understood: every recorded error and failed operation by the real
//! parser, every recorded scenario by the real client to its end, and no secret of an answer reaches a log.
//! Needs the folder that `MOPS_AZURE_DATA` names; without it these tests are counted as skipped.

#[path = "replay/errors.rs"]
mod errors;
#[path = "replay/log.rs"]
mod log;
#[path = "replay/recording.rs"]
mod recording;
#[path = "replay/scenarios.rs"]
mod scenarios;

use std::path::PathBuf;

use serde_json::Value;

/// A file of the recordings; `None`, said aloud, when there are none here.
fn load(name: &str) -> Option<Value> {
    let env = mops_host::Env::process();
    let Some(folder) = env.get("MOPS_AZURE_DATA") else {
        mops_tests::skip::skipped("azure-data", name);
        return None;
    };
    let path = PathBuf::from(folder).join("recordings").join(name);
    let text = mops_host::fsx::read_text(&path).expect("a recording");
    Some(serde_json::from_str(&text).expect("JSON"))
}

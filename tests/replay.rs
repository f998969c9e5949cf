//! Promise: what Azure really answered is understood by the real client: every recorded scenario is driven to its
//! recorded end, every recorded error and failed operation becomes a message with code, ids and next step, nothing is
//! sent again blindly, and no secret of an answer reaches a log. `MOPS_AZURE_DATA` names the folder, which may be
//! anybody's; without it these tests are counted as skipped.

#[path = "replay/errors.rs"]
mod errors;
#[path = "replay/log.rs"]
mod log;
#[path = "replay/recording.rs"]
pub(crate) mod recording;
#[path = "replay/scenarios.rs"]
pub(crate) mod scenarios;

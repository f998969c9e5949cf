//! The contract with machines, shown by the built program: every line of `--json` has the published schema
//! (`lines`), no verb waits for an answer that cannot come (`input`), no screen is torn (`screen`), and each exit code means one thing (`exit`).
//! All of them walk the parser's own list of verbs, so that a new verb is held to the contract from its first day.

#[path = "contract/exit.rs"]
mod exit;
#[path = "contract/input.rs"]
mod input;
#[path = "contract/lines.rs"]
mod lines;
#[path = "contract/screen.rs"]
mod screen;

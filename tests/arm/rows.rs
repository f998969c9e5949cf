//! Promise: each of the 27 forms in which Azure was seen to work has a test of its number in the client, played by a
//! script, and in the sandbox; the numbers are those of the table of observed behaviour.

#[path = "rows/client.rs"]
mod client;
#[path = "rows/sandbox.rs"]
pub(crate) mod sandbox;

use std::collections::BTreeSet;

/// Images are brought in by no part of the product: the sandbox has no such call.
const NOT_IN_THE_SANDBOX: u32 = 9;

/// The numbers of the tests in a file.
fn numbers(text: &str) -> BTreeSet<u32> {
    text.lines().filter_map(|line| line.strip_prefix("async fn row_")?.get(..2)?.parse().ok()).collect()
}

#[test]
fn every_form_has_a_test_in_client_and_sandbox() {
    let mut all: BTreeSet<u32> = (1..=27).collect();
    assert_eq!(numbers(include_str!("rows/client.rs")), all);
    all.remove(&NOT_IN_THE_SANDBOX);
    assert_eq!(numbers(include_str!("rows/sandbox.rs")), all);
}

//! Something that was made a moment ago, at a service that does not know it everywhere yet: 404 does not mean that it is
//! gone, neither to a refresh nor to a deletion, and not for another process that only has the state.

use std::time::Duration;

use mops_tests::fault::{Fault, Rule};

use super::wire::{Old, Wire};
use crate::conformance::{Case, cases, ground};
use crate::stand::Stand;

/// What the service says of something that it does not know.
fn unknown() -> Fault {
    Fault::Status { status: 404, code: "ResourceNotFound".into(), retry_after: None }
}

/// A storage account, made a moment ago.
async fn made(stand: &Stand) -> (Case, Old) {
    let case = cases().into_iter().find(|case| case.urn.token() == "modelops:azure:StorageAccount").expect("listed");
    ground(stand, &case).await;
    let mut wire = Wire::on(stand).await;
    let inputs = wire.checked(&case.urn, &mops_core::Value::map(), &case.inputs).await;
    let (id, outputs) = wire.create(&case.urn, &inputs, false).await.expect("made");
    (case, Old { id, inputs, outputs })
}

/// The next reads of it find nothing.
fn forget(stand: &Stand, times: u32) {
    let matches = ["arm GET", "/storageaccounts/samplest?"].map(str::to_owned).into();
    stand.sandbox.faults().add(Rule { matches, skip: 0, times, fault: unknown() });
}

#[tokio::test]
async fn what_was_made_a_moment_ago_stays_in_the_state() {
    let stand = Stand::new();
    let (case, old) = made(&stand).await;
    forget(&stand, 3);
    let mut other = Wire::on(&stand).await;
    let found = other.read(&case.urn, &old).await.expect("an answer");
    assert_eq!(stand.sandbox.faults().met().len(), 3, "nobody looked again");
    assert_eq!((&found.id, &found.outputs), (&old.id, &old.outputs));
    let again = other.read(&case.urn, &found).await.expect("an answer");
    assert_eq!(again.outputs, old.outputs, "the moment of its creation is lost");
}

#[tokio::test]
async fn what_is_not_there_half_a_minute_later_is_gone() {
    let stand = Stand::new();
    let (case, old) = made(&stand).await;
    forget(&stand, u32::MAX);
    let begin = stand.clock.monotonic();
    let found = Wire::on(&stand).await.read(&case.urn, &old).await.expect("an answer");
    let waited = stand.clock.monotonic().saturating_sub(begin);
    assert_eq!(found.id, "");
    assert!(waited > Duration::from_secs(20) && waited <= Duration::from_secs(30), "{waited:?}");
    let looks = stand.sandbox.faults().met().len();
    assert_eq!(Wire::on(&stand).await.read(&case.urn, &old).await.expect("an answer").id, "");
    assert_eq!(stand.sandbox.faults().met().len(), looks + 1, "old enough to be believed at once");
}

#[tokio::test]
async fn a_deletion_right_after_it_leaves_nothing_behind() {
    let stand = Stand::new();
    let (case, old) = made(&stand).await;
    forget(&stand, 2);
    Wire::on(&stand).await.delete(&case.urn, &old).await.expect("deleted");
    assert_eq!(stand.sandbox.faults().met().len(), 2);
    assert!(!stand.sandbox.ledger().existing().iter().any(|id| id.eq_ignore_ascii_case(&old.id)), "left behind");
}

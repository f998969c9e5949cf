//! A SAS is signed again when its window has come, and when its account key was regenerated or the keys of identities
//! were revoked: then it opens nothing, although its time is not over.

use mops_core::{Urn, Value};
use mops_engine::plan::Op;
use mops_engine::program::Component;
use mops_engine::run::UpOptions;
use mops_tests::arm::storage::break_keys;
use mops_tests::fault::Fault;

use super::stack::Stack;

/// The sealed signatures in state, by name.
fn tokens(stack: &Stack) -> Vec<(Urn, Value)> {
    let state = stack.state();
    let signed = state.resources.iter().filter(|r| r.urn.token() == "modelops:azure:BlobSasToken");
    signed.map(|r| (r.urn.clone(), r.outputs.get("token").cloned().unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_plain_up_signs_again_inside_the_window_and_not_before() {
    let mut stack = Stack::new();
    let storage = UpOptions { only: Some([Component::Storage].into()), ..UpOptions::default() };
    stack.up_with(&storage).await.unwrap();
    let before = tokens(&stack);
    // The example's lives for 90 days and is renewed 14 before its end.
    stack.much_later(75);
    assert!(!stack.up_with(&storage).await.unwrap().changed(), "a day before the window");
    stack.much_later(2);
    let report = stack.up_with(&storage).await.unwrap();
    assert_eq!(report.totals.updated, before.len());
    assert!(tokens(&stack).iter().zip(&before).all(|(new, old)| new.0 == old.0 && new.1 != old.1));
    assert!(!stack.up_with(&storage).await.unwrap().changed(), "once is enough");
}

#[tokio::test]
async fn a_plain_up_signs_again_what_a_regenerated_key_has_ended() {
    let stack = Stack::new();
    let storage = UpOptions { only: Some([Component::Storage].into()), ..UpOptions::default() };
    stack.up_with(&storage).await.unwrap();
    let before = tokens(&stack);
    assert!(!before.is_empty());
    let again = stack.up_with(&storage).await.unwrap();
    assert!(!again.changed() && tokens(&stack) == before, "an unchanged key signs nothing again");
    break_keys(stack.sandbox.arm());
    let plan = stack.preview(&storage).await.unwrap();
    let said: Vec<_> = plan.steps.iter().filter(|s| s.op == Op::Update).filter_map(|s| s.reason.clone()).collect();
    assert_eq!(said.len(), before.len(), "{plan:?}");
    assert!(said.iter().all(|why| why.starts_with("its account key was regenerated at ")), "{said:?}");
    let report = stack.up_with(&storage).await.unwrap();
    assert_eq!(report.totals.updated, before.len());
    assert!(tokens(&stack).iter().zip(&before).all(|(new, old)| new.0 == old.0 && new.1 != old.1));
    assert!(!stack.up_with(&storage).await.unwrap().changed());
    // By way of everything, it is told as drift as well.
    break_keys(stack.sandbox.arm());
    let found = stack.drift().await;
    assert!(found.iter().any(|d| d.changes.iter().any(|c| c.path.to_string() == "keyCreated")), "{found:?}");
    let report = stack.up_with(&UpOptions { refresh: true, ..storage }).await.unwrap();
    assert_eq!((report.totals.updated, report.drifted), (before.len(), true));
}

const DELEGATED: &str = "cluster:
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  aks: {name: modelops-dev-aks, node_pools: [{name: system, mode: System, vm_size: Standard_B2s, count: 1}]}
storage:
  account_name: modelopsdevstore
  containers: [bundle-blobs]
  sas: {kind: user_delegation, lifetime: 5d, renew_before: 1d}
";

#[tokio::test]
async fn a_plain_up_signs_again_what_a_revocation_has_ended() {
    let mut stack = Stack::of(DELEGATED);
    let storage = UpOptions { only: Some([Component::Storage].into()), ..UpOptions::default() };
    stack.up_with(&storage).await.unwrap();
    let before = tokens(&stack);
    assert_eq!(before.len(), 1);
    assert!(!stack.up_with(&storage).await.unwrap().changed(), "nothing was revoked");
    stack.sandbox.arm().revoke_delegation_keys("/storageaccounts/modelopsdevstore");
    // Who may not read the log goes on without it.
    let fault = Fault::Status { status: 403, code: "AuthorizationFailed".into(), retry_after: None };
    stack.sandbox.faults().once(&["arm GET", "/eventtypes/management/values"], fault);
    assert!(!stack.up_with(&storage).await.unwrap().changed(), "it is not known");
    let plan = stack.preview(&storage).await.unwrap();
    let said: Vec<_> = plan.steps.iter().filter_map(|s| s.reason.clone()).collect();
    assert!(said.len() == 1 && said[0].starts_with("the keys of identities were revoked"), "{plan:?}");
    stack.much_later(1);
    assert_eq!(stack.up_with(&storage).await.unwrap().totals.updated, 1);
    assert!(tokens(&stack)[0].1 != before[0].1);
    assert!(!stack.up_with(&storage).await.unwrap().changed(), "once is enough");
}

//! A cluster that was deleted, stopped or cut off behind our back.

use std::collections::BTreeSet;

use mops_core::Class;
use mops_engine::error::{EngineError, Exit};
use mops_engine::plan::Op;
use mops_engine::program::Component;
use mops_engine::run::{DownOptions, RefreshOptions, UpOptions};
use serde_json::json;

use super::stack::Stack;

const CLUSTER: &str = "/managedClusters/modelops-dev-aks";

/// The error that kept a run from starting.
fn error(result: Result<mops_engine::run::Report, EngineError>) -> mops_core::Error {
    match result {
        Err(EngineError::Observe(mut all)) => all.swap_remove(0).1,
        other => panic!("it could run: {other:?}"),
    }
}

fn inside(stack: &Stack) -> BTreeSet<String> {
    let of_cluster = |r: &&mops_engine::state::ResourceState| r.urn.token().contains(":kubernetes:");
    stack.state().resources.iter().filter(of_cluster).map(|r| r.urn.name().to_owned()).collect()
}

#[tokio::test]
async fn what_was_in_a_deleted_cluster_leaves_the_state_and_is_made_anew() {
    let mut stack = Stack::whole().await;
    let within = inside(&stack);
    assert!(within.len() > 5, "{within:?}");
    assert_eq!(stack.sandbox.arm().delete_behind(CLUSTER).len(), 1);
    stack.an_hour_later();
    let gone: BTreeSet<String> = stack.drift().await.into_iter().filter(|d| d.gone).map(|d| d.name).collect();
    assert!(within.is_subset(&gone) && gone.contains("cluster"), "{gone:?}");
    // A plain up finds out, too, and makes all of it once.
    let report = stack.up().await;
    assert!(report.totals.created > within.len() && report.totals.deleted == 0, "{report:?}");
    assert_eq!(inside(&stack), within);
    assert_eq!(stack.sandbox.ledger().doubled(), Vec::<String>::new());
    assert!(stack.drift().await.is_empty());
    // The same by way of a refresh.
    stack.sandbox.arm().delete_behind(CLUSTER);
    stack.an_hour_later();
    let report = stack.refresh().await;
    assert!(report.totals.forgotten > within.len() && inside(&stack).is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_loses_nothing_and_is_let_go_on_request() {
    let mut stack = Stack::whole().await;
    stack.without_pauses();
    let (before, within) = (stack.state(), inside(&stack));
    stack.sandbox.clusters().silence(true);
    let looks = UpOptions { refresh: true, ..UpOptions::default() };
    let workspace = DownOptions { only: Some([Component::Workspace].into()), ..DownOptions::default() };
    let tried = [
        error(stack.refresh_with(&RefreshOptions::default()).await),
        error(stack.up_with(&looks).await),
        error(stack.down_with(&workspace).await),
    ];
    for error in tried {
        assert_eq!(error.class(), Class::Transient);
        assert_eq!(error.summary(), "cluster `modelops-dev-aks` exists at Azure, but its API does not answer");
        assert!(error.hint_text().is_some_and(|h| h.contains("--skip-unreachable")), "{error:?}");
    }
    assert_eq!(stack.state(), before, "nothing was dropped");
    // A preview is shown from state.
    let plan = stack.preview(&looks).await.unwrap();
    assert!(plan.is_empty() && plan.notes.iter().any(|n| n.contains("does not answer")), "{plan:?}");
    let skips = UpOptions { skip_unreachable: true, ..UpOptions::default() };
    let plan = stack.preview(&skips).await.unwrap();
    let dropped: BTreeSet<String> =
        plan.steps.iter().filter(|s| s.op == Op::Forget).map(|s| s.urn.name().to_owned()).collect();
    assert_eq!(dropped, within);
    let report = stack.up_with(&skips).await.unwrap();
    assert_eq!((report.totals.forgotten, report.totals.created, report.exit()), (within.len(), 0, Exit::Ok));
    // It answers again: everything is found there with our marks, and nothing is made twice.
    stack.sandbox.clusters().silence(false);
    stack.with_pauses();
    let report = stack.up().await;
    assert_eq!((report.totals.adopted, report.totals.created), (within.len(), 0), "{report:?}");
    assert_eq!(inside(&stack), within);
}

#[tokio::test]
async fn a_stopped_cluster_is_called_stopped() {
    let mut stack = Stack::whole().await;
    stack.without_pauses();
    stack.sandbox.arm().edit(CLUSTER, "/properties/powerState/code", &json!("Stopped"), "someone@example.com");
    stack.sandbox.clusters().silence(true);
    let error = error(stack.refresh_with(&RefreshOptions::default()).await);
    assert_eq!(error.summary(), "cluster `modelops-dev-aks` is stopped");
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("az aks start --resource-group modelops-dev-rg --name modelops-dev-aks"), "{hint}");
    let report = stack.refresh_with(&RefreshOptions { skip_unreachable: true, ..Default::default() }).await.unwrap();
    assert!(report.totals.forgotten > 5 && inside(&stack).is_empty(), "{report:?}");
}

//! What the services fill in by themselves is no drift, however often somebody looks (long form: `MOPS_CASES`, the
//! number of refreshes, at most 100).

use mops_host::Env;

use super::stack::Stack;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn refreshes_over_service_defaults_report_no_drift() {
    let rounds: usize = Env::process().get("MOPS_CASES").and_then(|n| n.parse().ok()).unwrap_or(10).min(100);
    let stack = Stack::whole().await;
    let (state, book) = (stack.state(), writes(&stack));
    let mut drifted = 0;
    for _ in 0..rounds {
        let found = stack.drift().await;
        assert!(found.is_empty(), "{found:#?}");
        drifted += usize::from(stack.refresh().await.drifted);
    }
    let written = usize::from(stack.state() != state) + usize::from(writes(&stack) != book);
    println!("R24 refreshes={rounds} resources={} drift={drifted} writes={written}", state.resources.len());
    assert_eq!((drifted, written), (0, 0));
}

/// How often each thing that we make was made, changed and deleted; what controllers make comes and goes.
fn writes(stack: &Stack) -> Vec<String> {
    let ledger = stack.sandbox.ledger().to_json();
    let theirs = ["/pod/", "/replicaset/", "/event/", "/endpoints/", "/node/", "/job/", "/deployment/", "/namespace/"];
    let entries = ledger["entries"].as_object().cloned().unwrap_or_default();
    let ours = entries.into_iter().filter(|(id, _)| !theirs.iter().any(|part| id.contains(part)));
    ours.map(|(id, entry)| format!("{id} {entry}")).collect()
}

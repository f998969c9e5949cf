//! `pulumi import` and `get` give an id and nothing else: what is read must pass our own Check and show no difference.

use std::sync::Arc;

use mops_core::Value;
use tonic::Code;

use super::wire::{Old, Wire};
use crate::conformance::{cases, ground, is_in_a_cluster};
use crate::stand::Stand;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn an_id_alone_gives_inputs_that_are_ours() {
    let (mut imported, mut refused) = (0, 0);
    for case in cases().into_iter().filter(|case| !is_in_a_cluster(case)) {
        let stand = Stand::new();
        ground(&stand, &case).await;
        let mut wire = Wire::over(Arc::new(stand.provider())).await;
        let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
        let (id, outputs) =
            wire.create(&case.urn, &inputs, false).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        match wire.read(&case.urn, &Old { id: id.clone(), ..Old::default() }).await {
            Ok(found) => {
                assert_eq!(found.id, id, "{}", case.name);
                let checked = wire.checked(&case.urn, &found.inputs, &found.inputs).await;
                assert_eq!(checked, found.inputs, "{}: not in normal form", case.name);
                for news in [&checked, &inputs] {
                    let difference = wire.diff(&case.urn, &found, news).await;
                    assert_eq!(difference.changes, 1, "{}: {difference:?}", case.name);
                }
                assert_eq!(found.outputs, outputs, "{}", case.name);
                imported += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), Code::InvalidArgument, "{}: {status}", case.name);
                assert!(status.message().contains("can be imported"), "{}: {status}", case.name);
                refused += 1;
            }
        }
        let nothing = wire.read(&case.urn, &Old { id: "/subscriptions/x".into(), ..Old::default() }).await;
        assert_eq!(nothing.expect_err("no id").code(), Code::InvalidArgument, "{}", case.name);
    }
    assert!(imported >= 8, "{imported} imported, {refused} refused");
    println!("pulumi imported={imported} refused={refused}");
}

#[tokio::test]
async fn what_is_not_there_has_no_id() {
    let stand = Stand::new();
    let mut wire = Wire::over(Arc::new(stand.provider())).await;
    let group = cases().into_iter().find(|case| case.urn.token() == "modelops:azure:ResourceGroup").unwrap();
    let id = format!("/subscriptions/{}/resourceGroups/nobody", crate::stand::SUBSCRIPTION);
    let found = wire.read(&group.urn, &Old { id, ..Old::default() }).await.expect("an answer");
    assert_eq!((found.id.as_str(), found.inputs), ("", Value::Null));
}

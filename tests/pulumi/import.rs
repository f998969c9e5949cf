//! `pulumi import` and `get` give an id and nothing else: what is read must pass our own Check and show no difference,
//! or the refusal says why no id is enough and what to do instead. Each type is decided here.

use std::collections::BTreeSet;

use mops_core::Value;
use tonic::Code;

use super::wire::{Old, Wire};
use crate::conformance::{Case, Stands, cases, ground};
use crate::stand::Stand;

/// What an import of a type by its id does.
enum Import {
    /// It gives all inputs back.
    Whole,
    /// It is refused for this reason, with this to do instead.
    Refused(&'static str, &'static str),
}
use Import::{Refused, Whole};

const DECIDED: [(&str, Import); 21] = [
    ("azure:ResourceGroup", Whole),
    ("azure:ContainerRegistry", Whole),
    ("azure:RegistryToken", Refused("passwords are told once", "under another name")),
    ("azure:RegistryTokenCleanup", Refused("no service holds it", "beside its token")),
    ("azure:StorageAccount", Whole),
    ("azure:BlobContainer", Whole),
    ("azure:StorageLifecycle", Whole),
    ("azure:BlobSasToken", Refused("no service holds a signature", "another one is signed")),
    ("azure:ManagedCluster", Whole),
    ("azure:NodePool", Whole),
    ("azure:UserAssignedIdentity", Whole),
    ("azure:FederatedCredential", Whole),
    ("azure:RoleAssignment", Whole),
    ("kubernetes:Namespace", Whole),
    ("kubernetes:Secret", Refused("where its values come from", "with the sources of its values")),
    ("kubernetes:ImagePullSecret", Refused("where its values come from", "with the sources of its values")),
    ("kubernetes:Manifest", Refused("which of its fields were declared", "under another name")),
    ("ngc:Credentials", Refused("where its key comes from", "delete both secrets")),
    ("novita:RegistryAuth", Refused("does not show its password", "declare it with its password")),
    ("novita:Instance", Refused("no mark of this stack", "delete the old one")),
    ("slurm:EnvFile", Refused("where its values come from", "with the sources of its values")),
];

#[test]
fn every_type_is_decided() {
    let entries = mops_resources::entries();
    let listed: BTreeSet<&str> = entries.iter().filter_map(|e| e.schema().token.strip_prefix("modelops:")).collect();
    assert_eq!(DECIDED.iter().map(|(token, _)| *token).collect::<BTreeSet<_>>(), listed);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn an_id_alone_gives_inputs_that_are_ours_or_the_reason_why_not() {
    let (mut stands, mut imported, mut refused) = (Stands::default(), 0, 0);
    for case in cases() {
        let decided = DECIDED.iter().find(|(token, _)| case.urn.token().ends_with(token));
        match &decided.expect("in the table").1 {
            Whole => {
                is_imported(stands.of(&case), &case).await;
                imported += 1;
            }
            Refused(why, instead) => {
                is_refused(&case, &[*why, *instead]).await;
                refused += 1;
            }
        }
    }
    println!("pulumi imported={imported} refused={refused}");
}

async fn is_imported(stand: &Stand, case: &Case) {
    ground(stand, case).await;
    let mut wire = Wire::on(stand).await;
    let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
    let (id, outputs) = wire.create(&case.urn, &inputs, false).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let found = wire.read(&case.urn, &Old { id: id.clone(), ..Old::default() }).await;
    let found = found.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    assert_eq!(found.id, id, "{}", case.name);
    let checked = wire.checked(&case.urn, &found.inputs, &found.inputs).await;
    assert_eq!(checked, found.inputs, "{}: not in normal form", case.name);
    for news in [&checked, &inputs] {
        let difference = wire.diff(&case.urn, &found, news).await;
        assert_eq!(difference.changes, 1, "{}: {difference:?}", case.name);
    }
    let told = outputs.as_map().into_iter().flatten();
    for (name, value) in told.filter(|(name, _)| inputs.get(name).is_none() && !name.starts_with("__")) {
        assert_eq!(found.outputs.get(name), Some(value), "{}: `{name}`", case.name);
    }
    let nothing = wire.read(&case.urn, &Old { id: "/subscriptions/x".into(), ..Old::default() }).await;
    let nothing = nothing.expect_err("no id");
    assert_eq!(nothing.code(), Code::InvalidArgument, "{}", case.name);
    assert!(nothing.message().contains("`/subscriptions/x` is not the id of a"), "{nothing}");
}

#[test]
fn what_has_no_sandbox_says_why_not_too() {
    let entries = mops_resources::entries();
    let entry = entries.iter().find(|e| e.schema().token == mops_tests::samples::ON_A_HOST).expect("listed");
    let error = entry.named_by("me@koa:~/koa-ml/.env").expect_err("refused");
    assert!(error.summary().contains("where its values come from"), "{error}");
}

async fn is_refused(case: &Case, said: &[&str]) {
    let mut wire = Wire::on(&Stand::new()).await;
    let status = wire.read(&case.urn, &Old { id: "/subscriptions/x".into(), ..Old::default() }).await;
    let status = status.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{}: {status}", case.name);
    for text in said.iter().chain(&["cannot be imported"]) {
        assert!(status.message().contains(text), "{}: {status}", case.name);
    }
}

#[tokio::test]
async fn what_is_not_there_has_no_id() {
    let stand = Stand::new();
    let mut wire = Wire::on(&stand).await;
    let group = cases().into_iter().find(|case| case.urn.token() == "modelops:azure:ResourceGroup").unwrap();
    let id = format!("/subscriptions/{}/resourceGroups/nobody", crate::stand::SUBSCRIPTION);
    let found = wire.read(&group.urn, &Old { id, ..Old::default() }).await.expect("an answer");
    assert_eq!((found.id.as_str(), found.inputs), ("", Value::Null));
}

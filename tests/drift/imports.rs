//! What somebody else made is taken over as it is: nothing is created, nothing is changed, and what stands against it is
//! said before state learns of anything.

use mops_engine::error::{EngineError, Exit};
use mops_engine::plan::Op;
use mops_engine::program::{Component, Declared};
use mops_engine::run::{DownOptions, ImportTarget, UpOptions};
use serde_json::json;

use super::stack::Stack;

const EXAMPLE: &str = include_str!("../../examples/unified-infra/unified-infra.yaml");

fn parts(components: &[Component]) -> UpOptions {
    UpOptions { only: Some(components.iter().copied().collect()), ..UpOptions::default() }
}

/// The example's registry and storage, made by somebody else.
async fn theirs() -> Stack {
    let mut stack = Stack::new();
    let report = stack.up_with(&parts(&[Component::Registry, Component::Storage])).await.unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    stack.made_by_somebody_else();
    stack
}

fn everything_named(_: &Declared, id: Option<&str>) -> Option<ImportTarget> {
    let id = id.filter(|id| !id.contains("managedClusters"))?;
    Some(ImportTarget { id: id.to_owned(), must_exist: true })
}

fn texts(error: &EngineError) -> String {
    let EngineError::Refused(all) = error else { panic!("{error}") };
    all.iter().map(|d| format!("{d} {}\n", d.hint.as_deref().unwrap_or_default())).collect()
}

#[tokio::test]
async fn what_exists_is_taken_over_without_a_write_and_the_next_plan_is_what_our_format_adds() {
    let stack = theirs().await;
    let refused = stack.up_with(&parts(&[Component::Registry])).await.unwrap_err();
    assert!(texts(&refused).contains("`registry` already exists and was not made by this stack"), "{refused}");
    let before = stack.sandbox.ledger().to_json();
    let report = stack.import(&everything_named).await.unwrap();
    assert_eq!(report.imported.len(), 8, "{report:#?}");
    assert_eq!(stack.sandbox.ledger().to_json(), before, "an import writes nothing");
    assert!(stack.state().resources.iter().all(|r| r.adopted_from.as_deref() == Some(&r.id) && r.retain_on_delete));
    let plan = stack.preview(&parts(&[Component::Registry])).await.unwrap();
    assert!(plan.is_empty(), "{plan:#?}");
    // Ours alone is the signature, which nothing outside holds.
    let plan = stack.preview(&parts(&[Component::Storage])).await.unwrap();
    let steps: Vec<_> = plan.steps.iter().filter(|s| s.changes_something()).map(|s| (s.urn.name(), s.op)).collect();
    assert_eq!(steps, [("sas-bundle-blobs", Op::Create)], "{plan:#?}");
    assert!(stack.drift().await.is_empty());
    // What was there before stays on the way down.
    let all = DownOptions { destroy_storage: true, destroy_registry: true, delete_rg: true, ..DownOptions::default() };
    let report = stack.down_with(&all).await.unwrap();
    assert_eq!((report.totals.deleted, report.exit()), (0, Exit::Ok), "{report:?}");
    assert_eq!(stack.sandbox.ledger().to_json(), before);
}

#[tokio::test]
async fn everything_against_an_import_is_said_and_state_stays_as_it_was() {
    let stack = theirs().await;
    let by_name = |name: &'static str, id: &'static str| {
        move |declared: &Declared, _: Option<&str>| {
            (declared.urn.name() == name).then(|| ImportTarget { id: id.to_owned(), must_exist: true })
        }
    };
    const GROUP: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/modelops-dev-rg";
    const REGISTRY: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/modelops-dev-rg/providers/\
                            Microsoft.ContainerRegistry/registries/modelopsdevacr";
    let rows = [("registry", GROUP, "in the stack file, not"), ("pool-gpu", REGISTRY, "neither in state nor imported")];
    for (name, id, want) in rows {
        let error = stack.import(&by_name(name, id)).await.unwrap_err();
        assert!(texts(&error).contains(want), "{name}: {}", texts(&error));
        assert_eq!(error.exit(), Exit::Usage);
    }
    let signature = |declared: &Declared, id: Option<&str>| {
        let id = if declared.urn.name().starts_with("sas-") { Some("sas") } else { id };
        (declared.component == Component::Storage).then(|| everything_named(declared, id)).flatten()
    };
    let said = texts(&stack.import(&signature).await.unwrap_err());
    assert!(said.contains("`sas-bundle-blobs` cannot be imported: nothing outside holds it"), "{said}");
    stack.import(&by_name("registry", REGISTRY)).await.unwrap();
    let held = stack.state();
    let error = stack.import(&by_name("registry", REGISTRY)).await.unwrap_err();
    assert!(texts(&error).contains("`registry` is in state already"), "{error}");
    // One that is gone, and one that would have to be replaced: neither of them is taken.
    let storage = |declared: &Declared, id: Option<&str>| {
        (declared.component == Component::Storage).then(|| everything_named(declared, id)).flatten()
    };
    stack.sandbox.arm().delete_behind("/containers/jobs");
    let said = texts(&stack.import(&storage).await.unwrap_err());
    assert!(said.contains("/containers/jobs` does not exist"), "{said}");
    stack.sandbox.arm().edit("/storageAccounts/modelopsdevstore", "/location", &json!("westus"), "someone@example.com");
    let said = texts(&stack.import(&storage).await.unwrap_err());
    assert!(said.contains("it has another `location`, which would have to be replaced"), "{said}");
    assert_eq!(stack.state(), held);
    assert!(stack.sandbox.ledger().doubled().is_empty());
}

/// The example with an `import` section.
fn with_import(to: &str, id: &str) -> String {
    format!("{EXAMPLE}\nimport: [{{to: {to}, id: {id}}}]\n")
}

#[tokio::test]
async fn an_import_entry_adopts_brings_to_what_is_declared_and_is_kept_on_the_way_down() {
    let id = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/modelops-dev-rg/providers/\
              Microsoft.ContainerRegistry/registries/modelopsdevacr";
    let mut stack = Stack::of(&with_import("registry", id));
    let only = parts(&[Component::Registry]);
    let error = stack.up_with(&only).await.unwrap_err();
    assert!(texts(&error).contains("`registry` is to be imported, and does not exist"), "{error}");
    let made = Stack::new().program;
    let imported = std::mem::replace(&mut stack.program, made);
    stack.up_with(&only).await.unwrap();
    stack.made_by_somebody_else();
    stack.sandbox.arm().edit("/registries/modelopsdevacr", "/properties/adminUserEnabled", &json!(false), "someone");
    stack.program = imported;
    let plan = stack.preview_new(&only).await.unwrap();
    let step = plan.steps.iter().find(|s| s.urn.name() == "registry").unwrap();
    assert_eq!((step.op, step.reason.as_deref()), (Op::Adopt, Some("exists; taken over, and kept on the way down")));
    assert_eq!(step.changes.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(), ["adminUserEnabled"]);
    let report = stack.up_with(&only).await.unwrap();
    assert!(report.failures.is_empty() && report.totals.adopted == 2, "{report:?}");
    assert!(
        stack.preview(&only).await.unwrap().is_empty() && stack.drift().await.is_empty(),
        "one run brings it there"
    );
    let all = DownOptions { destroy_registry: true, delete_rg: true, ..DownOptions::default() };
    assert_eq!(stack.down_with(&all).await.unwrap().totals.deleted, 0);
    assert!(stack.sandbox.ledger().existing().iter().any(|id| id.ends_with("/registries/modelopsdevacr")));
}

#[tokio::test]
async fn an_import_entry_that_leads_elsewhere_is_refused_with_its_place() {
    let other = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/other-rg/providers/\
                 Microsoft.ContainerRegistry/registries/modelopsdevacr";
    let kind = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/modelops-dev-rg/providers/\
                Microsoft.Storage/storageAccounts/modelopsdevacr";
    for id in [other, kind] {
        let stack = Stack::of(&with_import("registry", id));
        let error = stack.up_with(&parts(&[Component::Registry])).await.unwrap_err();
        let EngineError::Refused(all) = &error else { panic!("{error}") };
        let why = all.iter().find(|d| d.summary.contains("in this file, the imported one")).expect("refused");
        assert_eq!((why.place.as_ref().map(|p| &*p.file), error.exit()), (Some("unified-infra.yaml"), Exit::Usage));
        assert!(stack.sandbox.ledger().existing().is_empty());
    }
}

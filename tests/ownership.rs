//! Who may be touched, and which part of a stack: marks, lineages, components, what lives inside something else.

use std::collections::BTreeSet;

use mops_core::{Lineage, Ownership, Value};
use mops_engine::error::Exit;
use mops_engine::plan::{Observations, Observed, Op, PlanOptions, plan};
use mops_engine::program::{Component, Expr, Output, Program};
use mops_engine::run::{DownOptions, UpOptions};
use mops_engine::state::Snapshot;
use mops_host::SystemClock;
use mops_tests::null::{GROUP, Null, Thing, stack, urn};
use mops_tests::rig::{Rig, after, program, thing, typed};
use serde_json::json;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn small() -> Program {
    program(vec![after("a", &[]), after("b", &["a"]), after("c", &["a"]), after("d", &["b", "c"])])
}

#[test]
fn whose_it_is_decides_what_happens() {
    let ours = |l: &str| Ownership::Ours { lineage: Lineage(l.into()) };
    let other = Ownership::Other { stack: "p.t".into(), urn: "urn:x".into() };
    // (ownership, adoptable type, imported, state is new) -> what
    let rows = [
        (ours("mine"), false, false, false, "adopt"),
        (ours("theirs"), false, false, false, "exit 3"),
        (ours("theirs"), false, false, true, "adopt"),
        (Ownership::Unmarked, false, false, true, "exit 2"),
        (Ownership::Unmarked, true, false, true, "adopt"),
        (Ownership::Unmarked, false, true, true, "adopt"),
        (other.clone(), true, true, true, "exit 2"),
        (other, false, false, false, "exit 2"),
        (Ownership::Derived, false, false, false, "adopt"),
    ];
    let null = Null::new(SystemClock::shared());
    for (ownership, adoptable, imported, is_new, want) in rows {
        let mut declared = if adoptable { typed(GROUP, "x", json!({})) } else { thing("x", json!({})) };
        declared.import = imported.then(|| "/things/x".to_owned());
        let mut snapshot = Snapshot { is_new, ..Snapshot::none(&stack()) };
        snapshot.lineage = Lineage("mine".into());
        let known = mops_core::provider::Known {
            id: "/things/x".into(),
            inputs: Value::from(json!({"name": "x"})),
            outputs: Value::from(json!({"id": "/things/x"})),
        };
        let found = mops_core::provider::Found { known, ownership: ownership.clone(), changed_by: None };
        let seen = Observations::from([(declared.urn.clone(), Observed::Found(Box::new(found)))]);
        let got = match plan(&program(vec![declared]), &snapshot, &seen, &null, &PlanOptions::default()) {
            Ok(plan) => plan.steps[0].op.word().to_owned(),
            Err(error) => format!("exit {}", error.exit() as i32),
        };
        assert_eq!(got, want, "{ownership:?} adoptable {adoptable} imported {imported} new {is_new}");
    }
}

#[test]
fn a_lost_home_folder_is_taken_over_and_two_machines_notice() {
    run(async {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Rig::new(one.path());
        first.up(&small()).await.unwrap();
        let second = Rig::over(two.path(), first.null.clone(), SystemClock::shared());
        let report = second.up(&small()).await.unwrap();
        assert_eq!((report.totals.adopted, report.totals.created, report.exit()), (4, 0, Exit::Ok));
        assert!(second.up(&small()).await.unwrap().totals.unchanged == 4);
        let error = first.up_with(&small(), &UpOptions { refresh: true, ..UpOptions::default() }).await.unwrap_err();
        assert_eq!(error.exit(), Exit::CouldNotRun);
        assert!(error.to_string().contains("managed from another state"), "{error}");
        let error = first.down(&DownOptions::default()).await.unwrap_err();
        assert_eq!((error.exit(), first.null.things().len()), (Exit::CouldNotRun, 4));
    });
}

#[test]
fn what_was_there_before_us_stays() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let stranger = Thing { inputs: json!({"name": "g"}), mark: None, creates: 0 };
        rig.null.put("g", stranger.clone());
        let error = rig.up(&program(vec![thing("g", json!({}))])).await.unwrap_err();
        assert!(error.to_string().contains("was not made by this stack") && error.hint().unwrap().contains("import"));
        let mut group = typed(GROUP, "g", json!({}));
        group.component = Component::ResourceGroup;
        let report = rig.up(&program(vec![group])).await.unwrap();
        assert_eq!((report.totals.adopted, report.exit()), (1, Exit::Ok));
        let down = DownOptions { delete_rg: true, ..DownOptions::default() };
        let report = rig.down(&down).await.unwrap();
        assert_eq!((report.totals.forgotten, report.totals.deleted), (1, 0));
        assert_eq!(rig.null.things()["g"], stranger);
    });
}

fn components() -> Program {
    let mut all = vec![
        typed(GROUP, "group", json!({})),
        thing("registry", json!({})),
        thing("storage", json!({})),
        after("cluster", &["registry"]),
        after("pod", &["cluster", "storage"]),
    ];
    let parts = Component::ALL;
    for (declared, component) in all.iter_mut().zip(parts) {
        declared.component = component;
    }
    for declared in &mut all[1..] {
        declared.depends_on.push(mops_core::Urn::new(&stack(), GROUP, "group"));
    }
    all[0].protect = true;
    all[0].retain_on_delete = true;
    all[4].deleted_with = Some(urn("cluster"));
    program(all)
}

#[test]
fn one_component_is_planned_alone() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let only = |c: &[Component]| UpOptions { only: Some(c.iter().copied().collect()), ..UpOptions::default() };
        let error = rig.up_with(&components(), &only(&[Component::Cluster])).await.unwrap_err();
        assert!(error.to_string().contains("does not exist yet") && error.exit() == Exit::Usage, "{error}");
        let mut with_outputs = components();
        for component in [Component::Registry, Component::Workspace] {
            with_outputs.outputs.push(Output { component, name: "literal".into(), value: Expr::from("x") });
        }
        let report = rig.up_with(&with_outputs, &only(&[Component::Registry])).await.unwrap();
        assert_eq!(
            (report.totals.created, report.outputs.keys().map(String::as_str).collect::<Vec<_>>()),
            (2, vec!["registry"])
        );
        assert_eq!(rig.up(&components()).await.unwrap().totals.created, 3);
        // A change that reaches another component is refused, and made on request.
        let mut changed = components();
        changed.resources[1] = {
            let mut r = thing("registry", json!({"replace": "two"}));
            r.component = Component::Registry;
            r.depends_on = components().resources[1].depends_on.clone();
            r
        };
        let error = rig.up_with(&changed, &only(&[Component::Registry])).await.unwrap_err();
        assert!(error.hint().unwrap().contains("--with-dependants"), "{error}");
        let options = UpOptions { with_dependants: true, ..only(&[Component::Registry]) };
        let report = rig.up_with(&changed, &options).await.unwrap();
        assert_eq!((report.totals.replaced, report.exit()), (1, Exit::Ok), "{report:?}");
    });
}

#[test]
fn down_keeps_what_it_was_not_told_to_take() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.up(&components()).await.unwrap();
        let storage = DownOptions { only: Some(BTreeSet::from([Component::Storage])), ..DownOptions::default() };
        let error = rig.down(&storage).await.unwrap_err();
        assert!(error.to_string().contains("`pod`") && error.hint().unwrap().contains("--with-deps"), "{error}");
        rig.null.reset();
        let report = rig.down(&DownOptions::default()).await.unwrap();
        // The pod goes with its cluster, without a call.
        assert_eq!((report.totals.deleted, report.totals.forgotten, rig.null.count().deletes), (1, 1, 1), "{report:?}");
        let left: Vec<_> = rig.read().unwrap().resources.iter().map(|r| r.urn.name().to_owned()).collect();
        assert_eq!(left, ["group", "registry", "storage"]);
        let all =
            DownOptions { destroy_storage: true, destroy_registry: true, delete_rg: true, ..DownOptions::default() };
        let report = rig.down(&all).await.unwrap();
        assert_eq!((report.totals.deleted, report.exit()), (3, Exit::Ok));
        assert!(rig.read().unwrap().is_empty());
    });
}

#[test]
fn what_is_in_something_that_is_gone_is_gone_and_what_does_not_answer_is_not() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let make = |value: &str| {
            let mut pod = thing("pod", json!({"inside": "cluster", "value": value}));
            pod.deleted_with = Some(urn("cluster"));
            program(vec![thing("cluster", json!({})), pod])
        };
        rig.up(&make("one")).await.unwrap();
        rig.null.steal("cluster");
        let options = UpOptions { refresh: true, ..UpOptions::default() };
        let plan = rig.engine.preview(&make("one"), &rig.read().unwrap(), &options).await.unwrap();
        assert_eq!(plan.steps.iter().map(|s| s.op).collect::<Vec<_>>(), [Op::Create, Op::Create], "{plan:?}");
        // The change makes the pod be read, and with it what it is in.
        rig.null.steal("pod");
        let report = rig.up(&make("two")).await.unwrap();
        assert_eq!((report.totals.created, report.exit()), (2, Exit::Ok), "{report:?}");
        // The cluster is there for us, and its inside does not answer.
        let mut store = rig.open().await.unwrap();
        let mut moved = store.get(&urn("pod")).unwrap().clone();
        moved.inputs = Value::from(json!({"name": "pod", "inside": "elsewhere", "value": "two"}));
        store.save(moved).await.unwrap();
        drop(store);
        let workspace = DownOptions { only: Some(BTreeSet::from([Component::Workspace])), ..DownOptions::default() };
        let error = rig.up(&make("three")).await.unwrap_err();
        assert_eq!(error.exit(), Exit::CouldNotRun, "{error}");
        let skip = DownOptions { skip_unreachable: true, ..workspace };
        assert_eq!(rig.down(&skip).await.unwrap().exit(), Exit::Ok);
    });
}

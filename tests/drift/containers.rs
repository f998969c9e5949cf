//! What does not answer because that which it is in is gone is gone as well, wherever the program or the selection looks.

use std::collections::BTreeSet;

use mops_engine::error::Exit;
use mops_engine::program::{Component, Declared};
use mops_engine::run::{RefreshOptions, Report, UpOptions};
use mops_tests::null::urn;
use mops_tests::rig::{Rig, program, thing};
use serde_json::json;

use super::run;

fn within(name: &str, around: &str) -> Declared {
    let mut declared = thing(name, json!({"inside": around}));
    declared.deleted_with = Some(urn(around));
    declared
}

fn part(mut declared: Declared, component: Component) -> Declared {
    declared.component = component;
    declared
}

async fn refresh(rig: &Rig, only: Component) -> Report {
    let mut store = rig.open().await.unwrap();
    let options = RefreshOptions { only: Some(BTreeSet::from([only])), ..RefreshOptions::default() };
    rig.engine.refresh(&mut store, &options).await.unwrap()
}

#[test]
fn a_refresh_of_one_component_looks_at_what_its_things_are_in() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let outer = part(thing("outer", json!({})), Component::Cluster);
        let inner = part(within("inner", "outer"), Component::Workspace);
        rig.up(&program(vec![outer, inner])).await.unwrap();
        rig.null.steal("outer");
        let report = refresh(&rig, Component::Workspace).await;
        assert_eq!((report.totals.forgotten, report.exit()), (1, Exit::Ok));
        let state = rig.read().unwrap();
        assert!(state.get(&urn("inner")).is_none() && state.get(&urn("outer")).is_some(), "only what was chosen");
    });
}

#[test]
fn a_refresh_of_one_component_forgets_what_was_in_its_things() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let outer = part(thing("outer", json!({})), Component::Cluster);
        let wanted = program(vec![outer, part(within("inner", "outer"), Component::Workspace)]);
        rig.up(&wanted).await.unwrap();
        rig.null.steal("outer");
        let report = refresh(&rig, Component::Cluster).await;
        assert_eq!((report.totals.forgotten, rig.read().unwrap().resources.len()), (2, 0));
        let looks = UpOptions { refresh: true, ..UpOptions::default() };
        assert_eq!(rig.up_with(&wanted, &looks).await.unwrap().totals.created, 2);
    });
}

#[test]
fn what_is_made_elsewhere_stays_when_what_it_was_in_is_replaced() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let outer = |tag: &str| thing("outer", json!({"replace": tag}));
        rig.up(&program(vec![outer("one"), within("inner", "outer")])).await.unwrap();
        rig.null.steal("inner");
        let wanted = program(vec![outer("two"), thing("inner", json!({}))]);
        let looks = UpOptions { refresh: true, ..UpOptions::default() };
        let report = rig.up_with(&wanted, &looks).await.unwrap();
        assert_eq!((report.totals.created, report.totals.replaced, report.totals.forgotten), (1, 1, 0));
        assert!(rig.preview(&wanted).await.unwrap().is_empty());
    });
}

#[test]
fn an_up_looks_at_what_state_says_it_is_in_and_not_at_what_the_program_wants() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let before = program(vec![thing("old", json!({})), thing("new", json!({})), within("inner", "old")]);
        rig.up(&before).await.unwrap();
        rig.null.steal("old");
        let wanted = program(vec![thing("new", json!({})), within("inner", "new")]);
        let looks = UpOptions { refresh: true, ..UpOptions::default() };
        let report = rig.up_with(&wanted, &looks).await.unwrap();
        assert_eq!((report.totals.created, report.exit()), (1, Exit::Ok));
        assert_eq!(rig.null.things().into_keys().collect::<Vec<_>>(), ["inner", "new"]);
        assert!(rig.preview(&wanted).await.unwrap().is_empty());
    });
}

//! R24: what changes behind our back is seen, told with its author, and mended or saved; nothing is made twice.

#[path = "drift/clusters.rs"]
mod clusters;
#[path = "drift/containers.rs"]
mod containers;
#[path = "drift/defaults.rs"]
mod defaults;
#[path = "drift/imports.rs"]
mod imports;
#[path = "drift/rounds.rs"]
mod rounds;
#[path = "drift/signatures.rs"]
mod signatures;
#[path = "drift/stack.rs"]
mod stack;

use mops_core::provider::ChangedBy;
use mops_engine::error::Exit;
use mops_engine::event::{Body, DriftView};
use mops_engine::program::Expr;
use mops_engine::run::UpOptions;
use mops_host::Env;
use mops_tests::null::urn;
use mops_tests::rig::{Rig, files, program, thing};
use serde_json::json;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn someone() -> ChangedBy {
    ChangedBy { who: "someone@example.com".into(), at: Some("2026-01-02T03:04:05Z".into()) }
}

/// The drift that was told since the last call.
fn told(rig: &Rig) -> Vec<DriftView> {
    let all = rig.events().into_iter();
    all.filter_map(|body| if let Body::Drifted { resources } = body { Some(resources) } else { None })
        .flatten()
        .collect()
}

#[test]
fn an_edit_is_told_with_its_author_and_mended_by_the_next_up() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let wanted = program(vec![thing("a", json!({"value": "declared"})), thing("b", json!({}))]);
        rig.up(&wanted).await.unwrap();
        assert!(!rig.refresh().await.unwrap().drifted && told(&rig).is_empty());
        rig.null.edit("a", "value", json!("edited"), someone());
        let report = rig.refresh().await.unwrap();
        assert_eq!((report.drifted, report.changed(), report.exit()), (true, false, Exit::Ok));
        let found = told(&rig);
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.name.as_str(), one.gone, one.changed_by.as_ref()), ("a", false, Some(&someone())));
        let shown: Vec<String> =
            one.changes.iter().map(|c| format!("{}: {} → {}", c.path, c.before, c.after)).collect();
        assert_eq!(shown, [r#"value: "declared" → "edited""#, r#"echo: "declared" → "edited""#]);
        // It is in state now, so a second look finds nothing new, and the next up mends it.
        assert!(!rig.refresh().await.unwrap().drifted);
        assert_eq!(rig.up(&wanted).await.unwrap().totals.updated, 1);
        assert_eq!(rig.null.things()["a"].inputs["value"], "declared");
        assert!(!rig.refresh().await.unwrap().drifted);
    });
}

#[test]
fn up_and_preview_tell_the_same_drift_when_they_look_at_everything() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let wanted = program(vec![thing("a", json!({"value": "declared"})), thing("b", json!({}))]);
        rig.up(&wanted).await.unwrap();
        rig.null.edit("a", "value", json!("edited"), someone());
        rig.null.steal("b");
        let looks = UpOptions { refresh: true, ..UpOptions::default() };
        let plan = rig.engine.preview(&wanted, &rig.read().unwrap(), &looks).await.unwrap();
        let foreseen = plan.drift_views().unwrap();
        let names: Vec<_> = foreseen.iter().map(|d| (d.name.as_str(), d.gone)).collect();
        assert_eq!(names, [("a", false), ("b", true)]);
        let blind = rig.preview(&wanted).await.unwrap();
        assert!(blind.drift.is_none() && blind.is_empty());
        let report = rig.up_with(&wanted, &looks).await.unwrap();
        assert_eq!((report.totals.updated, report.totals.created, report.drifted), (1, 1, true));
        assert_eq!(format!("{:?}", told(&rig)), format!("{foreseen:?}"));
        assert!(rig.null.things().values().all(|t| t.creates == 1));
    });
}

#[test]
fn what_is_gone_leaves_the_state_only_with_consent() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.up(&program(vec![thing("a", json!({})), thing("b", json!({}))])).await.unwrap();
        rig.null.steal("b");
        let before = files(&rig.folder());
        let mut store = rig.open().await.unwrap();
        let no =
            mops_engine::run::RefreshOptions { approve: Some(std::sync::Arc::new(|_| false)), ..Default::default() };
        assert!(rig.engine.refresh(&mut store, &no).await.unwrap().declined);
        drop(store);
        assert_eq!(files(&rig.folder()), before);
        let report = rig.refresh().await.unwrap();
        assert_eq!((report.totals.forgotten, report.drifted), (1, true));
        assert!(rig.read().unwrap().get(&urn("b")).is_none());
        assert!(told(&rig).iter().all(|d| d.gone && d.name == "b"));
    });
}

#[test]
fn a_secret_that_was_changed_is_drift_and_stays_a_secret() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(home.path());
        rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "p")]);
        let mut declared = thing("a", json!({"value": "x"}));
        if let Expr::Map(members) = &mut declared.inputs {
            members.insert("secret".into(), Expr::Value(mops_core::Value::from("the-canary-value").into_secret()));
        }
        rig.up(&program(vec![declared])).await.unwrap();
        let before = files(&rig.folder());
        assert!(!rig.refresh().await.unwrap().drifted);
        assert_eq!(files(&rig.folder()), before, "an unchanged secret is not sealed again");
        rig.null.edit("a", "value", json!("y"), someone());
        assert!(rig.refresh().await.unwrap().drifted);
        assert!(!format!("{:?}", told(&rig)).contains("canary"));
        for (name, bytes) in files(&rig.folder()) {
            assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name}");
        }
    });
}

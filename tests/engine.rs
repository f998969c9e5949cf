//! The embedded engine over the null resource: what a plan is, what a run does, and in which order.

use std::sync::Arc;

use mops_core::{Class, Value};
use mops_engine::error::{EngineError, Exit};
use mops_engine::event::Body;
use mops_engine::plan::{Observations, Op, PlanOptions, plan};
use mops_engine::program::{Component, Expr, Output, Program};
use mops_engine::run::{DownOptions, RefreshOptions, UpOptions};
use mops_engine::state::Snapshot;
use mops_host::clock::ManualClock;
use mops_host::{Env, SystemClock};
use mops_tests::null::{Null, SWAP, Trouble, stack, urn};
use mops_tests::rig::{Rig, after, files, program, refer, thing, typed};
use serde_json::json;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn small() -> Program {
    program(vec![after("a", &[]), after("b", &["a"]), after("c", &["a"]), after("d", &["b", "c"])])
}

#[test]
fn a_second_up_calls_nothing_and_writes_nothing() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let first = rig.up(&small()).await.unwrap();
        assert_eq!((first.totals.created, first.exit()), (4, Exit::Ok));
        let (before, things) = (files(&rig.folder()), rig.null.things());
        rig.null.reset();
        let second = rig.up(&small()).await.unwrap();
        assert_eq!((second.totals.unchanged, second.changed()), (4, false));
        assert_eq!((rig.null.count().writes(), rig.null.count().reads), (0, 0));
        assert_eq!((files(&rig.folder()), rig.null.things()), (before, things));
        assert!(rig.preview(&small()).await.unwrap().is_empty());
    });
}

#[test]
fn a_plan_is_a_pure_function() {
    let null = Null::new(SystemClock::shared());
    let snapshot = Snapshot::none(&stack());
    let make = || plan(&small(), &snapshot, &Observations::new(), &null, &PlanOptions::default()).unwrap();
    let (one, two) = (make(), make());
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
    assert_eq!(one.steps.iter().map(|s| s.urn.name().to_owned()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!(null.count(), Default::default());
}

#[test]
fn everything_against_a_plan_is_said_at_once() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let bad = |n: &str| thing(n, json!({"fail": "check"}));
        let error = rig.up(&program(vec![bad("a"), thing("b", json!({})), bad("c")])).await.unwrap_err();
        let EngineError::Refused(all) = &error else { panic!("{error}") };
        assert_eq!((all.len(), error.exit(), rig.null.count().writes()), (2, Exit::Usage, 0));
        let cycle = program(vec![after("a", &["b"]), after("b", &["a"])]);
        assert!(rig.up(&cycle).await.unwrap_err().to_string().contains("wait for each other"));
    });
}

#[test]
fn a_failure_stops_its_dependants_and_nobody_else() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let mut failing = after("b", &["a"]);
        if let Expr::Map(m) = &mut failing.inputs {
            m.insert("fail".into(), Expr::from("create"));
        }
        let stack = vec![after("a", &[]), failing, after("c", &["a"]), after("d", &["b", "c"])];
        let report = rig.up(&program(stack)).await.unwrap();
        assert_eq!((report.totals.created, report.failures.len(), report.exit()), (2, 1, Exit::Failed));
        assert_eq!(report.not_started, [(urn("d"), "`b` failed".to_owned())]);
        assert!(rig.read().unwrap().open.is_empty());
        let report = rig.up(&small()).await.unwrap();
        assert_eq!((report.totals.created, report.totals.unchanged, report.exit()), (2, 2, Exit::Ok));
    });
}

#[test]
fn components_that_do_not_need_what_failed_go_on_unless_the_file_says_no() {
    run(async {
        let component = |name: &str, component, inputs: serde_json::Value| mops_engine::program::Declared {
            component,
            ..thing(name, inputs)
        };
        let make = || {
            let mut pod = component("pod", Component::Workspace, json!({}));
            refer(&mut pod, "value", &urn("registry"), "id");
            // It waits for something slow, so that the failure comes first.
            let mut storage = component("storage", Component::Storage, json!({}));
            storage.depends_on = vec![urn("group")];
            program(vec![
                component("group", Component::ResourceGroup, json!({"latency": 50})),
                component("registry", Component::Registry, json!({"fail": "create"})),
                storage,
                pod,
            ])
        };
        for (halts, made, left) in [(false, 2, vec!["pod"]), (true, 1, vec!["pod", "storage"])] {
            let home = tempfile::tempdir().unwrap();
            let rig = Rig::new(home.path());
            let report = rig.up_with(&make(), &UpOptions { halts, ..UpOptions::default() }).await.unwrap();
            let mut names: Vec<_> = report.not_started.iter().map(|(u, _)| u.name()).collect();
            names.sort_unstable();
            assert_eq!((report.totals.created, names, report.exit()), (made, left, Exit::Failed), "halts: {halts}");
            assert!(report.not_started.iter().all(|(_, why)| why == "`registry` failed"), "{report:?}");
        }
    });
}

#[test]
fn what_no_update_can_change_is_refused_by_the_plan() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let make = |fixed: &str, tag: &str| program(vec![thing("a", json!({"fixed": fixed, "replace": tag}))]);
        rig.up(&make("one", "x")).await.unwrap();
        let error = rig.up(&make("two", "x")).await.unwrap_err();
        assert_eq!(
            (error.exit(), error.to_string().contains("`fixed` cannot be changed in place")),
            (Exit::Usage, true)
        );
        assert_eq!(error.hint().as_deref(), Some("give `fixed` its present value"));
        // A replacement can.
        assert_eq!(rig.up(&make("two", "y")).await.unwrap().totals.replaced, 1);
    });
}

#[test]
fn exists_but_not_ready_is_kept_and_updated_next_time() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let report = rig.up(&program(vec![thing("a", json!({"fail": "partial"}))])).await.unwrap();
        assert_eq!(report.failures[0].class, Class::Partial);
        let state = rig.read().unwrap();
        assert_eq!(state.get(&urn("a")).unwrap().init_errors, ["its health check failed", "one line of evidence"]);
        let plan = rig.preview(&program(vec![thing("a", json!({}))])).await.unwrap();
        assert_eq!(plan.steps[0].op, Op::Update);
        let report = rig.up(&program(vec![thing("a", json!({}))])).await.unwrap();
        assert_eq!((report.totals.updated, report.totals.created), (1, 0));
        assert!(rig.read().unwrap().get(&urn("a")).unwrap().init_errors.is_empty());
    });
}

#[test]
fn a_lost_answer_is_found_again_and_nothing_is_made_twice() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.null.trouble("b", Some(Trouble::Lost));
        let report = rig.up(&small()).await.unwrap();
        assert_eq!(report.exit(), Exit::Failed);
        assert_eq!(rig.read().unwrap().open.len(), 1);
        rig.null.trouble("b", None);
        rig.null.reset();
        let report = rig.up(&small()).await.unwrap();
        assert_eq!((report.totals.adopted, report.totals.created, report.exit()), (1, 1, Exit::Ok));
        assert!(rig.read().unwrap().open.is_empty() && rig.null.things().values().all(|t| t.creates == 1));
        // Nobody declares it any more: it is found and taken away.
        rig.null.trouble("e", Some(Trouble::Lost));
        let mut more = small();
        more.resources.push(after("e", &[]));
        assert_eq!(rig.up(&more).await.unwrap().exit(), Exit::Failed);
        rig.null.trouble("e", None);
        let report = rig.up(&small()).await.unwrap();
        assert_eq!((report.totals.deleted, rig.null.things().contains_key("e")), (1, false));
    });
}

#[test]
fn an_interruption_leaves_an_open_begin_and_ends_in_time() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH);
        let mut rig = Rig::over(home.path(), Null::new(clock.shared()), clock.shared());
        rig.null.hang(Some("b"));
        let cancel = rig.engine.cancel.clone();
        let events = rig.engine.events.clone();
        rig.engine.events = Arc::new(move |event| {
            if matches!(&event.body, Body::StepStarted { name, .. } if name == "b") {
                cancel.cancel();
            }
            events(event);
        });
        let report = rig.up(&small()).await.unwrap();
        assert_eq!((report.exit(), report.canceled), (Exit::Interrupted, true));
        let state = rig.read().unwrap();
        assert_eq!((state.open.len(), state.open[0].resource.urn.name()), (1, "b"));
        let null = rig.null.clone();
        null.hang(None);
        let again = Rig::over(home.path(), null, clock.shared());
        let report = again.up(&small()).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok);
        assert_eq!(again.read().unwrap().resources.len(), 4);
    });
}

#[test]
fn calls_that_answer_an_interruption_at_once_end_the_run_as_interrupted() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(home.path());
        let cancel = rig.engine.cancel.clone();
        rig.engine.events = Arc::new(move |event| {
            if matches!(&event.body, Body::StepStarted { .. }) {
                cancel.cancel();
            }
        });
        let program = program(vec![thing("a", json!({"fail": "interrupted"})), after("b", &["a"])]);
        let report = rig.up(&program).await.unwrap();
        assert_eq!((report.exit(), report.failures.len()), (Exit::Interrupted, 0));
        assert_eq!((rig.null.count().creates, rig.read().unwrap().open.len()), (1, 1));
        let again = Rig::over(home.path(), rig.null.clone(), SystemClock::shared());
        assert_eq!(again.up(&small()).await.unwrap().exit(), Exit::Ok);
    });
}

#[test]
fn a_long_operation_is_resumed_and_its_url_is_nobodys_business() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH);
        let mut rig = Rig::over(home.path(), Null::new(clock.shared()), clock.shared());
        rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "p")]);
        rig.null.hang(Some("a"));
        let cancel = rig.engine.cancel.clone();
        let events = rig.engine.events.clone();
        rig.engine.events = Arc::new(move |event| {
            if matches!(&event.body, Body::StepStarted { .. }) {
                cancel.cancel();
            }
            events(event);
        });
        let wanted = program(vec![thing("a", json!({"operation": true}))]);
        assert_eq!(rig.up(&wanted).await.unwrap().exit(), Exit::Interrupted);
        let found = rig.read().unwrap();
        assert!(matches!(&found.open[0].operation, Some(Value::Sealed(_))), "{found:?}");
        for (name, bytes) in files(&rig.folder()) {
            assert!(!String::from_utf8_lossy(&bytes).contains("https://null"), "{name}");
        }
        rig.null.hang(None);
        let mut again = Rig::over(home.path(), rig.null.clone(), clock.shared());
        again.env = rig.env.clone();
        assert_eq!(again.up(&wanted).await.unwrap().exit(), Exit::Ok);
        assert_eq!(again.null.count().resumes, 1);
        assert!(!format!("{:?}", again.events()).contains("https://null"));
    });
}

#[test]
fn down_takes_dependants_first_and_leaves_nothing() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.up(&small()).await.unwrap();
        let report = rig.down(&DownOptions::default()).await.unwrap();
        assert_eq!((report.totals.deleted, report.exit()), (4, Exit::Ok));
        let (_, deleted) = rig.null.order();
        assert_eq!((deleted.first().unwrap().as_str(), deleted.last().unwrap().as_str()), ("d", "a"));
        assert!(rig.null.things().is_empty() && rig.read().unwrap().is_empty());
    });
}

#[test]
fn one_waits_for_the_other_in_both_directions() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let link = |i: usize| {
            let mut declared = thing(&format!("t{i}"), json!({"latency": 3}));
            if i > 0 {
                refer(&mut declared, "before", &urn(&format!("t{}", i - 1)), "id");
            }
            declared
        };
        rig.up(&program((0..6).map(link).collect())).await.unwrap();
        assert_eq!(rig.null.count().at_once, 1);
        rig.null.reset();
        rig.down(&DownOptions::default()).await.unwrap();
        assert_eq!((rig.null.count().at_once, rig.null.order().1.join(" ")), (1, "t5 t4 t3 t2 t1 t0".to_owned()));
    });
}

#[test]
fn what_is_not_declared_any_more_goes_after_everything_is_made() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.up(&small()).await.unwrap();
        rig.null.reset();
        let next = program(vec![after("a", &[]), after("e", &["a"])]);
        let report = rig.up(&next).await.unwrap();
        assert_eq!((report.totals.created, report.totals.deleted), (1, 3));
        let (made, deleted) = rig.null.order();
        assert_eq!((made, deleted[0].as_str()), (vec!["e".to_owned()], "d"));
        let mut kept = after("e", &["a"]);
        kept.protect = true;
        rig.up(&program(vec![after("a", &[]), kept])).await.unwrap();
        let error = rig.up(&program(vec![after("a", &[])])).await.unwrap_err();
        assert!(error.to_string().contains("is protected"), "{error}");
    });
}

#[test]
fn replacements_keep_their_order() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let make = |tag: &str| {
            let mut user = thing("user", json!({}));
            refer(&mut user, "replace", &urn("base"), "id");
            let swap = typed(SWAP, "swap", json!({"replace": tag, "swap": true}));
            program(vec![thing("base", json!({"replace": tag})), user, swap])
        };
        rig.up(&make("one")).await.unwrap();
        rig.null.reset();
        let plan = rig.preview(&make("two")).await.unwrap();
        assert!(plan.steps.iter().all(|s| s.op == Op::Replace), "{plan:?}");
        let first: Vec<_> = plan.views().into_iter().map(|v| (v.name, v.deletes_first)).collect();
        let want = [("base", true), ("user", true), ("swap", false)].map(|(n, f)| (n.to_owned(), Some(f)));
        assert_eq!(first, want, "the plan says what goes first");
        let report = rig.up(&make("two")).await.unwrap();
        assert_eq!((report.totals.replaced, report.exit()), (3, Exit::Ok), "{report:?}");
        let (made, deleted) = rig.null.order();
        assert_eq!(deleted, ["user", "base", "swap-one"]);
        assert!(made.iter().position(|n| n == "base") < made.iter().position(|n| n == "user"));
        assert_eq!(rig.null.things().keys().collect::<Vec<_>>(), ["base", "swap-two", "user"]);
        assert!(rig.up(&make("two")).await.unwrap().totals.unchanged == 3);
    });
}

#[test]
fn an_update_makes_only_its_changing_outputs_unknown() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let make = |value: &str| {
            let (mut by_id, mut by_version) = (thing("i", json!({})), thing("v", json!({})));
            refer(&mut by_id, "value", &urn("a"), "id");
            refer(&mut by_version, "value", &urn("a"), "version");
            program(vec![thing("a", json!({"value": value})), by_id, by_version])
        };
        rig.up(&make("one")).await.unwrap();
        let plan = rig.preview(&make("two")).await.unwrap();
        let names: Vec<_> = plan.steps.iter().map(|s| s.urn.name().to_owned()).collect();
        assert_eq!(names, ["a", "v"]);
        let report = rig.up(&make("two")).await.unwrap();
        assert_eq!((report.totals.updated, report.totals.unchanged), (2, 1));
    });
}

#[test]
fn no_more_calls_at_once_than_lanes_and_workers_allow() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let all =
            |inputs: serde_json::Value| program((0..40).map(|i| thing(&format!("t{i}"), inputs.clone())).collect());
        rig.up(&all(json!({"latency": 5, "lane": "one"}))).await.unwrap();
        assert_eq!(rig.null.count().at_once, 2);
        rig.down(&DownOptions::default()).await.unwrap();
        rig.null.reset();
        rig.up(&all(json!({"latency": 5}))).await.unwrap();
        assert_eq!(rig.null.count().at_once, 16);
    });
}

#[test]
fn secrets_are_sealed_and_an_unchanged_one_needs_no_passphrase() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(home.path());
        rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "p")]);
        let make = || {
            let mut source = thing("source", json!({}));
            if let Expr::Map(m) = &mut source.inputs {
                m.insert("secret".into(), Expr::Value(Value::from("the-canary-value").into_secret()));
            }
            let mut user = thing("user", json!({}));
            refer(&mut user, "secret", &urn("source"), "secret");
            let mut all = program(vec![source, user]);
            let value = Expr::output(&urn("user"), "secret");
            all.outputs.push(Output { component: Component::Workspace, name: "secret".into(), value });
            all
        };
        let report = rig.up(&make()).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
        for (name, bytes) in files(&rig.folder()) {
            assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name}");
        }
        let before = files(&rig.folder());
        assert_eq!(rig.up(&make()).await.unwrap().totals.unchanged, 2);
        assert_eq!(files(&rig.folder()), before);
        // Only references to sealed values: no derivation, not even a passphrase.
        let mut referring = make();
        referring.resources[0] = {
            let mut r = referring.resources[0].clone();
            if let Expr::Map(m) = &mut r.inputs {
                m.insert(
                    "secret".into(),
                    Expr::Value(rig.read().unwrap().get(&urn("source")).unwrap().inputs.get("secret").unwrap().clone()),
                );
            }
            r
        };
        rig.env = Env::default();
        assert!(rig.preview(&referring).await.unwrap().is_empty());
        let mut store = rig.open().await.unwrap();
        assert_eq!(rig.engine.up(&referring, &mut store, &UpOptions::default()).await.unwrap().totals.unchanged, 2);
        assert_eq!(store.sealer().derivations(), 0);
    });
}

#[test]
fn a_value_that_only_a_service_knows_is_looked_at_each_time() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let source = json!({"from_registry": {"registryId": "/r", "field": "password"}});
        let wanted = program(vec![thing("a", json!({"data": {"KEY": source}})), thing("b", json!({}))]);
        rig.up(&wanted).await.unwrap();
        rig.null.reset();
        assert_eq!(rig.up(&wanted).await.unwrap().totals.unchanged, 2);
        assert_eq!((rig.null.count().reads, rig.null.count().writes()), (1, 0));
        let mut rotated = rig.null.things()["a"].clone();
        rotated.inputs["data"]["KEY"] = json!("another value");
        rig.null.put("a", rotated);
        assert_eq!(rig.up(&wanted).await.unwrap().totals.updated, 1);
    });
}

#[test]
fn nobody_hears_of_anything_before_it_is_on_disk() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(home.path());
        let (reader, null, seen) = (rig.clone(), rig.null.clone(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let count = Arc::clone(&seen);
        rig.engine.events = Arc::new(move |event| {
            let state = || reader.read().unwrap();
            match &event.body {
                Body::StepStarted { name, .. } => {
                    assert!(state().open.iter().any(|o| o.resource.urn.name() == name), "{name} was not begun");
                    assert!(!null.things().contains_key(name), "{name} was called too early");
                }
                Body::StepFinished { name, .. } => {
                    assert!(state().get(&urn(name)).is_some(), "{name} was not recorded");
                    count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
                _ => {}
            }
        });
        rig.up(&program((0..40).map(|i| thing(&format!("t{i}"), json!({}))).collect())).await.unwrap();
        assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 40);
    });
}

#[test]
fn drift_is_seen_by_a_refresh() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        rig.up(&small()).await.unwrap();
        rig.null.steal("d");
        let options = UpOptions { refresh: true, ..UpOptions::default() };
        let plan = rig.engine.preview(&small(), &rig.read().unwrap(), &options).await.unwrap();
        assert_eq!(plan.steps.iter().map(|s| (s.urn.name(), s.op)).collect::<Vec<_>>(), [("d", Op::Create)]);
        let mut store = rig.open().await.unwrap();
        let report = rig.engine.refresh(&mut store, &RefreshOptions::default()).await.unwrap();
        assert_eq!((report.totals.forgotten, report.totals.unchanged), (1, 3));
        drop(store);
        assert_eq!(rig.up(&small()).await.unwrap().totals.created, 1);
    });
}

#[test]
fn a_thousand_go_up_and_down() {
    run(async {
        let home = tempfile::tempdir().unwrap();
        let rig = Rig::new(home.path());
        let all = program((0..1000).map(|i| thing(&format!("t{i}"), json!({"value": "v"}))).collect());
        let mut store = rig.open().await.unwrap();
        let report = rig.engine.up(&all, &mut store, &UpOptions::default()).await.unwrap();
        assert_eq!((report.totals.created, report.exit()), (1000, Exit::Ok));
        let (written, size) = (store.written(), files(&rig.folder())["snapshot.json"].len() as u64);
        assert!(written.syncs <= 250 && written.bytes <= 4 * size, "{written:?} of {size}");
        drop(store);
        let chain: Vec<String> = (0..1000).map(|i| format!("t{i}")).collect();
        let chain = (0..1000).map(|i| if i == 0 { after(&chain[0], &[]) } else { after(&chain[i], &[&chain[i - 1]]) });
        assert_eq!(rig.up(&program(chain.collect())).await.unwrap().totals.updated, 1000);
        assert_eq!(rig.down(&DownOptions::default()).await.unwrap().totals.deleted, 1000);
    });
}

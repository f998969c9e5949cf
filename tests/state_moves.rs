//! State that moves between homes and engines: what is exported is imported as a whole or not at all, every broken rule
//! is named and changes nothing, and fields that nobody here knows are written again as they came.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::Path;

use mops_core::{Lineage, Provider as _, StackId, Value, bag};
use mops_engine::error::{EngineError, Exit};
use mops_engine::program::{Component, ExpandOptions, Expr, Program, Scope, expand};
use mops_engine::run::UpOptions;
use mops_engine::stackfile;
use mops_engine::state::{self, Deployment, Imported, ResourceState, Sealer, Snapshot};
use mops_host::{Env, fsx};
use mops_tests::null::{TOKEN, stack, urn};
use mops_tests::rig::{Rig, after, files, program, thing};
use serde_json::{Value as Json, json};

const PHRASE: &str = "a phrase of the tests";

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn rig(home: &Path) -> Rig {
    let mut rig = Rig::new(home);
    rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", PHRASE)]);
    rig
}

/// Two things, the second after the first, and one with a secret.
fn things(value: &str) -> Program {
    let mut secret = thing("s", json!({}));
    if let Expr::Map(members) = &mut secret.inputs {
        members.insert("secret".into(), Expr::Value(Value::from("canary-canary-canary").into_secret()));
    }
    program(vec![thing("a", json!({"value": value})), after("b", &["a"]), secret])
}

fn export(snapshot: &Snapshot) -> Json {
    serde_json::from_slice(&state::export(snapshot, time::OffsetDateTime::UNIX_EPOCH, None).unwrap()).unwrap()
}

/// The state of [`things`], exported.
fn exported(home: &Path) -> (Rig, Json) {
    let rig = rig(home);
    run(rig.up(&things("one"))).unwrap();
    let json = export(&rig.read().unwrap());
    (rig, json)
}

fn accept(rig: &Rig, json: &Json) -> Result<Imported, EngineError> {
    let mut deployment = Deployment::parse("dev.json", json.to_string().as_bytes())?;
    let sealer = Sealer::new(&rig.home, &stack(), &rig.env, deployment.salt());
    let schema = |token: &str| rig.null.schema(token).filter(|schema| schema.token == TOKEN);
    deployment.accept(&stack(), &schema, &sealer, &Scope::default())
}

fn import(rig: &Rig, json: &Json) -> Result<Vec<String>, EngineError> {
    let Imported { snapshot, dropped, .. } = accept(rig, json)?;
    run(async {
        rig.open().await?.import(snapshot).await?;
        Ok(dropped)
    })
}

/// Where the sealed and the plain form of a secret stand in an export of [`things`].
fn secret_of(json: &mut Json) -> &mut Json {
    let all = json["deployment"]["resources"].as_array_mut().unwrap();
    let found = all.iter_mut().find(|r| r["urn"] == urn("s").as_str()).unwrap();
    &mut found["inputs"]["secret"]
}

#[test]
fn an_export_comes_back_in_another_home_and_its_preview_is_empty() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, json) = exported(here.path());
    let mut new = rig(there.path());
    new.null = old.null.clone();
    new.engine.provider = old.engine.provider.clone();
    assert!(import(&new, &json).unwrap().is_empty());
    let moved = new.read().unwrap();
    assert_eq!(moved.resources.len(), 3);
    assert_ne!(moved.lineage, old.read().unwrap().lineage, "two states of one lineage could fight unnoticed");
    let sealer = Sealer::new(there.path(), &stack(), &new.env, moved.salt.clone());
    let options = UpOptions { sealer: Some(sealer.into()), refresh: true, ..UpOptions::default() };
    let plan = run(new.engine.preview(&things("one"), &moved, &options)).unwrap();
    assert!(plan.is_empty(), "{:?}", plan.views());
    // It goes on there, marks and all; the state that it came from is no longer the one that manages it.
    assert_eq!(run(new.up(&things("two"))).unwrap().totals.updated, 1);
    assert!(run(old.up(&things("three"))).unwrap_err().to_string().contains("managed from another state"));
    assert_eq!(
        export(&new.read().unwrap())["deployment"]["secrets_providers"],
        json["deployment"]["secrets_providers"]
    );
}

/// What Pulumi's engine would keep of each resource of an export after it has read or written it itself.
fn written_by_pulumi(json: &mut Json) {
    for entry in json["deployment"]["resources"].as_array_mut().unwrap() {
        let Some(outputs) = entry["outputs"].as_object_mut() else { continue };
        outputs.retain(|name, _| !name.starts_with("__"));
    }
}

#[test]
fn a_bag_of_properties_goes_out_and_what_it_was_marked_with_comes_in() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, mut json) = exported(here.path());
    let kept = old.read().unwrap();
    let entry = |json: &Json| json["deployment"]["resources"][2]["outputs"].clone();
    let bag = entry(&json);
    assert!(bag["name"].is_string() && bag["version"].is_u64() && bag["id"].is_null(), "{bag}");
    let marked = bag::lineages(&Value::from(bag));
    assert_eq!(marked, [kept.lineage.clone()].into());

    // Untouched by Pulumi, only that state's marks are taken over; written there, only Pulumi's.
    let moved = accept(&old, &json).unwrap().snapshot;
    assert_eq!(moved.predecessors, [kept.lineage.0.clone()].into());
    for (before, after) in kept.resources.iter().map(|r| (r, moved.get(&r.urn).unwrap())) {
        assert_eq!((&before.inputs, &before.outputs), (&after.inputs, &after.outputs), "{}", before.urn);
    }
    written_by_pulumi(&mut json);
    let mut new = rig(there.path());
    new.null = old.null.clone();
    new.engine.provider = old.engine.provider.clone();
    import(&new, &json).unwrap();
    let moved = new.read().unwrap();
    assert_eq!(moved.predecessors, [Lineage::of_pulumi(&stack()).0].into());
    assert!(entry(&export(&moved))["__lineages"].as_array().unwrap().len() == 2, "both marks are named again");
}

#[test]
fn what_nobody_here_knows_survives_the_round_trip() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, mut json) = exported(here.path());
    let odd = json!({"deep": [1, null, {"x": 1.5, "gone": null}], "big": u64::MAX});
    json["future"] = odd.clone();
    let deployment = &mut json["deployment"];
    deployment["future"] = odd.clone();
    deployment["metadata"] = json!({"note": odd});
    deployment["manifest"]["plugins"] = json!([{"name": "modelops", "type": "resource", "version": "0.0.9"}]);
    deployment["resources"][0]["created"] = json!("2024-05-06T07:08:09Z");
    let reference = deployment["resources"][2]["provider"].clone();
    deployment["resources"][1]["inputs"]["region"] = json!("nowhere");
    let on_each = [
        ("aliases", json!(["urn:pulumi:test::null::test:null:Thing::older"])),
        ("customTimeouts", json!({"create": 60})),
        ("additionalSecretOutputs", json!(["echo"])),
        ("sourcePosition", json!("project:///index.ts#3,4")),
        ("future", odd.clone()),
    ];
    for entry in deployment["resources"].as_array_mut().unwrap().iter_mut().skip(2) {
        entry["propertyDependencies"] = json!({"value": entry.get("dependencies").cloned().unwrap_or(json!([]))});
        on_each.iter().for_each(|(key, value)| entry[*key] = value.clone());
    }
    let mut new = rig(there.path());
    new.null = old.null.clone();
    new.engine.provider = old.engine.provider.clone();
    import(&new, &json).unwrap();
    // An update, a rotation of the snapshot, and a start from the files.
    assert_eq!(run(new.up(&things("two"))).unwrap().totals.updated, 1);
    let again = export(&new.read().unwrap());
    assert_eq!(again["future"], odd);
    let after = &again["deployment"];
    assert_eq!((&after["future"], &after["metadata"]), (&odd, &json["deployment"]["metadata"]));
    assert_eq!(after["manifest"]["plugins"], json["deployment"]["manifest"]["plugins"]);
    assert_eq!(after["resources"][0]["created"], json["deployment"]["resources"][0]["created"]);
    assert_eq!(after["resources"][1], json["deployment"]["resources"][1]);
    let entries = &after["resources"].as_array().unwrap()[2..];
    assert_eq!(entries.len(), 3);
    for entry in entries {
        assert_eq!(entry["provider"], reference);
        on_each.iter().for_each(|(key, value)| assert_eq!(&entry[*key], value, "{key}"));
        assert_eq!(entry["propertyDependencies"]["value"], entry.get("dependencies").cloned().unwrap_or(json!([])));
    }
    // What it exports, it takes again.
    let third = tempfile::tempdir().unwrap();
    import(&rig(third.path()), &again).unwrap();
}

#[test]
fn a_property_no_longer_names_what_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let (_, mut json) = exported(home.path());
    for entry in json["deployment"]["resources"].as_array_mut().unwrap().iter_mut().skip(2) {
        entry["propertyDependencies"] = json!({"value": entry.get("dependencies").cloned().unwrap_or(json!([]))});
    }
    let there = tempfile::tempdir().unwrap();
    let new = rig(there.path());
    import(&new, &json).unwrap();
    run(async { new.open().await.unwrap().forget(&[urn("a")]).await.unwrap() });
    let again = export(&new.read().unwrap());
    assert!(!again.to_string().contains("Thing::a\""), "{again}");
    assert!(accept(&new, &again).is_ok());
}

/// Every rule, broken once.
#[test]
fn each_broken_rule_is_named_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (_, good) = exported(home.path());
    let first =
        good["deployment"]["resources"].as_array().unwrap().iter().position(|r| r["id"] == "/things/a").unwrap();
    let second =
        good["deployment"]["resources"].as_array().unwrap().iter().position(|r| r["id"] == "/things/b").unwrap();
    type Break = Box<dyn Fn(&mut Json)>;
    let on = |i: usize, key: &'static str, value: Json| -> Break {
        Box::new(move |json: &mut Json| json["deployment"]["resources"][i][key] = value.clone())
    };
    let whole = |change: fn(&mut Json)| -> Break { Box::new(change) };
    let elsewhere = "urn:pulumi:prod::other::test:null:Thing::a";
    let rows: Vec<(Break, &[&str])> = vec![
        (whole(|j| j["version"] = json!(4)), &["version 4"]),
        (whole(|j| drop(j.as_object_mut().unwrap().shift_remove("version"))), &["no version"]),
        (whole(|j| *j = json!([])), &["not a JSON object"]),
        (whole(|j| j["mops"] = json!({})), &["snapshot of the engine"]),
        (whole(|j| j["features"] = json!(["refreshBeforeUpdate"])), &["`refreshBeforeUpdate`"]),
        (whole(|j| j["deployment"]["features"] = json!(["views"])), &["`views`"]),
        (whole(|j| j["deployment"]["manifest"]["magic"] = json!("00")), &["magic"]),
        (
            whole(|j| j["deployment"]["secrets_providers"]["type"] = json!("service")),
            &["`service`", "change-secrets-provider passphrase"],
        ),
        (whole(|j| j["deployment"]["secrets_providers"]["type"] = json!("cloud")), &["`cloud`"]),
        (on(first, "urn", json!(null)), &["no `urn`"]),
        (on(first, "type", json!(null)), &["no `type`"]),
        (on(first, "urn", json!("a")), &["`a` is not a URN"]),
        (on(first, "urn", json!(elsewhere)), &["`other/prod`", "`null/test`"]),
        (
            on(first, "type", json!("aws:s3/bucket:Bucket")),
            &["says that its type is `aws:s3/bucket:Bucket`", "does not manage"],
        ),
        (on(first, "id", json!("")), &["Thing::a` has no id"]),
        (on(first, "custom", json!(false)), &["has an id", "component"]),
        (on(first, "external", json!(true)), &["was only read"]),
        (on(first, "pendingReplacement", json!(true)), &["in the middle of a replacement", "`pulumi up`"]),
        (
            on(first, "provider", json!("urn:pulumi:test::null::pulumi:providers:modelops::x::1")),
            &["does not stand before it"],
        ),
        (on(first, "provider", json!("nonsense")), &["`nonsense`"]),
        (on(1, "type", json!("pulumi:providers:aws")), &["provider that the embedded engine does not have"]),
        (on(first, "dependencies", json!([urn("b").as_str()])), &["Thing::b`, which does not stand before it"]),
        (
            on(first, "propertyDependencies", json!({"p": [urn("b").as_str()]})),
            &["Thing::b`, which does not stand before it"],
        ),
        (on(first, "deletedWith", json!(urn("b").as_str())), &["Thing::b`, which does not stand before it"]),
        (on(second, "parent", json!(urn("a").as_str())), &["hangs below", "Thing::a"]),
        (on(second, "urn", json!(urn("a").as_str())), &["Thing::a` stands there twice"]),
    ];
    let there = tempfile::tempdir().unwrap();
    let rig = rig(there.path());
    for (i, (change, words)) in rows.iter().enumerate() {
        let mut json = good.clone();
        change(&mut json);
        let error = import(&rig, &json).unwrap_err();
        let EngineError::Refused(found) = &error else { panic!("row {i}: {error:?}") };
        let text: String = found.iter().map(|d| format!("{d} {}\n", d.hint.as_deref().unwrap_or("no hint"))).collect();
        assert!(words.iter().all(|w| text.contains(w)) && !text.contains("no hint"), "row {i}: {text}");
        assert_eq!(error.exit(), Exit::Usage, "row {i}");
        assert!(files(&rig.folder()).is_empty(), "row {i} left something behind");
    }
    // Twice is fine when one of them is about to go.
    let mut json = good.clone();
    on(second, "urn", json!(urn("a").as_str()))(&mut json);
    on(second, "delete", json!(true))(&mut json);
    on(second, "dependencies", json!([]))(&mut json);
    assert!(accept(&rig, &json).is_ok());
    println!("import rules={} refused={}", rows.len(), rows.len());
}

#[test]
fn secrets_open_or_nothing_happens() {
    let home = tempfile::tempdir().unwrap();
    let (old, good) = exported(home.path());
    let there = tempfile::tempdir().unwrap();
    let mut new = rig(there.path());
    new.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "another")]);
    let error = import(&new, &good).unwrap_err();
    assert!(error.to_string().contains("passphrase") && error.exit() == Exit::Usage, "{error}");
    new.env = old.env.clone();
    let mut damaged = good.clone();
    secret_of(&mut damaged)["ciphertext"] = json!("v1:AAAAAAAAAAAAAAAA:AAAA");
    assert!(import(&new, &damaged).unwrap_err().to_string().contains("damaged"));
    assert!(files(&new.folder()).is_empty());
    // In clear it needs no phrase of theirs, and is sealed with ours.
    let sealer = Sealer::new(home.path(), &stack(), &old.env, old.read().unwrap().salt);
    let bytes = state::export(&old.read().unwrap(), time::OffsetDateTime::UNIX_EPOCH, Some(&sealer)).unwrap();
    let mut clear: Json = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(secret_of(&mut clear)["plaintext"], "\"canary-canary-canary\"");
    new.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "another")]);
    import(&new, &clear).unwrap();
    for (name, bytes) in files(&new.folder()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name} holds a secret in clear");
    }
    let moved = new.read().unwrap();
    let sealer = Sealer::new(there.path(), &stack(), &new.env, moved.salt.clone());
    let mut inputs = moved.get(&urn("s")).unwrap().inputs.clone();
    sealer.open_in(&mut inputs).unwrap();
    assert_eq!(inputs.get("secret"), Some(&Value::from("canary-canary-canary").into_secret()));
}

#[test]
fn operations_under_way_are_dropped_by_name_and_a_full_target_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (old, mut json) = exported(home.path());
    json["deployment"]["pending_operations"] = json!([{"resource": {"urn": urn("p").as_str()}, "type": "creating"}]);
    let before = files(&old.folder());
    let error = import(&old, &json).unwrap_err();
    assert!(error.to_string().contains("still holds 3 resources") && error.exit() == Exit::Usage, "{error}");
    assert_eq!(files(&old.folder()), before);
    let there = tempfile::tempdir().unwrap();
    let new = rig(there.path());
    assert_eq!(import(&new, &json).unwrap(), [urn("p").as_str()]);
    assert!(new.read().unwrap().open.is_empty());
}

#[test]
fn killed_at_any_moment_an_import_leaves_nothing_or_all() {
    let home = tempfile::tempdir().unwrap();
    let (_, json) = exported(home.path());
    let there = tempfile::tempdir().unwrap();
    let new = rig(there.path());
    run(async { drop(new.open().await.unwrap()) });
    let before = files(&new.folder());
    assert!(new.read().unwrap().is_empty());
    import(&new, &json).unwrap();
    let after = files(&new.folder());
    // The one step that changes anything puts the new snapshot in the place of the empty one.
    for (snapshot, journal, count) in [(&before, &before, 0), (&after, &before, 3), (&after, &after, 3)] {
        fsx::replace(&new.folder().join("snapshot.json"), &snapshot["snapshot.json"]).unwrap();
        fsx::replace(&new.folder().join("journal"), &journal["journal"]).unwrap();
        assert_eq!(new.read().unwrap().resources.len(), count);
    }
    fsx::replace(&new.folder().join("snapshot.json"), &before["snapshot.json"]).unwrap();
    import(&new, &json).unwrap();
    assert_eq!(new.read().unwrap().resources.len(), 3);
}

/// An export does not say to which part of the stack a resource belongs: its type has to.
#[test]
fn every_resource_of_the_examples_finds_its_component_again() {
    let mut count = 0;
    for name in ["unified-infra", "every-field", "gpu-pools", "existing-cluster", "ngc-nim", "slurm-tokens"] {
        let path = format!("{}/../examples/{name}/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let loaded = stackfile::load(&path, &fsx::read_text(Path::new(&path)).unwrap());
        let declared = expand(&loaded.file.unwrap(), &ExpandOptions::default()).unwrap();
        let mut snapshot = Snapshot::none(&declared.stack);
        let all = declared.resources.iter().map(|r| ResourceState::new(r.urn.clone(), r.component, "id"));
        snapshot.resources = all.collect();
        let moved = moved(&snapshot, &declared.stack);
        for resource in &snapshot.resources {
            let there = moved.get(&resource.urn).unwrap();
            assert_eq!(there.component, resource.component, "{}", resource.urn);
            count += 1;
        }
        assert!(
            moved.resources.iter().any(|r| r.component == Component::Workspace)
                || ["gpu-pools", "ngc-nim", "slurm-tokens"].contains(&name)
        );
    }
    println!("import components={count}");
}

fn moved(snapshot: &Snapshot, stack: &StackId) -> Snapshot {
    let home = tempfile::tempdir().unwrap();
    let bytes = state::export(snapshot, time::OffsetDateTime::UNIX_EPOCH, None).unwrap();
    let mut deployment = Deployment::parse("x", &bytes).unwrap();
    let sealer = Sealer::new(home.path(), stack, &Env::default(), deployment.salt());
    let kinds = mops_resources::entries();
    let schema = |token: &str| kinds.iter().map(|kind| kind.schema()).find(|schema| schema.token == token);
    deployment.accept(stack, &schema, &sealer, &Scope::default()).unwrap().snapshot
}

//! State in files: what is cut, flipped or missing is recovered to a consistent prefix or refused, never taken for an
//! empty stack; two runs never work on one stack; a wrong passphrase touches nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use mops_core::{StackId, Value};
use mops_engine::error::{Exit, StateError};
use mops_engine::program::{Component, Scope};
use mops_engine::state::{self, OpenOptions, ResourceState, Snapshot, Store};
use mops_host::{Env, fsx};
use mops_tests::figures::tell;
use mops_tests::null::{stack, urn};
use mops_tests::rig::{Rig, files, program, thing};
use serde_json::json;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn resource(n: usize) -> ResourceState {
    let mut r = ResourceState::new(urn(&format!("r{n}")), Component::Workspace, format!("/things/r{n}"));
    r.inputs = Value::from(json!({"name": format!("r{n}"), "value": "some text of the usual length"}));
    r.outputs = Value::from(json!({"id": format!("/things/r{n}")}));
    r
}

/// A state of which the journal holds the last `n` resources, as after a kill; how many bytes each left behind.
fn killed(home: &Path, n: usize) -> Vec<u64> {
    let rig = Rig::new(home);
    run(async {
        let mut store = rig.open().await.unwrap();
        store.save(resource(0)).await.unwrap();
        store.finish().await.unwrap();
        let mut sizes = Vec::new();
        for i in 1..=n {
            store.save(resource(i)).await.unwrap();
            sizes.push(std::fs::metadata(rig.folder().join("journal")).unwrap().len());
        }
        sizes
    })
}

fn write(folder: &Path, content: &BTreeMap<String, Vec<u8>>) {
    for name in files(folder).keys() {
        fsx::remove(&folder.join(name)).unwrap();
    }
    for (name, bytes) in content {
        fsx::replace(&folder.join(name), bytes).unwrap();
    }
}

/// What a state that was tampered with gives: a number of resources that is a prefix, or a refusal that names the file.
fn judge(rig: &Rig) -> Result<usize, String> {
    match rig.read() {
        Ok(found) => {
            let names: Vec<_> = found.resources.iter().map(|r| r.urn.name().to_owned()).collect();
            for i in 0..names.len() {
                assert!(names.contains(&format!("r{i}")), "not a prefix: {names:?}");
            }
            assert!(!found.is_new && !names.is_empty(), "taken for a new stack");
            Ok(names.len())
        }
        Err(error) => {
            assert_eq!(error.exit(), Exit::CouldNotRun, "{error}");
            assert!(matches!(&error, StateError::Damaged { .. } | StateError::Newer { .. }), "{error}");
            Err(error.to_string())
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_gives_a_prefix() {
    let home = tempfile::tempdir().unwrap();
    let sizes = killed(home.path(), 4);
    let rig = Rig::new(home.path());
    let whole = files(&rig.folder());
    let journal = &whole["journal"];
    let (mut count, mut prefixes) = (0, 0);
    for cut in 0..journal.len() {
        fsx::replace(&rig.folder().join("journal"), &journal[..cut]).unwrap();
        let complete = sizes.iter().filter(|s| **s <= cut as u64).count();
        let found = judge(&rig);
        count += 1;
        prefixes += u64::from(found == Ok(1 + complete));
        assert_eq!(found, Ok(1 + complete), "cut at {cut}");
    }
    // A run goes on from there: the torn end is dropped with a note, and what it writes is good.
    let cut = journal.len() - 3;
    fsx::replace(&rig.folder().join("journal"), &journal[..cut]).unwrap();
    run(async {
        let mut store = rig.open().await.unwrap();
        assert!(store.snapshot().notes[0].contains("cut off"), "{:?}", store.snapshot().notes);
        store.save(resource(4)).await.unwrap();
        drop(store);
        assert_eq!(judge(&rig), Ok(5));
        assert!(rig.open().await.unwrap().snapshot().notes.is_empty());
    });
    tell("R3", &[("cuts", count), ("prefixes", prefixes)]);
}

#[test]
fn a_flipped_bit_gives_a_prefix_or_a_refusal() {
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 4);
    let rig = Rig::new(home.path());
    let whole = files(&rig.folder());
    let (mut flips, mut refused, mut recovered) = (0, 0, 0);
    for name in ["journal", "snapshot.json"] {
        for (i, byte) in whole[name].iter().enumerate() {
            let mut bytes = whole[name].clone();
            bytes[i] = byte ^ (1 << (i % 8));
            flips += 1;
            fsx::replace(&rig.folder().join(name), &bytes).unwrap();
            match judge(&rig) {
                Ok(n) => {
                    assert!(name == "journal" && n >= 4, "{name} byte {i}: {n} resources");
                    recovered += 1;
                }
                Err(text) => {
                    assert!(text.contains(name) || text.contains("newer"), "{text}");
                    refused += 1;
                }
            }
        }
        fsx::replace(&rig.folder().join(name), &whole[name]).unwrap();
    }
    tell("R3", &[("flips", flips), ("refused", refused), ("recovered", recovered)]);
    assert!(flips >= 2000 && flips == refused + recovered, "{flips}");
}

#[test]
fn a_missing_or_empty_file_is_damage_and_stays_untouched() {
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 2);
    let rig = Rig::new(home.path());
    let whole = files(&rig.folder());
    for name in ["snapshot.json", "journal", "meta.json"] {
        let mut without = whole.clone();
        without.remove(name);
        write(&rig.folder(), &without);
        let text = judge(&rig).unwrap_err();
        assert!(text.contains(name) && text.contains("missing"), "{text}");
        let before = files(&rig.folder());
        let error = run(rig.open()).unwrap_err();
        assert_eq!(error.exit(), Exit::CouldNotRun, "{name}");
        assert_eq!(files(&rig.folder()), before, "{name}");
    }
    for name in ["snapshot.json", "meta.json"] {
        let empty =
            BTreeMap::from_iter(whole.clone().into_iter().map(|(n, b)| if n == name { (n, vec![]) } else { (n, b) }));
        write(&rig.folder(), &empty);
        assert!(judge(&rig).is_err(), "{name}");
    }
    let middle = whole["journal"].len() / 2;
    let mut bytes = whole["journal"].clone();
    bytes.drain(..middle);
    write(&rig.folder(), &whole);
    fsx::replace(&rig.folder().join("journal"), &bytes).unwrap();
    assert!(judge(&rig).unwrap_err().contains("offset 0"));
}

/// A snapshot with the checksum of its content in its first line, as whoever wrote it would have put it there.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let body = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    let sum: String = Sha256::digest(&bytes[body..]).iter().map(|b| format!("{b:02x}")).collect();
    let end = body - "\",\n".len();
    bytes[end - sum.len()..end].copy_from_slice(sum.as_bytes());
    bytes
}

#[test]
fn a_newer_version_is_refused_and_stays_untouched() {
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 2);
    let rig = Rig::new(home.path());
    let whole = files(&rig.folder());
    let changed = |name: &str, old: &str, new: &str| {
        let text = String::from_utf8(whole[name].clone()).unwrap();
        assert!(text.contains(old), "{name}: {text}");
        text.replacen(old, new, 1).into_bytes()
    };
    // The digit of its magic.
    let mut journal = whole["journal"].clone();
    journal[2] = b'2';
    let cases = [
        ("meta.json", changed("meta.json", r#""format":1"#, r#""format":2"#)),
        ("snapshot.json", summed(changed("snapshot.json", r#""format":1"#, r#""format":2"#))),
        ("snapshot.json", summed(changed("snapshot.json", r#""version":3"#, r#""version":4"#))),
        ("journal", journal),
    ];
    for (name, bytes) in cases {
        write(&rig.folder(), &whole);
        fsx::replace(&rig.folder().join(name), &bytes).unwrap();
        let before = files(&rig.folder());
        let error = run(rig.open()).unwrap_err();
        assert!(matches!(&error, StateError::Newer { file, .. } if file.ends_with(name)), "{name}: {error}");
        assert_eq!((error.exit(), files(&rig.folder())), (Exit::CouldNotRun, before), "{name}");
    }
}

#[test]
fn a_journal_that_its_snapshot_covers_already_is_skipped() {
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 3);
    let rig = Rig::new(home.path());
    let journal = files(&rig.folder())["journal"].clone();
    run(async {
        rig.open().await.unwrap().finish().await.unwrap();
    });
    // Killed between "snapshot renamed" and "journal emptied".
    assert_eq!(files(&rig.folder())["journal"].len(), 0);
    fsx::replace(&rig.folder().join("journal"), &journal).unwrap();
    assert_eq!(judge(&rig), Ok(4));
    assert!(files(&rig.folder()).contains_key("snapshot.json.1"));
}

#[test]
fn the_loser_of_a_lock_names_the_winner_at_once() {
    let home = tempfile::tempdir().unwrap();
    let rig = Rig::new(home.path());
    run(async {
        let first = rig.open().await.unwrap();
        let start = Instant::now();
        let error = rig.open().await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(error.exit(), Exit::Locked);
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        assert!(rig.read().is_ok(), "reading needs no lock");
        drop(first);
        assert!(rig.open().await.is_ok());
    });
}

#[test]
fn a_reader_without_a_lock_never_stumbles_over_a_writer() {
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 1);
    let rig = Rig::new(home.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut count, mut most) = (0, 0);
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                match state::read(home.path(), &stack()) {
                    Ok(found) => {
                        let now = found.unwrap().resources.len();
                        assert!(now >= most, "went back from {most} to {now}");
                        most = now;
                    }
                    Err(StateError::Busy(_)) => {}
                    Err(error) => panic!("{error}"),
                }
                count += 1;
            }
            count
        });
        run(async {
            let mut store = rig.open().await.unwrap();
            for i in 0..200 {
                store.save(resource(i)).await.unwrap();
                if i % 5 == 0 {
                    store.finish().await.unwrap();
                }
            }
        });
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(reads > 5, "{reads} reads");
}

#[test]
fn another_file_for_the_same_stack_is_refused_with_both_values() {
    let home = tempfile::tempdir().unwrap();
    let rig = Rig::new(home.path());
    let scope = |group: &str| Some(Scope { resource_group: Some(group.into()), ..Scope::default() });
    let open = |group: &str| {
        let options = OpenOptions { scope: scope(group), ..rig.open_options() };
        run(Store::open(home.path(), &stack(), options))
    };
    run(async {
        let mut store = Store::open(home.path(), &stack(), OpenOptions { scope: scope("one"), ..rig.open_options() })
            .await
            .unwrap();
        store.save(resource(0)).await.unwrap();
    });
    let error = open("two").unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.to_string().contains("`one`") && error.to_string().contains("`two`"), "{error}");
    assert!(open("ONE").is_ok());
    let other = StackId { project: "null".into(), stack: "absent".into() };
    let options = OpenOptions { create: false, ..rig.open_options() };
    assert_eq!(run(Store::open(home.path(), &other, options)).unwrap_err().exit(), Exit::Usage);
    assert!(!state::folder(home.path(), &other).exists());
}

#[test]
fn a_wrong_passphrase_is_named_and_touches_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(home.path());
    let with = |value: &str| {
        let mut declared = thing("s", json!({}));
        if let mops_engine::program::Expr::Map(m) = &mut declared.inputs {
            m.insert("secret".into(), mops_engine::program::Expr::Value(Value::from(value).into_secret()));
        }
        program(vec![declared])
    };
    rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "right")]);
    run(rig.up(&with("a-canary"))).unwrap();
    let before = files(&rig.folder());
    rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "wrong")]);
    rig.null.reset();
    let error = run(rig.up(&with("b-canary"))).unwrap_err();
    assert!(error.to_string().contains("passphrase") && !error.to_string().contains("canary"), "{error}");
    assert_eq!((error.exit(), rig.null.count().writes(), files(&rig.folder())), (Exit::Usage, 0, before));
    rig.env = Env::of([("PULUMI_CONFIG_PASSPHRASE", "right")]);
    assert_eq!(run(rig.up(&with("a-canary"))).unwrap().totals.unchanged, 1);
    assert_eq!(run(rig.up(&with("b-canary"))).unwrap().totals.updated, 1);
}

#[test]
fn an_export_is_a_deployment_without_anything_of_ours() {
    let home = tempfile::tempdir().unwrap();
    let rig = Rig::new(home.path());
    let make = vec![thing("a", json!({})), mops_tests::rig::after("b", &["a"])];
    run(rig.up(&program(make))).unwrap();
    let found = rig.read().unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&state::export(&found, time::OffsetDateTime::UNIX_EPOCH, None).unwrap()).unwrap();
    assert_eq!((json["version"].as_u64(), json.get("mops")), (Some(3), None));
    let all = json["deployment"]["resources"].as_array().unwrap();
    let kinds: Vec<_> = all.iter().map(|r| r["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["pulumi:pulumi:Stack", "pulumi:providers:modelops", "test:null:Thing", "test:null:Thing"]);
    assert_eq!(all[3]["dependencies"], json!([urn("a").as_str()]));
    assert!(all.iter().skip(1).all(|r| r["parent"] == all[0]["urn"] && r["custom"] == true));
    assert!(all[2]["provider"].as_str().unwrap().starts_with(all[1]["urn"].as_str().unwrap()));
    assert!(!json.to_string().contains("mops:"));
    let none = Snapshot::none(&stack());
    assert!(none.is_new && none.lineage.0.len() == 32);
}

#[test]
fn files_and_folders_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    killed(home.path(), 1);
    let folder = Rig::new(home.path()).folder();
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in files(&folder).keys() {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

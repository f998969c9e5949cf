//! A new passphrase: killed at any moment the state opens with the old or with the new one, afterwards nothing opens with
//! the old one, and a wrong old one touches nothing. A key is derived at most once, and only when it is needed.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeMap;
use std::path::Path;

use mops_core::Secret;
use mops_core::Value;
use mops_engine::error::{Exit, StateError};
use mops_engine::program::{Expr, Program};
use mops_engine::run::UpOptions;
use mops_engine::state::{NewPhrase, Rotated, SealError, Sealer, Snapshot};
use mops_host::{Env, fsx};
use mops_tests::null::{stack, urn};
use mops_tests::rig::{Rig, files, program, thing};
use serde_json::json;

const CANARY: &str = "canary-canary-canary";

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn secretive(name: &str, value: &str) -> Program {
    let mut declared = thing(name, json!({"operation": true}));
    if let Expr::Map(members) = &mut declared.inputs {
        members.insert("secret".into(), Expr::Value(Value::from(value).into_secret()));
    }
    program(vec![declared])
}

fn phrase(text: &str) -> Env {
    Env::of([("PULUMI_CONFIG_PASSPHRASE", text)])
}

/// A state with a secret in it, sealed with what `env` says, two snapshots, and an operation that was never ended.
fn sealed(home: &Path, env: Env) -> Rig {
    let mut rig = Rig::new(home);
    rig.env = env;
    let mut both = secretive("a", "another-canary-canary");
    both.resources.extend(secretive("b", CANARY).resources);
    run(async {
        let (mut store, options) = (rig.open().await.unwrap(), UpOptions::default());
        for value in [CANARY, "another-canary-canary"] {
            rig.engine.up(&secretive("a", value), &mut store, &options).await.unwrap();
        }
        rig.null.hang(Some("b"));
        let known = || rig.read().unwrap().open.first().is_some_and(|o| o.operation.is_some());
        tokio::select! {
            _ = rig.engine.up(&both, &mut store, &options) => panic!("it was to hang"),
            () = async { while !known() { tokio::task::yield_now().await } } => {}
        }
    });
    rig.null.hang(None);
    assert_eq!(rig.read().unwrap().open.len(), 1);
    rig
}

fn rotate(rig: &Rig, new: NewPhrase) -> Result<Rotated, StateError> {
    run(async { rig.open().await?.rotate_passphrase(new).await })
}

fn given(text: &str) -> NewPhrase {
    NewPhrase::Given(Secret::from(text))
}

/// Everything sealed in a state, opened with that environment.
fn opens(snapshot: &Snapshot, rig: &Rig, env: &Env) -> Result<usize, SealError> {
    let sealer = Sealer::new(&rig.home, &stack(), env, snapshot.salt.clone());
    let mut count = 0;
    let operations = snapshot.open.iter().flat_map(|o| [Some(&o.resource.inputs), o.operation.as_ref()]).flatten();
    let resources = snapshot.resources.iter().flat_map(|r| [&r.inputs, &r.outputs]);
    for value in operations.chain(resources) {
        let mut value = value.clone();
        count += usize::from(value.has_secret());
        sealer.open_in(&mut value)?;
    }
    assert!(sealer.derivations() <= 1, "{} derivations", sealer.derivations());
    Ok(count)
}

#[test]
fn every_secret_is_sealed_anew_and_no_file_opens_with_the_old_phrase() {
    let home = tempfile::tempdir().unwrap();
    let rig = sealed(home.path(), phrase("old"));
    let before = rig.read().unwrap();
    let old: Vec<String> = ciphertexts(&files(&rig.folder()));
    let rotated = rotate(&rig, given("new")).unwrap();
    assert!(rotated.sealed >= 3 && rotated.file.is_none(), "{rotated:?}");
    let after = rig.read().unwrap();
    assert!(matches!(opens(&after, &rig, &phrase("old")), Err(SealError::WrongPassphrase { .. })));
    assert_eq!(opens(&after, &rig, &phrase("new")).unwrap(), opens(&before, &rig, &phrase("old")).unwrap());
    assert_ne!(after.salt, before.salt);
    let left = ciphertexts(&files(&rig.folder()));
    assert!(!old.is_empty() && !left.is_empty());
    assert!(old.iter().all(|c| !left.contains(c)), "a copy that the old phrase opens was left");
    // The operation is taken up again, and the engine goes on with the new phrase.
    let mut next = rig.clone();
    next.env = phrase("new");
    let mut both = secretive("a", "another-canary-canary");
    both.resources.extend(secretive("b", CANARY).resources);
    assert_eq!(run(next.up(&both)).unwrap().exit(), Exit::Ok);
    assert_eq!(next.null.count().resumes, 1);
}

/// Every sealed text in a folder.
fn ciphertexts(folder: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut found = Vec::new();
    for bytes in folder.values() {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let parts = text.split("\"ciphertext\":\"").skip(1).filter_map(|t| t.split('"').next());
        found.extend(parts.map(str::to_owned));
    }
    found
}

#[test]
fn a_wrong_old_phrase_touches_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut rig = sealed(home.path(), phrase("old"));
    // Opening drops what a killed run left behind the last record; this is not about that.
    run(async { drop(rig.open().await.unwrap()) });
    let before = files(&rig.folder());
    rig.env = phrase("wrong");
    for new in [given("new"), NewPhrase::Generated] {
        let error = rotate(&rig, new).unwrap_err();
        assert!(matches!(error, StateError::Seal(SealError::WrongPassphrase { .. })) && error.exit() == Exit::Usage);
    }
    rig.env = Env::default();
    assert!(matches!(rotate(&rig, given("new")), Err(StateError::Seal(SealError::NoPassphrase))));
    assert_eq!(files(&rig.folder()), before);
}

#[test]
fn a_generated_phrase_belongs_to_its_stack_and_goes_with_the_next_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let rig = sealed(home.path(), Env::default());
    let shared = fsx::read(&home.path().join("passphrase")).unwrap();
    let first = rotate(&rig, NewPhrase::Generated).unwrap().file.unwrap();
    assert_eq!(std::fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fsx::read(&home.path().join("passphrase")).unwrap(), shared, "other stacks are sealed with it");
    assert!(opens(&rig.read().unwrap(), &rig, &Env::default()).unwrap() > 0);
    let second = rotate(&rig, NewPhrase::Generated).unwrap().file.unwrap();
    assert!(!first.exists() && second.exists());
    assert!(opens(&rig.read().unwrap(), &rig, &Env::default()).unwrap() > 0);
    // A phrase that the user keeps leaves no generated file behind; a variable goes before one.
    let mut named = rig.clone();
    named.env = Env::default();
    rotate(&named, given("mine")).unwrap();
    assert!(!second.exists());
    assert!(opens(&named.read().unwrap(), &named, &phrase("mine")).unwrap() > 0);
    named.env = phrase("mine");
    assert_eq!(rotate(&named, NewPhrase::Generated).unwrap().variable, Some("PULUMI_CONFIG_PASSPHRASE"));
}

/// A rotation changes the folder in five steps; whatever kills it between two of them, one phrase opens everything.
#[test]
fn killed_between_any_two_steps_one_of_the_phrases_opens_everything() {
    let home = tempfile::tempdir().unwrap();
    let rig = sealed(home.path(), Env::default());
    rotate(&rig, NewPhrase::Generated).unwrap();
    run(async { rig.open().await.unwrap().save(rig.read().unwrap().resources[0].clone()).await.unwrap() });
    let before = files(&rig.folder());
    rotate(&rig, NewPhrase::Generated).unwrap();
    let after = files(&rig.folder());
    let phrase_of =
        |all: &BTreeMap<String, Vec<u8>>| all.keys().find(|n| n.starts_with("passphrase-")).unwrap().clone();
    let (old, new) = (phrase_of(&before), phrase_of(&after));
    // File and whether it is as after the rotation; in the order in which they change.
    let steps: [&[(&str, bool)]; 6] = [
        &[],
        &[(&new, true)],
        &[(&new, true), ("snapshot.json.1", false)],
        &[(&new, true), ("snapshot.json.1", false), ("snapshot.json", true)],
        &[(&new, true), ("snapshot.json.1", false), ("snapshot.json", true), ("journal", true)],
        &[(&new, true), ("snapshot.json.1", false), ("snapshot.json", true), ("journal", true), (&old, false)],
    ];
    let mut count = 0;
    for (step, changes) in steps.iter().enumerate() {
        for name in files(&rig.folder()).keys() {
            fsx::remove(&rig.folder().join(name)).unwrap();
        }
        let mut folder = before.clone();
        for (name, there) in *changes {
            match there {
                true => drop(folder.insert((*name).to_owned(), after[*name].clone())),
                false => drop(folder.remove(*name)),
            }
        }
        folder.iter().for_each(|(name, bytes)| fsx::replace(&rig.folder().join(name), bytes).unwrap());
        assert!(opens(&rig.read().unwrap(), &rig, &Env::default()).unwrap() > 0, "step {step}");
        // The next run goes on, and leaves one generated file.
        run(async { rig.open().await.unwrap().finish().await.unwrap() });
        assert!(opens(&rig.read().unwrap(), &rig, &Env::default()).unwrap() > 0, "step {step}");
        assert_eq!(files(&rig.folder()).keys().filter(|n| n.starts_with("passphrase-")).count(), 1, "step {step}");
        count += 1;
    }
    println!("passphrase steps={count} lost=0");
}

#[test]
fn a_key_is_derived_once_and_only_when_a_secret_is_touched() {
    let home = tempfile::tempdir().unwrap();
    let rig = sealed(home.path(), phrase("old"));
    let plain = program(vec![thing("a", json!({"operation": true}))]);
    let found = rig.read().unwrap();
    // Sealed as it is in state, as an output of another resource is: nothing has to be opened to see that it is the same.
    let mut same = plain.clone();
    same.resources[0].inputs = Expr::Value(found.get(&urn("a")).unwrap().inputs.clone());
    let count = |program: &Program| {
        let sealer = std::sync::Arc::new(Sealer::new(&rig.home, &stack(), &rig.env, found.salt.clone()));
        let options = UpOptions { sealer: Some(sealer.clone()), ..UpOptions::default() };
        let plan = run(rig.engine.preview(program, &found, &options)).unwrap();
        (plan.steps.iter().filter(|s| s.urn == urn("a")).count(), sealer.derivations())
    };
    assert_eq!(count(&same), (0, 0), "unchanged secrets");
    assert_eq!(count(&secretive("a", "another-canary-canary")), (0, 1), "an unchanged secret in clear");
    assert_eq!(count(&secretive("a", "a-third-canary-canary")), (1, 1), "a changed secret");
    // Without any passphrase at all the first still works.
    let nobody = Sealer::new(&rig.home, &stack(), &Env::default(), found.salt.clone());
    let options = UpOptions { sealer: Some(nobody.into()), ..UpOptions::default() };
    assert!(run(rig.engine.preview(&same, &found, &options)).is_ok());
}

#[test]
fn an_empty_phrase_and_a_file_are_phrases_too() {
    let home = tempfile::tempdir().unwrap();
    let rig = sealed(home.path(), phrase(""));
    assert!(opens(&rig.read().unwrap(), &rig, &phrase("")).unwrap() > 0);
    assert!(opens(&rig.read().unwrap(), &rig, &phrase("x")).is_err());
    let file = home.path().join("phrase.txt");
    fsx::replace(&file, b"from a file\n").unwrap();
    rotate(&rig, given("from a file")).unwrap();
    let named = Env::of([("PULUMI_CONFIG_PASSPHRASE_FILE", file.display().to_string())]);
    assert!(opens(&rig.read().unwrap(), &rig, &named).unwrap() > 0);
    // A file that others may read is refused, and its phrase is not said.
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let error = opens(&rig.read().unwrap(), &rig, &named).unwrap_err();
    assert!(matches!(error, SealError::File { .. }) && !error.to_string().contains("from a file"), "{error}");
}

#[test]
fn a_state_without_a_secret_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let rig = Rig::new(home.path());
    run(rig.up(&program(vec![thing("a", json!({}))]))).unwrap();
    let before = files(&rig.folder());
    assert_eq!(rotate(&rig, NewPhrase::Generated).unwrap().sealed, 0);
    assert_eq!(files(&rig.folder()), before);
    assert!(!home.path().join("passphrase").exists());
}

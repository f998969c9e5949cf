//! State of every version that was released: it loads as a whole, the preview of the file of that time is empty, what it
//! had under way is ended, and a newer format is refused by name. `tests/corpus/state/VERSION` is kept for ever;
//! `MOPS_GOLDEN=1` writes that of a version which has none yet, from a run against the sandbox.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::{Cancel, StackId};
use mops_engine::error::{Exit, StateError};
use mops_engine::program::{ExpandOptions, Program, Scope, expand};
use mops_engine::run::{Engine, UpOptions};
use mops_engine::stackfile;
use mops_engine::state::{self, Action, Deployment, Sealer, Snapshot};
use mops_host::clock::ManualClock;
use mops_host::{Env, fsx};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::null::{stack, urn};
use mops_tests::rig::{Rig, after, program, thing};
use mops_wire::HttpConfig;
use serde_json::json;
use sha2::Digest as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use mops_tests::job::Job;

/// Of every state here; nothing in them is the secret of anything.
pub(crate) const PHRASE: &str = "the phrase of the corpus";
/// What is kept of a state folder; the rest is of one machine.
const FILES: [&str; 4] = ["snapshot.json", "snapshot.json.1", "journal", "meta.json"];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/state")
}

fn versions() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(corpus()).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

fn env() -> Env {
    Env::of([("PULUMI_CONFIG_PASSPHRASE", PHRASE)])
}

/// The stack of the file that lies beside each state.
pub(crate) fn whole() -> StackId {
    StackId { project: "modelops".into(), stack: "dev".into() }
}

fn copy(from: &Path, to: &Path) {
    fsx::create_dir_all(to).unwrap();
    for name in FILES.iter().filter(|n| from.join(n).exists()) {
        fsx::replace(&to.join(name), &fsx::read(&from.join(name)).unwrap()).unwrap();
    }
}

/// A home that holds the newest whole state of the corpus.
pub(crate) fn lived_in(home: &Path) {
    copy(&versions().last().unwrap().join("whole"), &state::folder(home, &whole()));
}

/// A home that holds the newest state of the corpus with something under way.
pub(crate) fn cut_off(home: &Path) {
    copy(&versions().last().unwrap().join("open"), &state::folder(home, &stack()));
}

/// The program of a file of that time.
fn program_of(version: &Path) -> Program {
    let text = fsx::read_text(&version.join("stack.yaml")).unwrap();
    let loaded = stackfile::load("stack.yaml", &text);
    let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    expand(&file, &ExpandOptions::default()).unwrap()
}

/// The product's engine at the moment at which the state was written, without a way to call anything.
fn engine(at: OffsetDateTime) -> Engine {
    let clock = ManualClock::stepped(at).shared();
    let http = HttpConfig { this_machine_only: true, clock: Arc::clone(&clock), ..HttpConfig::new() };
    let config =
        Config { cloud: Cloud::public(), auth: AzureAuth::default(), env: Env::default(), clock: clock.clone(), http };
    Engine {
        provider: Arc::new(Resources::new(Services::new(config))),
        clock,
        events: Arc::new(|_| {}),
        parallelism: 16,
        cancel: Cancel::new(),
    }
}

fn written_at(version: &Path) -> OffsetDateTime {
    let text = fsx::read_text(&version.join("whole/snapshot.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    OffsetDateTime::parse(json["deployment"]["manifest"]["time"].as_str().unwrap(), &Rfc3339).unwrap()
}

/// Opens every sealed value.
fn open_all(home: &Path, snapshot: &Snapshot) -> usize {
    let sealer = Sealer::new(home, &snapshot.stack, &env(), snapshot.salt.clone());
    let operations = snapshot.open.iter().flat_map(|o| [Some(&o.resource.inputs), o.operation.as_ref()]).flatten();
    let resources = snapshot.resources.iter().flat_map(|r| [&r.inputs, &r.outputs]);
    let mut count = 0;
    for value in operations.chain(resources).chain(snapshot.outputs.values().flat_map(|m| m.values())) {
        let mut value = value.clone();
        count += usize::from(value.has_secret());
        sealer.open_in(&mut value).unwrap();
    }
    count
}

#[tokio::test]
async fn a_whole_state_loads_and_the_preview_of_its_file_is_empty() {
    let (mut loaded, mut secrets) = (0, 0);
    for version in versions() {
        let home = tempfile::tempdir().unwrap();
        copy(&version.join("whole"), &state::folder(home.path(), &whole()));
        let found = state::read(home.path(), &whole()).unwrap().unwrap();
        assert!(found.open.is_empty() && found.notes.is_empty());
        secrets += open_all(home.path(), &found);
        let declared = program_of(&version);
        let names = |all: Vec<String>| std::collections::BTreeSet::from_iter(all);
        assert_eq!(
            names(found.resources.iter().map(|r| r.urn.to_string()).collect()),
            names(declared.resources.iter().map(|r| r.urn.to_string()).collect()),
            "{}",
            version.display()
        );
        let plan = engine(written_at(&version)).preview(&declared, &found, &UpOptions::default()).await.unwrap();
        assert!(plan.is_empty(), "{}: {:?}", version.display(), plan.views());
        loaded += 1;
    }
    assert!(loaded > 0 && secrets > 0);
    println!("R22 versions={loaded} loaded={loaded} secrets={secrets} preview=empty");
}

/// `tests/corpus/pulumi/VERSION/dev.json` is what Pulumi's own library of that version (`pkg/v3/resource/stack`: read,
/// integrity verified, secrets opened, written) made of an export of the first state of the corpus.
#[tokio::test]
async fn what_pulumi_makes_of_an_export_is_taken_back() {
    let ours = corpus().join("0.1.0");
    let text = fsx::read(&corpus().join("../pulumi/3.259.0/dev.json")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::parse("dev.json", &text).unwrap();
    let sealer = Sealer::new(home.path(), &whole(), &env(), deployment.salt());
    let kinds = mops_resources::entries();
    let schema = |token: &str| kinds.iter().map(|kind| kind.schema()).find(|schema| schema.token == token);
    let scope = program_of(&ours).scope;
    let imported = deployment.accept(&whole(), &schema, &sealer, &Scope::default()).unwrap();
    assert_eq!(imported.scope, scope, "the ids tell what it is about");
    let found = imported.snapshot;
    assert!(open_all(home.path(), &found) > 0);
    // Pulumi seals each value by itself; to us equal ones are one.
    let plan = engine(written_at(&ours)).preview(&program_of(&ours), &found, &UpOptions::default()).await.unwrap();
    assert!(plan.is_empty(), "{:?}", plan.views());
}

/// What the null service held when [`write_open`] was cut off.
fn open_program() -> Program {
    let mut slow = thing("slow", json!({"operation": true}));
    if let mops_engine::program::Expr::Map(members) = &mut slow.inputs {
        let secret = mops_core::Value::from("a secret of nothing").into_secret();
        members.insert("secret".into(), mops_engine::program::Expr::Value(secret));
    }
    program(vec![thing("a", json!({"value": "two"})), after("b", &["a"]), slow])
}

#[tokio::test]
async fn what_was_under_way_is_known_and_ended() {
    for version in versions() {
        let home = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(home.path());
        rig.env = env();
        copy(&version.join("open"), &rig.folder());
        let found = rig.read().unwrap();
        assert!(!fsx::read(&rig.folder().join("journal")).unwrap().is_empty());
        let open: Vec<_> =
            found.open.iter().map(|o| (o.resource.urn.name(), o.action, o.operation.is_some())).collect();
        assert_eq!(open, [("slow", Action::Create, true)]);
        assert_eq!(found.resources.len(), 2);
        assert!(open_all(home.path(), &found) > 0);
        let report = rig.up(&open_program()).await.unwrap();
        assert_eq!((report.exit(), rig.null.count().resumes), (Exit::Ok, 1), "{}", version.display());
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let version = versions().pop().unwrap();
    let rows = [("whole", "meta.json"), ("whole", "snapshot.json"), ("open", "meta.json"), ("open", "journal")];
    for (which, name) in rows {
        let home = tempfile::tempdir().unwrap();
        let stack = if which == "whole" { whole() } else { stack() };
        let folder = state::folder(home.path(), &stack);
        copy(&version.join(which), &folder);
        let mut bytes = fsx::read(&folder.join(name)).unwrap();
        match name {
            "journal" => bytes[2] = b'2',
            "snapshot.json" => bytes = newer(&bytes),
            _ => bytes = String::from_utf8(bytes).unwrap().replacen("\"format\":1", "\"format\":2", 1).into_bytes(),
        }
        fsx::replace(&folder.join(name), &bytes).unwrap();
        let error = state::read(home.path(), &stack).unwrap_err();
        assert!(matches!(&error, StateError::Newer { found: 2, known: 1, .. }) && error.to_string().contains(name));
        assert_eq!(error.exit(), Exit::CouldNotRun);
    }
}

/// A snapshot of the next format, with the checksum that belongs to it.
fn newer(snapshot: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(snapshot).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    let body = body.replacen("\"format\":1", "\"format\":2", 1);
    let sum: String = sha2::Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
    format!("{{\"mops\":{{\"sum\":\"{sum}\",\n{body}").into_bytes()
}

#[tokio::test]
async fn this_version_has_its_states() {
    let folder = corpus().join(env!("CARGO_PKG_VERSION"));
    if Env::process().has("MOPS_GOLDEN") && !folder.exists() {
        write_whole(&folder).await;
        write_open(&folder).await;
    }
    for name in ["whole/snapshot.json", "whole/meta.json", "open/snapshot.json", "open/journal", "stack.yaml"] {
        assert!(folder.join(name).exists(), "`{name}` of this version is missing: write it with MOPS_GOLDEN=1");
    }
}

async fn write_whole(folder: &Path) {
    let mut job = Job::new().await;
    job.place.set("PULUMI_CONFIG_PASSPHRASE", PHRASE);
    job.with_images().await;
    job.good(&["mops", "infra", "up", "unified-infra.yaml", "--yes"]).await;
    let home = job.place.path().join("home/.modelops");
    copy(&state::folder(&home, &whole()), &folder.join("whole"));
    let text = fsx::read(&job.place.path().join("unified-infra.yaml")).unwrap();
    fsx::replace(&folder.join("stack.yaml"), &text).unwrap();
}

/// A run that was cut off while `slow` was being made: the journal holds every kind of record.
async fn write_open(folder: &Path) {
    let home = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(home.path());
    rig.env = env();
    rig.up(&program(vec![thing("a", json!({"value": "one"})), thing("gone", json!({}))])).await.unwrap();
    rig.null.hang(Some("slow"));
    let mut all = open_program();
    all.resources.push(thing("gone", json!({})));
    let known = || {
        let found = rig.read().unwrap();
        found.resources.len() == 3 && found.open.first().is_some_and(|o| o.operation.is_some())
    };
    tokio::select! {
        _ = rig.up(&all) => panic!("it was to hang"),
        () = async { while !known() { tokio::task::yield_now().await } } => {}
    }
    let mut store = rig.open().await.unwrap();
    store.forget(&[urn("gone")]).await.unwrap();
    let kept = store.get(&urn("a")).unwrap().clone();
    store.save(kept).await.unwrap();
    drop(store);
    copy(&rig.folder(), &folder.join("open"));
}

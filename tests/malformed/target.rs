//! Everything that reads what somebody else wrote: each with texts that it takes, and one function that says whether
//! it refused another.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue};
use mops_clients::arm::{Answer, ArmError, ResourceId};
use mops_clients::kubernetes::{Access, KubernetesError, ObjectRef};
use mops_core::{Secret, StackId, Urn};
use mops_engine::plan::saved::{Basis, Origin, SavedPlan};
use mops_engine::run::UpOptions;
use mops_engine::state::{self, Deployment};
use mops_host::{Env, fsx};
use mops_probe::{Log, dockerconfig};
use mops_tests::null::stack;
use mops_tests::rig::{Rig, files, program, thing};
use mops_wire::ConnectMap;
use mops_wire::registry::{Challenge, Reference};
use mops_wire::sas::{ConnectionString, SasView};
use time::OffsetDateTime;

/// Says whether a reader refused some bytes.
type Refuses = Box<dyn Fn(&[u8]) -> bool>;

/// A reader of foreign text.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) seeds: Vec<Vec<u8>>,
    /// True when the bytes were refused.
    pub(super) refuses: Refuses,
    /// Whether every odd text is refused; some readers pass over what they do not know.
    pub(super) strict: bool,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn target(name: &'static str, seeds: &[&str], refuses: impl Fn(&str) -> bool + 'static) -> Target {
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    Target { name, seeds, refuses: Box::new(move |bytes| refuses(&text(bytes))), strict: true }
}

/// Passes over what it does not know.
fn lenient(target: Target) -> Target {
    Target { strict: false, ..target }
}

/// All of them.
pub(super) fn all() -> Vec<Target> {
    let mut all = vec![stack_file(), cloud_file()];
    all.extend(states());
    all.extend([
        deployment(),
        kubeconfig(),
        docker_config(),
        challenge(),
        reference(),
        arm_error(),
        kubernetes_status(),
        resource_id(),
        urn(),
    ]);
    all.extend([sas(), connection_string(), connect(), probe_log(), lease(), cloud_json(), saved_plan()]);
    all
}

fn stack_file() -> Target {
    let seeds = super::stack::seeds().into_iter().map(String::into_bytes).collect();
    Target { name: "stack file", seeds, refuses: Box::new(|bytes| super::stack::refused(&text(bytes))), strict: true }
}

fn cloud_file() -> Target {
    let seed = "arm: https://127.0.0.1:4443\nauthority: https://127.0.0.1:4444\narm_scope: https://a/.default\n\
                ca_file: /tmp/ca.crt\nconnect:\n  \"*.azurecr.io\": \"127.0.0.1:1\"\n";
    target("cloud file", &[seed], |text| match mops_engine::stackfile::cloud_file("cloud.yaml", text) {
        Ok(_) => false,
        Err(found) => {
            assert!(!found.is_empty() && found.iter().all(|d| d.place.is_some() && d.hint.is_some()), "{found:?}");
            true
        }
    })
}

/// Each file of a state in turn, the others as they were.
fn states() -> Vec<Target> {
    let home = tempfile::tempdir().expect("a folder");
    let rig = Rig::new(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let things = ["a", "b"].map(|name| thing(name, serde_json::json!({"name": name, "value": "v"})));
        rig.up(&program(things.into())).await.expect("an up");
        // Not finished: the journal keeps its records.
        let mut store = rig.open().await.expect("the state");
        for _ in 0..6 {
            let again = store.snapshot().resources[0].clone();
            store.save(again).await.expect("a record");
        }
    });
    let good = files(&rig.folder());
    let one = |name: &'static str, file: &'static str| {
        let home = tempfile::tempdir().expect("a folder");
        let folder = state::folder(home.path(), &stack());
        fsx::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in &good {
            fsx::replace(&folder.join(name), bytes).expect("a file");
        }
        let refuses = move |bytes: &[u8]| {
            put(&folder.join(file), bytes);
            state::read(home.path(), &stack())
                .map(|found| assert!(found.is_some(), "{file}: taken for no stack"))
                .is_err()
        };
        Target { name, seeds: vec![good[file].clone()], refuses: Box::new(refuses), strict: true }
    };
    // A journal that ends early, as after a kill, is taken as far as it goes.
    let journal = lenient(one("state journal", "journal"));
    vec![one("state snapshot", "snapshot.json"), journal, one("state meta", "meta.json")]
}

/// Writes a file that no power cut needs to survive.
fn put(path: &Path, bytes: &[u8]) {
    fsx::remove(path).expect("our own file");
    fsx::append(path).expect("a file").write_all(bytes).expect("room");
}

fn deployment() -> Target {
    let seed = r#"{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"secrets_providers":{"type":"passphrase","state":{"salt":"v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAA"}},"resources":[{"urn":"urn:pulumi:dev::p::test:null:Thing::a","custom":true,"id":"1","type":"test:null:Thing","inputs":{"name":"a"},"outputs":{"id":"1"}}]}}"#;
    target("deployment", &[seed], |text| Deployment::parse("file", text.as_bytes()).is_err())
}

fn kubeconfig() -> Target {
    let seed = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n\
                clusters: [{name: c, cluster: {server: \"https://127.0.0.1:6443\"}}]\nusers: [{name: u, user: {token: t}}]\n";
    target("kubeconfig", &[seed], |text| Access::from_text("k", &Secret::from(text.to_owned()), None, None).is_err())
}

fn docker_config() -> Target {
    let seed = r#"{"auths":{"r.example.com":{"auth":"dXNlcjpwYXNz"},"https://index.docker.io/v1/":{"username":"u","password":"p"}}}"#;
    lenient(target("docker config", &[seed], |text| {
        let _ = dockerconfig::hosts(text);
        dockerconfig::logins(text, "r.example.com").is_err()
    }))
}

fn challenge() -> Target {
    let seeds = [
        r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull""#,
        r#"Basic realm="x", Bearer realm="https://a/t",service=s"#,
    ];
    lenient(target("challenge", &seeds, |text| {
        let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else { return true };
        Challenge::of(&HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, value)])).is_err()
    }))
}

fn reference() -> Target {
    let seeds = [
        "myacr.azurecr.io/team/worker:1",
        "nvcr.io/nim/x@sha256:0123456789012345678901234567890123456789012345678901234567890123",
    ];
    lenient(target("image reference", &seeds, |text| text.parse::<Reference>().is_err()))
}

fn arm_error() -> Target {
    let seeds = [
        r#"{"error":{"code":"A","message":"m","details":[{"code":"B","message":"n"}],"innererror":{"code":"C"}}}"#,
        r#"{"status":"Failed","error":{"code":"X","message":"{\"error\":{\"code\":\"Y\",\"message\":\"z\"}}"}}"#,
        "<html><body>502</body></html>",
    ];
    lenient(target("ARM error", &seeds, |text| {
        let answer = Answer::read(409, &HeaderMap::new(), text.as_bytes(), OffsetDateTime::UNIX_EPOCH);
        let error = ArmError::of(&answer);
        let _ = (error.class(), error.remedy(), ArmError::of_operation(&answer, "Failed"));
        let told = error.to_string();
        assert!(told.chars().count() < 4000 && !told.contains('\u{1b}'), "{told}");
        false
    }))
}

fn kubernetes_status() -> Target {
    let seeds = [
        r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"m","code":409,"details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"helm\" using apps/v1","field":".spec.replicas"}]}}"#,
        r#"{"kind":"Status","reason":"Forbidden","message":"deployments.apps \"x\" is forbidden: User \"u\" cannot patch resource \"deployments\"","details":{"name":"x","group":"apps","kind":"deployments"},"code":403}"#,
        r#"{"kind":"Status","reason":"Invalid","message":"m","details":{"name":"x","kind":"Deployment","causes":[{"reason":"FieldValueInvalid","message":"must be positive","field":"spec.replicas"}]},"code":422}"#,
        "upstream connect error or disconnect/reset before headers",
    ];
    let object = ObjectRef::namespaced("apps/v1", "Deployment", "n", "x");
    lenient(target("Kubernetes status", &seeds, move |text| {
        for code in [400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503] {
            let error = KubernetesError::of_answer("api.example", "patch", &object, code, text.as_bytes());
            let told = error.into_core().to_string();
            assert!(!told.is_empty() && told.chars().count() < 4000 && !told.contains('\u{1b}'), "{code}: {told}");
        }
        false
    }))
}

fn resource_id() -> Target {
    let seed = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a";
    lenient(target("resource id", &[seed], |text| ResourceId::parse(text).is_err()))
}

fn urn() -> Target {
    let stack = StackId { project: "p".into(), stack: "s".into() };
    let urn = Urn::new(&stack, "modelops:azure:NodePool", "gpu").to_string();
    lenient(target("URN", &[&urn], |text| Urn::parse(text).is_none()))
}

fn sas() -> Target {
    let seed = "sv=2026-02-06&sr=c&sp=rl&st=2026-01-01T00:00:00Z&se=2026-02-01T00:00:00Z&spr=https&sig=AAAA%3D";
    lenient(target("SAS", &[seed], |text| {
        let _ = SasView::of(&Secret::from(text.to_owned()));
        false
    }))
}

fn connection_string() -> Target {
    let seed = "BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=2026-02-06&sig=AAAA";
    lenient(target("connection string", &[seed], |text| {
        ConnectionString::parse(&Secret::from(text.to_owned())).is_err()
    }))
}

fn connect() -> Target {
    lenient(target("connect map", &["*.azurecr.io=127.0.0.1:1,a.b=[::1]:2"], |text| ConnectMap::parse(text).is_err()))
}

fn probe_log() -> Target {
    let seed = "{\"type\":\"end\",\"version\":1,\"observations\":0}\n";
    lenient(target("probe log", &[seed], |text| !Log::parse(text).complete))
}

fn lease() -> Target {
    let home = tempfile::tempdir().expect("a folder");
    let path: PathBuf = home.path().join("lease");
    let now = OffsetDateTime::UNIX_EPOCH;
    fsx::take_lease(&path, now, now + time::Duration::HOUR).expect("a lease");
    let seed = fsx::read_text(&path).expect("the lease");
    lenient(target("lease", &[&seed], move |text| {
        let _ = &home;
        put(&path, text.as_bytes());
        fsx::read_lease(&path).is_err()
    }))
}

fn cloud_json() -> Target {
    let seed = r#"{"format":1,"name":"sandbox","arm":"https://127.0.0.1:1","authority":"https://127.0.0.1:2","arm_scope":"https://a/.default","ca_file":"/tmp/ca.crt","connect":[["*.azurecr.io","127.0.0.1:3"]],"auth":"service_principal","tenant_id":"t","client_id":null,"client_secret":{"from_env":"S"},"certificate_file":null,"env_file":null,"stack_file":"unified-infra.yaml"}"#;
    target("cloud.json", &[seed], |text| match mops::cloud_json(text.as_bytes()) {
        Ok(()) => false,
        Err(why) => {
            assert!(!why.is_empty());
            true
        }
    })
}

fn saved_plan() -> Target {
    let home = tempfile::tempdir().expect("a folder");
    let rig = Rig::new(home.path());
    let wanted = program(["a", "b"].map(|name| thing(name, serde_json::json!({"name": name}))).into());
    let (options, state) = (UpOptions::default(), rig.read().expect("no state yet"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let plan = runtime.block_on(rig.engine.preview(&wanted, &state, &options)).expect("a plan");
    let basis = Basis::new(home.path(), &Env::default(), Origin::default()).expect("a key");
    let saved = SavedPlan::of(&plan, &wanted, &state, &options, &basis, OffsetDateTime::UNIX_EPOCH).expect("a plan");
    let path = home.path().join("plan.json");
    saved.write(&path).expect("a file");
    let seed = fsx::read(&path).expect("the plan");
    let refuses = move |bytes: &[u8]| {
        put(&path, bytes);
        SavedPlan::read(&path, home.path()).is_err()
    };
    Target { name: "saved plan", seeds: vec![seed], refuses: Box::new(refuses), strict: true }
}

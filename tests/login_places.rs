//! Docker's file, podman's and the programs that keep logins, through the built program: every form that they have is
//! understood (L-05), no engine is needed (L-06), and fifty logins at once with kills between lose none (R21).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::fsx;
use mops_tests::dice::{Dice, seed};
use mops_tests::figures::tell;
use mops_tests::http::{Call, Reply, handler};
use mops_tests::ngc::Access;
use mops_tests::place::Place;
use mops_tests::program::Running;
use mops_tests::tls::{Authority, Leaf, Server, bind, serve_tls};
use serde_json::{Value, json};

use crate::desk::{Desk, GOOD};
use crate::life::pass;

const IMAGE: &str = "nvcr.io/acme/model:1";
const CONFIG: &str = "home/.docker/config.json";

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.sandbox.ngc().image("acme/model", Access::Organisation("acme".into()), true);
    desk.place.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    desk
}

fn pair() -> String {
    STANDARD.encode(format!("$oauthtoken:{GOOD}"))
}

fn auths(key: &str, entry: &Value) -> String {
    json!({"auths": {key: entry}}).to_string()
}

/// A program that keeps the good key, as `docker-credential-NAME`.
fn keeper(desk: &Desk, name: &str) {
    desk.place.write(
        &format!("bin/docker-credential-{name}"),
        &format!("#!/bin/sh\nread host\necho '{{\"ServerURL\":\"nvcr.io\",\"Username\":\"$oauthtoken\",\"Secret\":\"{GOOD}\"}}'\n"),
    );
}

#[tokio::test]
async fn l_05_each_form_of_dockers_file_gives_its_login() {
    let desk = desk();
    keeper(&desk, "kept");
    desk.good("chmod 755 bin/*").await;
    let plain = json!({"auth": pair()});
    let forms = [
        auths("nvcr.io", &plain),
        auths("https://nvcr.io", &plain),
        auths("https://nvcr.io/v1/", &plain),
        auths("nvcr.io", &json!({"username": "$oauthtoken", "password": GOOD})),
        json!({"credHelpers": {"nvcr.io": "kept"}, "credsStore": "gone"}).to_string(),
        json!({"credsStore": "kept", "auths": {"nvcr.io": {}}}).to_string(),
    ];
    for form in forms {
        desk.place.write(CONFIG, &form);
        let said = desk.good(&format!("PATH=$PWD/bin:$PATH mops auth check {IMAGE}")).await;
        assert!(said.contains("ok with login"), "{form}: {said}");
        assert_eq!(desk.docker(), form, "who asks writes nothing");
    }
    let both = json!({"auth": pair(), "username": "$oauthtoken", "password": "nvapi-canary-another"});
    desk.place.write(CONFIG, &auths("nvcr.io", &both));
    let (code, said) = desk.said(&format!("mops auth check {IMAGE}")).await;
    assert_eq!((code, said.contains("DOCKERCONFIG_MALFORMED")), (1, true), "{said}");
}

#[tokio::test]
async fn l_05_a_login_comes_into_a_file_and_nothing_else_changes() {
    let desk = desk();
    let old = "{\n\t\"HttpHeaders\": {\"a\": 1e0},\n\t\"auths\": {\n\t\t\"other.io\": {\"auth\": \"dTpw\"}\n\t},\n\t\"x\": [ ]\n}\n";
    desk.place.write(CONFIG, old);
    desk.good("mops auth login --key-stdin <good").await;
    let entry = format!(",\n\t\t\"nvcr.io\": {{\n\t\t\t\"auth\": \"{}\"\n\t\t}}", pair());
    assert_eq!(desk.docker(), old.replacen("\"dTpw\"}", &format!("\"dTpw\"}}{entry}"), 1));
    desk.good("mops auth logout").await;
    assert_eq!(desk.docker(), old);
    for (broken, line) in [("{\n  // mine\n  \"auths\": {}\n}", "line 2"), ("\u{feff}{}", "line 1")] {
        desk.place.write(CONFIG, broken);
        let (code, said) = desk.said("mops auth login --key-stdin <good").await;
        assert!(code != 0 && said.contains("config.json") && said.contains(line), "{broken}: {code} {said}");
        assert_eq!((desk.docker().as_str(), desk.mlenv().as_str()), (broken, ""));
    }
    desk.place.write(CONFIG, "");
    desk.good("mops auth login --key-stdin <good").await;
    assert!(desk.docker().contains(&pair()), "an empty file has no entries");
}

#[tokio::test]
async fn l_06_a_login_needs_no_engine_and_goes_where_the_variables_say() {
    let desk = desk();
    let places = [
        ("DOCKER_CONFIG=$PWD/mine", "mine/config.json"),
        ("REGISTRY_AUTH_FILE=$PWD/theirs.json", "theirs.json"),
        ("REGISTRY_AUTH_FILE=$PWD/no.json DOCKER_CONFIG=$PWD/both", "both/config.json"),
        ("LC_ALL=C", CONFIG),
    ];
    for (variables, file) in places {
        desk.good(&format!("export {variables}; mops auth login --key-stdin <good")).await;
        let written = fsx::read_text(&desk.place.path().join(file)).unwrap_or_default();
        assert!(written.contains(&pair()), "{variables}: {file} has {} bytes", written.len());
        fsx::remove(&desk.place.path().join("home/.mlenv/config")).expect("it was written");
        let said = desk.good(&format!("export {variables}; mops auth check {IMAGE}; mops auth status nvcr.io")).await;
        assert!(said.contains("ok with login") && said.contains(file), "{variables}: {said}");
        desk.good(&format!("export {variables}; mops auth logout")).await;
    }
    // Podman's own place is read where docker has none, and docker is not told of podman's variable.
    desk.place.write("run/containers/auth.json", &auths("nvcr.io", &json!({"auth": pair()})));
    let said = desk.good(&format!("XDG_RUNTIME_DIR=$PWD/run mops auth check {IMAGE}")).await;
    assert!(said.contains("run/containers/auth.json"), "{said}");
}

/// Registries that take one user, by names of this machine.
struct Registries {
    place: Place,
    port: u16,
    _server: Server,
}

const HOSTS: u64 = 50;

impl Registries {
    fn start() -> Self {
        let authority = Authority::new();
        let names: Vec<String> = (0..HOSTS).map(|i| format!("r{i}.localhost")).collect();
        let leaf = authority.leaf(Leaf::Good, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let listener = bind().expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = serve_tls(handler(answer), listener, leaf.server_config()).expect("a server");
        let mut place = Place::new();
        place.write("roots.pem", authority.pem());
        place.write("key", "canary-password");
        place.set("SSL_CERT_FILE", place.path().join("roots.pem").display().to_string());
        Self { place, port, _server: server }
    }

    fn host(&self, number: u64) -> String {
        format!("r{number}.localhost:{}", self.port)
    }

    fn login(&self, number: u64) -> Running {
        let host = self.host(number);
        Running::start(&self.place, "mops", &["auth", "login", &host, "-u", "robot", "--key-file", "key"])
    }

    /// The hosts that have an entry; what lies there is whole at every moment.
    fn entries(&self) -> Vec<String> {
        let text = fsx::read_text(&self.place.path().join(CONFIG)).unwrap_or_default();
        if text.is_empty() {
            return Vec::new();
        }
        let config: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        config["auths"].as_object().expect("entries").keys().cloned().collect()
    }
}

fn answer(call: &Call) -> Reply {
    let right = format!("Basic {}", STANDARD.encode("robot:canary-password"));
    match call.header("authorization") {
        Some(given) if given == right => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}))
            .header("www-authenticate", "Basic realm=\"registry\""),
    }
}

/// Ten run at a time and a part of them is killed at any moment; who was killed begins again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_21_fifty_logins_with_kills_between_are_fifty() {
    let registries = Registries::start();
    let (mut dice, mut left, mut kills) = (Dice::new(seed()), (0..HOSTS).collect::<Vec<_>>(), 0);
    while !left.is_empty() {
        let running: Vec<(u64, Running)> = left.drain(..left.len().min(10)).map(|n| (n, registries.login(n))).collect();
        for (number, run) in running {
            if kills < 25 && dice.below(2) == 0 {
                pass(Duration::from_millis(dice.below(60) as u64));
                drop(run);
                kills += 1;
                left.push(number);
            } else {
                assert_eq!(run.wait(), Some(0), "{}", registries.host(number));
            }
            registries.entries();
        }
    }
    let mut wanted: Vec<String> = (0..HOSTS).map(|number| registries.host(number)).collect();
    let mut found = registries.entries();
    wanted.sort();
    found.sort();
    tell("R21", &[("logins", HOSTS), ("kills", kills), ("entries", found.len() as u64)]);
    assert_eq!(found, wanted);
    let beside = std::fs::read_dir(registries.place.path().join("home/.docker")).expect("a folder").flatten();
    let names: Vec<String> = beside.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().all(|name| name == "config.json" || name == ".config.json.lock"), "{names:?}");
}

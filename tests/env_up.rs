//! L-15, L-16 and L-18 through the built program, before a fake of the engine and that of NGC: what is asked of the engine
//! in each state, with whose login, how often, and what is left when something fails. `tests/env_real.rs` does the same
//! with real engines.

use mops_host::proc::Output;
use mops_tests::container_engine::FakeEngine;
use mops_tests::ngc::{Access, Key};
use mops_tests::place::Place;
use mops_tests::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

const KEY: &str = "nvapi-canary-0123456789-good=wxyz";
const IMAGE: &str = "nvcr.io/acme/model:1";

struct Desk {
    place: Place,
    engine: FakeEngine,
    sandbox: Sandbox,
}

/// A machine with an engine, and NGC with an image of a stranger and one of ours.
fn desk() -> Desk {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    sandbox.ngc().key(Key::new(KEY, "acme"));
    sandbox.ngc().image("acme/model", Access::Organisation("acme".into()), true);
    sandbox.ngc().image("nvidia/cuda", Access::Anonymous(Vec::new()), true);
    sandbox.ngc().image("acme/licensed", Access::Licensed(Vec::new()), true);
    let mut place = Place::new();
    sandbox.variables().into_iter().for_each(|(name, value)| place.set(&name, value));
    let engine = FakeEngine::start(place.path());
    place.set("DOCKER_HOST", engine.host());
    place.write("work/requirements.txt", "numpy\n");
    place.write("key", KEY);
    Desk { place, engine, sandbox }
}

impl Desk {
    async fn run(&self, line: &str) -> Output {
        let output = self.place.run(&["sh", "-c", &format!("cd work && {line}")]).await;
        let said = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
        assert!(!said.contains("canary"), "{line}: {said}");
        output
    }

    async fn said(&self, line: &str) -> (i32, String) {
        let output = self.run(line).await;
        (output.code.expect("a code"), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    async fn good(&self, line: &str) -> String {
        let (code, said) = self.said(line).await;
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    /// The verb fails with this code and says this.
    async fn fails(&self, code: i32, words: &str, line: &str) -> String {
        let (found, said) = self.said(line).await;
        assert!(found == code && said.contains(words), "{line}: {found}\n{said}");
        said
    }

    async fn logged_in(self) -> Self {
        self.good("mops auth login --key-stdin <../key").await;
        self
    }
}

const MAKE: [&str; 3] = ["POST /images/create", "POST /containers/create", "POST /containers/%/start"];

fn steps(desk: &Desk) -> Vec<String> {
    let id = |step: String| step.replace(|c: char| c.is_ascii_digit() || c == 'f', "").replace("//", "/%/");
    desk.engine.steps().into_iter().map(id).collect()
}

#[tokio::test]
async fn l_18_a_private_image_is_pulled_with_the_login_of_its_registry_and_each_state_has_its_action() {
    let desk = desk().logged_in().await;
    let said = desk.good(&format!("mops env up --image {IMAGE} --gpu none")).await;
    assert!(said.contains("with the login from") && said.contains("mops env exec"), "{said}");
    assert_eq!(steps(&desk), MAKE);
    let pull = &desk.engine.asked()[0];
    assert_eq!((&*pull.query["fromImage"], &*pull.query["tag"]), ("nvcr.io/acme/model", "1"));
    let login = pull.login.as_ref().expect("a login");
    assert_eq!(
        (&login["username"], &login["password"], &login["serveraddress"]),
        (&json!("$oauthtoken"), &json!(KEY), &json!("nvcr.io"))
    );
    let body = &desk.engine.asked()[1].body;
    let work = desk.place.path().join("work");
    assert_eq!((&body["WorkingDir"], &body["HostConfig"]["Mounts"][0]["Source"]), (&json!("/workspace"), &json!(work)));
    assert!(!body.to_string().contains("canary"), "{body}");

    desk.engine.forget();
    assert!(desk.good(&format!("mops env up --image {IMAGE} --gpu none")).await.contains("runs already"));
    assert!(steps(&desk).is_empty(), "running, the same settings: nothing");
    desk.good("mops env down").await;
    assert!(desk.good("mops env down").await.contains("stopped"), "again is as good");
    desk.engine.forget();
    desk.good(&format!("mops env up --image {IMAGE} --gpu none")).await;
    assert_eq!(steps(&desk), ["POST /containers/%/start"], "stopped, the same settings: start");
    desk.good("mops env down").await;
    desk.engine.forget();
    desk.good("mops env up").await;
    assert_eq!(steps(&desk), ["POST /containers/%/start"], "nothing asked for: as it is");

    let said = desk.fails(1, "settings changed", &format!("mops env up --image {IMAGE} --gpu 0 --port 8888:80")).await;
    assert!(
        said.contains("gpu: it has none, and 0 is asked for") && said.contains("port:") && !said.contains("image:"),
        "{said}"
    );
    assert!(desk.engine.containers()[0].starts_with('+'), "it still runs");
    desk.good(&format!("mops env up --image {IMAGE} --gpu 0 --recreate")).await;
    assert_eq!(desk.engine.containers().len(), 1);
    let listed = desk.good("mops env ls --json").await;
    let line: Value = listed
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|line: &Value| line["type"] == "container")
        .expect("a line");
    assert_eq!(
        (&line["image"], &line["gpus"], &line["state"], &line["folder"]),
        (&json!(IMAGE), &json!("0"), &json!("running"), &json!(work))
    );
    desk.good("mops env down --rm").await;
    assert!(desk.engine.containers().is_empty());
    assert!(desk.good("mops env down --rm").await.contains("does not exist"));
}

#[tokio::test]
async fn l_18_nobody_is_logged_in_for_a_public_image_and_the_cause_of_a_refusal_is_the_registrys() {
    let desk = desk().logged_in().await;
    let said = desk.good("mops env up --image nvcr.io/nvidia/cuda:12 --gpu none").await;
    assert!(said.contains("without a login"), "{said}");
    assert_eq!(desk.engine.asked()[0].login, None, "a login that is not needed is sent to nobody");
    desk.good("mops env down --rm").await;
    desk.engine.forget();
    desk.fails(1, "NGC_LICENSE_NOT_ACCEPTED", "mops env up --image nvcr.io/acme/licensed:1 --gpu none").await;
    desk.fails(1, "NOT_LOGGED_IN", &format!("mops env up --image {IMAGE} --gpu none --anonymous")).await;
    desk.good("mops auth logout").await;
    let said = desk.fails(1, "NOT_LOGGED_IN", &format!("mops env up --image {IMAGE} --gpu none")).await;
    assert!(said.contains("mops auth login nvcr.io"), "{said}");
    assert!(steps(&desk).is_empty(), "the engine was not sent for what nobody gets");
    // The engine's word alone is no proof: the registry gives the image from here.
    desk.good("mops auth login --key-stdin <../key").await;
    desk.engine.next_pull(
        404,
        r#"{"message":"pull access denied for x, repository does not exist or may require 'docker login': denied"}"#,
    );
    let said = desk.fails(1, "the engine did not get", &format!("mops env up --image {IMAGE} --gpu none")).await;
    assert!(said.contains("pull access denied") && !said.contains("NGC_KEY"), "{said}");
}

#[tokio::test]
async fn l_15_l_16_a_pull_is_tried_again_where_that_may_help_and_never_after_a_refusal() {
    let mut desk = desk().logged_in().await;
    desk.place.set("MLENV_IMAGE_PULL_RETRIES", "2");
    let up = format!("mops env up --image {IMAGE} --gpu none");
    let begun =
        "{\"status\":\"Downloading\",\"id\":\"a\",\"progressDetail\":{\"current\":5000000,\"total\":9000000}}\r\n";
    let inside =
        |words: &str| format!("{begun}{{\"errorDetail\":{{\"message\":\"{words}\"}},\"error\":\"{words}\"}}\r\n");
    let started = std::time::Instant::now();
    desk.engine.next_pull(200, &inside("received unexpected HTTP status: 503 Service Unavailable"));
    let said = desk.good(&up).await;
    assert!(said.contains("try 2 in 2.") && started.elapsed().as_secs() >= 2, "{said}");
    assert_eq!(steps(&desk)[..2], ["POST /images/create", "POST /images/create"]);
    desk.good("mops env down --rm").await;
    for (tries, words, cause) in [
        (2, "toomanyrequests: slow down", "RATE_LIMITED"),
        (2, "dial tcp 10.0.0.1:443: i/o timeout", "does not reach"),
        (1, "write /var/lib/docker/x: no space left on device", "ENGINE_DISK_FULL"),
        (1, "manifest unknown: manifest unknown", "did not get"),
        (2, "unauthorized: authentication required", "did not get"),
    ] {
        desk.engine.forget();
        (0..2).for_each(|_| desk.engine.next_pull(200, &inside(words)));
        let said = desk.fails(1, cause, &format!("{up} --pull always")).await;
        assert_eq!(said.contains("at least 9.0 MB are needed"), cause == "ENGINE_DISK_FULL", "{said}");
        assert_eq!(steps(&desk), vec!["POST /images/create"; tries], "{words}");
        desk.engine.clear_pulls();
    }
    desk.place.set("MLENV_IMAGE_PULL_RETRIES", "many");
    desk.fails(2, "MLENV_IMAGE_PULL_RETRIES", &format!("{up} --pull always")).await;
}

#[tokio::test]
async fn l_18_what_a_run_made_and_cannot_bring_up_goes_again() {
    let desk = desk().logged_in().await;
    let up = format!("mops env up --image {IMAGE}");
    desk.engine.refuses_to_start("could not select device driver \"\" with capabilities: [[gpu]]");
    let said = desk.fails(1, "ENGINE_NO_GPU", &up).await;
    assert!(said.contains("mops env up --gpu none"), "{said}");
    desk.engine.ends(Some(137));
    desk.engine.wrote("line 1\nlast words\n");
    let said = desk.fails(1, "RUN_EXITED", &up).await;
    assert!(said.contains("code 137") && said.contains("last words"), "{said}");
    assert!(desk.engine.containers().is_empty(), "{:?}", desk.engine.containers());
    desk.engine.ends(None);
    // Busy ports are seen before anything is pulled or made.
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port();
    desk.engine.forget();
    let said = desk.fails(1, "RUN_PORT_BUSY", &format!("{up} --port {port}:80")).await;
    assert!(said.contains("is free: `--port 127.0.0.1:"), "{said}");
    assert!(steps(&desk).is_empty());
    desk.good(&format!("{up} --port 127.0.0.2:{port}:80")).await;
    let created = desk.engine.asked().into_iter().find(|asked| asked.what == "POST /containers/create").expect("made");
    assert_eq!(
        created.body["HostConfig"]["PortBindings"]["80/tcp"][0],
        json!({"HostIp": "127.0.0.2", "HostPort": port.to_string()})
    );
    // Made before: whatever goes wrong later, it stays.
    desk.good("mops env down").await;
    desk.engine.ends(Some(1));
    desk.fails(1, "RUN_EXITED", "mops env up").await;
    assert_eq!(desk.engine.containers().len(), 1);
}

#[tokio::test]
async fn l_18_requirements_are_installed_once_a_container_and_a_text() {
    let desk = desk().logged_in().await;
    let up = format!("mops env up --image {IMAGE} --gpu none --requirements requirements.txt");
    desk.engine.runs(|words, _| (format!("ran {}\n", words.join(" ")).into_bytes(), Vec::new(), 0));
    let pip = "ran pip install --no-cache-dir -r /workspace/requirements.txt";
    assert!(desk.good(&up).await.contains(pip));
    assert!(!desk.good(&up).await.contains(pip), "it is there");
    assert!(desk.good(&format!("{up} --force-requirements")).await.contains(pip));
    desk.place.write("work/requirements.txt", "numpy\nscipy\n");
    assert!(desk.good(&up).await.contains(pip), "another text");
    assert!(desk.good(&format!("{up} --recreate")).await.contains(pip), "another container");
    desk.engine.runs(|_, _| (Vec::new(), b"ERROR: No matching distribution\n".to_vec(), 1));
    desk.fails(1, "RUN_REQUIREMENTS", &format!("{up} --force-requirements")).await;
    assert_eq!(desk.engine.containers().len(), 1, "it was there before");
    desk.good("mops env down --rm").await;
    let said = desk.fails(1, "RUN_REQUIREMENTS", &up).await;
    assert!(said.contains("No matching distribution"), "{said}");
    assert!(desk.engine.containers().is_empty(), "this run made it");
    desk.fails(2, "outside of this folder", "mops env up --requirements /etc/passwd").await;
}

#[tokio::test]
async fn l_16_idle_gpus_are_chosen_by_the_limits_of_mlenv_and_no_gpu_twice() {
    let mut desk = desk().logged_in().await;
    desk.place
        .write("work/nvidia-smi", "#!/bin/sh\nprintf '0, 5, 9000\\n1, 29, 1000\\n2, 50, 9000\\n3, 0, 12000\\n'\n");
    desk.good("chmod +x nvidia-smi").await;
    let path = desk.place.env.iter().find(|(name, _)| name == "PATH").expect("a path").1.clone();
    desk.place.set("PATH", format!("{}:{path}", desk.place.path().join("work").display()));
    let up = |name: &str, more: &str| format!("mops env up --image {IMAGE} --name {name} {more}");
    let gpus = |desk: &Desk| {
        let asked = desk.engine.asked().into_iter().rev().find(|asked| asked.what == "POST /containers/create");
        asked.expect("made").body["HostConfig"]["DeviceRequests"][0]["DeviceIDs"].clone()
    };
    desk.good(&up("one", "--auto-gpu")).await;
    assert_eq!(gpus(&desk), json!(["3"]), "the freest");
    desk.good(&up("two", "--auto-gpu 2")).await;
    assert_eq!(gpus(&desk), json!(["0", "1"]), "none that another container has");
    let said = desk.fails(1, "0 of 1 GPUs are idle", &up("three", "--auto-gpu")).await;
    assert!(said.contains("mops env ls"), "{said}");
    assert!(desk.good(&up("two", "--auto-gpu 2")).await.contains("runs already"), "those that it has");
    desk.good("mops env down --all").await;
    desk.place.set("MLENV_GPU_UTIL_THRESHOLD", "51");
    desk.place.set("MLENV_GPU_MIN_FREE_MEM", "9000");
    desk.good(&up("four", "--auto-gpu 3")).await;
    assert_eq!(gpus(&desk), json!(["3", "0", "2"]));
    desk.place.set("MLENV_GPU_MIN_FREE_MEM", "much");
    desk.fails(2, "MLENV_GPU_MIN_FREE_MEM", &up("five", "--auto-gpu")).await;
}

#[tokio::test]
async fn l_18_variables_and_profiles() {
    let desk = desk();
    desk.good("mops auth login --profile work --key-stdin <../key && mops auth logout").await;
    desk.fails(2, "no profile `home`", &format!("mops env up --image {IMAGE} --profile home")).await;
    desk.place.write("work/vars", "# tokens\nexport A='one two'\nB=$(touch made)x\n");
    desk.fails(2, "`vars`: line 3", &format!("mops env up --image {IMAGE} --env-file vars")).await;
    desk.place.write("work/vars", "A='canary value'\nB=$(made)\nA='canary again'\n");
    let line = format!(
        "TOKEN=canary-of-the-shell mops env up --image {IMAGE} --gpu none --env-file vars --env TOKEN --env B=2 --profile work"
    );
    let said = desk.good(&line).await;
    assert!(said.contains("profiles/work") && said.contains("has A twice"), "{said}");
    let body =
        desk.engine.asked().into_iter().find(|asked| asked.what == "POST /containers/create").expect("made").body;
    assert_eq!(body["Env"], json!(["A=canary again", "B=2", "TOKEN=canary-of-the-shell", "HOME=/home/mops"]));
    assert!(!body["Labels"].to_string().contains("canary"), "{}", body["Labels"]);
    desk.fails(2, "`NOT_SET_HERE` is not set", "mops env up --env NOT_SET_HERE").await;
}

#[tokio::test]
async fn l_18_two_at_once_are_one_container() {
    let desk = desk().logged_in().await;
    desk.engine.overtaken();
    let said = desk.good(&format!("mops env up --image {IMAGE} --gpu none")).await;
    assert!(said.contains("runs already"), "{said}");
    assert_eq!(desk.engine.containers().len(), 1);
}

#[tokio::test]
async fn l_18_no_engine_is_said_and_a_foreign_container_is_left_alone() {
    let mut desk = desk();
    for (host, words) in [("unix:///nowhere/x.sock", "start the engine"), ("tcp://127.0.0.1:9", "start the engine")] {
        desk.place.set("DOCKER_HOST", host);
        for verb in ["up", "ls", "down", "logs", "exec -- true"] {
            let said = desk.fails(3, "ENGINE_UNREACHABLE", &format!("mops env {verb}")).await;
            assert!(said.contains(words), "{said}");
        }
        let line = desk.run("mops env ls --json").await.stdout;
        let line: Value = serde_json::from_slice(&line).expect("a line");
        assert_eq!((&line["class"], &line["exit"]), (&json!("container"), &json!(3)));
    }
    desk.place.set("DOCKER_HOST", "tcp://192.0.2.1:2375");
    desk.fails(2, "in clear", "mops env ls").await;
    desk.fails(2, "a key on the command line is refused", "mops env up --env NGC_API_KEY=nvapi-0123456789abc").await;
}

#[tokio::test]
async fn l_18_exec_gives_words_input_and_exit_code_through_and_logs_mask_keys() {
    let desk = desk().logged_in().await;
    desk.fails(1, "`mops env up`", "mops env exec -- true").await;
    desk.good(&format!("mops env up --image {IMAGE} --gpu none")).await;
    let output = desk.run("printf 'a\\nb' | mops env exec -- prog 'x y' '|' '$HOME' ''").await;
    assert_eq!((output.code, &*String::from_utf8_lossy(&output.stdout)), (Some(0), "prog\nx y\n|\n$HOME\n\na\nb"));
    desk.engine.runs(|_, _| (b"out\xff".to_vec(), b"err".to_vec(), 42));
    let output = desk.run("mops env exec -c 'false | true; exit 42' </dev/null").await;
    assert_eq!((output.code, &*output.stdout, &*output.stderr), (Some(42), &b"out\xff"[..], &b"err"[..]));
    let output = desk.run("mops env exec --json -- x").await;
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#"{"type":"ended","version":1,"code":42}"#));
    desk.engine.wrote(&format!("key {KEY} here\nmore"));
    assert_eq!(desk.good("mops env logs").await, "key **** here\nmore");
    desk.engine.stop_all();
    desk.fails(1, "does not run", "mops env exec -- true").await;
    drop(desk.sandbox);
}

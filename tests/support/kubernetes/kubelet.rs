//! What happens to a pod on its node: images are pulled with its real pull secrets, `mops-probe`
//! is really run, everything else only gets a status.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::proc::Command;
use serde_json::{Value as Json, json};

use super::KubernetesFake;
use super::environment::resolve;
use super::event::Saying;
use super::log::{ended, kept_as};
use super::store::{Key, key_of, text};
use crate::registry::content::digest;

/// Why a container waits.
pub(super) struct Waiting {
    container: String,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The probe's image, which every node has from the start, as if it had been imported there: an
/// image that no registry has to give, because a registry may be what is probed.
pub const PROBE_IMAGE: &str = "localhost/mops-probe:0.1.0";

/// The longest that a probe may run when the pod names no time.
const PROBE_TIME: Duration = Duration::from_secs(600);

/// Looks after one pod from its binding to its end, or until it has to wait for a secret.
pub(super) async fn tend(fake: Arc<KubernetesFake>, key: Key, uid: String) {
    let seen = fake.store().secret_revision;
    match start(&fake, &key, &uid).await {
        Ok(()) => run(&fake, &key, &uid).await,
        Err(Some(waiting)) => {
            show_waiting(&fake, &key, &uid, &waiting);
            let mut store = fake.store();
            store.blocked.insert(uid.clone(), seen);
            store.tended.remove(&uid);
        }
        Err(None) => {}
    }
    fake.settle();
}

/// The pod, while it is still the same one.
pub(super) fn current(fake: &KubernetesFake, key: &Key, uid: &str) -> Option<Json> {
    let store = fake.store();
    let pod = store.get(key.0, &key.1, &key.2)?;
    (text(pod, "/metadata/uid") == uid).then(|| pod.clone())
}

pub(super) fn amend(fake: &KubernetesFake, key: &Key, uid: &str, change: impl FnOnce(&mut Json)) {
    if current(fake, key, uid).is_some() {
        let writer = fake.controller("kubelet", "status");
        fake.store().amend(key, &writer, change);
    }
}

fn say(fake: &KubernetesFake, pod: &Json, (kind, reason): (&str, &str), message: &str) {
    let now = fake.now();
    Saying { source: "kubelet", kind, reason, message, now: &now }.about(&mut fake.store(), pod);
}

fn containers(pod: &Json) -> Vec<Json> {
    let list = |name: &str| pod["spec"][name].as_array().cloned().unwrap_or_default();
    list("initContainers").into_iter().chain(list("containers")).collect()
}

/// Everything before the containers run. `Err(None)`: the pod is gone.
async fn start(fake: &Arc<KubernetesFake>, key: &Key, uid: &str) -> Result<(), Option<Waiting>> {
    let pod = current(fake, key, uid).ok_or(None)?;
    volumes(fake, &pod).map_err(Some)?;
    let configs = pull_secrets(fake, &pod);
    for container in containers(&pod) {
        pull(fake, &pod, &container, &configs).await.map_err(Some)?;
        let resolved = resolve(&fake.store(), &pod, &container);
        let env = resolved.map_err(|message| {
            say(fake, &pod, ("Warning", "Failed"), &format!("Error: {message}"));
            let container = text(&container, "/name").to_owned();
            Some(Waiting { container, reason: "CreateContainerConfigError", message })
        })?;
        let ends = fake.options.puller.ends(text(&container, "/image"), &env);
        fake.store().environments.insert((uid.to_owned(), text(&container, "/name").to_owned()), env);
        for (reason, verb) in [("Created", "Created"), ("Started", "Started")] {
            let message = format!("{verb} container: {}", text(&container, "/name"));
            say(fake, &pod, ("Normal", reason), &message);
        }
        if let Some(said) = ends {
            return Err(Some(crashed(fake, &pod, &container, said)));
        }
    }
    Ok(())
}

/// A container whose program ends each time that it is started.
fn crashed(fake: &KubernetesFake, pod: &Json, container: &Json, said: String) -> Waiting {
    let (name, of) = (text(container, "/name").to_owned(), text(pod, "/metadata/name"));
    fake.store().logs.insert(kept_as(pod, &ended(&name)), said);
    let message = format!("back-off 10s restarting failed container={name} pod={of}");
    say(fake, pod, ("Warning", "BackOff"), &format!("Back-off restarting failed container {name} in pod {of}"));
    Waiting { container: name, reason: "CrashLoopBackOff", message }
}

fn volumes(fake: &KubernetesFake, pod: &Json) -> Result<(), Waiting> {
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let name = text(volume, "/secret/secretName");
        let absent = fake.store().get("Secret", text(pod, "/metadata/namespace"), name).is_none();
        if !name.is_empty() && absent && volume["secret"]["optional"] != true {
            let detail = format!(
                "MountVolume.SetUp failed for volume \"{}\" : secret \"{name}\" not found",
                text(volume, "/name")
            );
            say(fake, pod, ("Warning", "FailedMount"), &detail);
            return Err(Waiting { container: String::new(), reason: "ContainerCreating", message: String::new() });
        }
    }
    Ok(())
}

pub(super) fn pull_secrets(fake: &KubernetesFake, pod: &Json) -> Vec<Vec<u8>> {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    {
        let store = fake.store();
        for reference in pod["spec"]["imagePullSecrets"].as_array().into_iter().flatten() {
            let name = text(reference, "/name");
            let secret = store.get("Secret", text(pod, "/metadata/namespace"), name);
            match secret.and_then(|s| s["data"][".dockerconfigjson"].as_str()) {
                Some(data) => found.push(STANDARD.decode(data).unwrap_or_default()),
                None => absent.push(name.to_owned()),
            }
        }
    }
    if !absent.is_empty() {
        let message = format!(
            "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
            absent.join(", ")
        );
        say(fake, pod, ("Warning", "FailedToRetrieveImagePullSecret"), &message);
    }
    found
}

pub(super) async fn pull(
    fake: &Arc<KubernetesFake>,
    pod: &Json,
    container: &Json,
    configs: &[Vec<u8>],
) -> Result<(), Waiting> {
    let image = text(container, "/image").to_owned();
    let name = text(container, "/name").to_owned();
    let held = (text(pod, "/spec/nodeName").to_owned(), image.clone());
    let policy = text(container, "/imagePullPolicy");
    let present = image == PROBE_IMAGE || fake.store().images.contains(&held);
    if policy == "Never" && !present {
        let message = format!("Container image \"{image}\" is not present with pull policy of Never");
        say(fake, pod, ("Warning", "ErrImageNeverPull"), &message);
        return Err(Waiting { container: name, reason: "ErrImageNeverPull", message });
    }
    if present && policy != "Always" {
        let message = format!("Container image \"{image}\" already present on machine");
        say(fake, pod, ("Normal", "Pulled"), &message);
        return Ok(());
    }
    say(fake, pod, ("Normal", "Pulling"), &format!("Pulling image \"{image}\""));
    match fake.options.puller.pull(&image, configs).await {
        Ok(()) => {
            say(fake, pod, ("Normal", "Pulled"), &format!("Successfully pulled image \"{image}\""));
            fake.store().images.insert(held);
            Ok(())
        }
        Err(error) => {
            let detail = error.message(&image);
            say(fake, pod, ("Warning", "Failed"), &format!("Failed to pull image \"{image}\": {detail}"));
            say(fake, pod, ("Warning", "Failed"), "Error: ErrImagePull");
            say(fake, pod, ("Normal", "BackOff"), &format!("Back-off pulling image \"{image}\""));
            say(fake, pod, ("Warning", "Failed"), "Error: ImagePullBackOff");
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {detail}");
            Err(Waiting { container: name, reason: "ImagePullBackOff", message })
        }
    }
}

/// What is said of a container. One that has run has an identity, as its image has.
pub(super) fn state_of(container: &Json, ready: bool, state: &Json) -> Json {
    let mut said = json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": ready,
        "restartCount": 0, "started": ready, "state": state});
    if state["waiting"].is_null() {
        said["imageID"] = json!(digest(text(container, "/image").as_bytes()));
        said["containerID"] = json!(digest(container.to_string().as_bytes()).replace("sha256:", "containerd://"));
    }
    said
}

/// The state of a container that has ended.
pub(super) fn terminated(code: i32, reason: &str, since: &Json, now: &str) -> Json {
    json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": since, "finishedAt": now}})
}

fn states(pod: &Json, list: &str, state: &dyn Fn(&str) -> (bool, Json)) -> Json {
    let one = |c: &Json| {
        let (ready, state) = state(text(c, "/name"));
        state_of(c, ready, &state)
    };
    pod["spec"][list].as_array().into_iter().flatten().map(one).collect()
}

/// How far a pod has come on its node.
enum Stage {
    /// With a sandbox or not, and past its init containers or not.
    Waiting {
        sandbox: bool,
        initialized: bool,
    },
    Running,
    /// All containers have ended, well or badly.
    Ended {
        well: bool,
    },
}

fn conditions(pod: &mut Json, now: &str, stage: &Stage) {
    let bound = pod["status"]["conditions"][0].clone();
    let (sandbox, initialized, ready, reason) = match stage {
        Stage::Waiting { sandbox, initialized } => (*sandbox, *initialized, false, Some("ContainersNotReady")),
        Stage::Running => (true, true, true, None),
        Stage::Ended { well } => (false, true, false, Some(if *well { "PodCompleted" } else { "PodFailed" })),
    };
    let condition = |kind: &str, yes: bool, reason: Option<&str>| {
        let mut c = json!({"type": kind, "status": if yes { "True" } else { "False" }, "lastTransitionTime": now});
        if let Some(reason) = reason {
            c["reason"] = json!(reason);
        }
        c
    };
    let completed = matches!(stage, Stage::Ended { well: true });
    let list = [
        bound,
        condition("PodReadyToStartContainers", sandbox, None),
        condition("Initialized", initialized, reason.filter(|_| !initialized || completed)),
        condition("ContainersReady", ready, reason),
        condition("Ready", ready, reason),
    ];
    pod["status"]["conditions"] = list.into_iter().filter(Json::is_object).collect();
}

fn show_waiting(fake: &KubernetesFake, key: &Key, uid: &str, waiting: &Waiting) {
    let now = fake.now();
    amend(fake, key, uid, |pod| {
        let state = |name: &str| {
            let ours = name == waiting.container;
            let reason = if ours { waiting.reason } else { "ContainerCreating" };
            let message = if ours { json!(waiting.message) } else { Json::Null };
            (false, json!({"waiting": {"reason": reason, "message": message}}))
        };
        let init = pod["spec"]["initContainers"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|c| text(c, "/name") == waiting.container);
        pod["status"]["phase"] = json!("Pending");
        pod["status"]["startTime"] = json!(now);
        pod["status"]["containerStatuses"] = states(pod, "containers", &state);
        if waiting.reason == "CrashLoopBackOff" {
            let statuses = pod["status"]["containerStatuses"].as_array_mut().into_iter().flatten();
            for status in statuses.filter(|status| status["name"] == waiting.container.as_str()) {
                status["restartCount"] = json!(1);
            }
        }
        if init {
            pod["status"]["initContainerStatuses"] = states(pod, "initContainers", &state);
        }
        let sandbox = !waiting.container.is_empty();
        conditions(pod, &now, &Stage::Waiting { sandbox, initialized: !init });
    });
}

/// The containers run: a probe to its end, everything else for as long as the pod lives.
async fn run(fake: &Arc<KubernetesFake>, key: &Key, uid: &str) {
    let Some(pod) = current(fake, key, uid) else { return };
    let now = fake.now();
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
    amend(fake, key, uid, |pod| {
        pod["status"]["phase"] = json!("Running");
        pod["status"]["startTime"] = json!(now);
        pod["status"]["podIP"] = json!("10.244.0.10");
        pod["status"]["containerStatuses"] =
            states(pod, "containers", &|_| (true, json!({"running": {"startedAt": now}})));
        pod["status"]["initContainerStatuses"] = states(pod, "initContainers", &|_| (true, done.clone()));
        if pod["status"]["initContainerStatuses"].as_array().is_some_and(Vec::is_empty) {
            pod["status"]["initContainerStatuses"] = Json::Null;
        }
        conditions(pod, &now, &Stage::Running);
    });
    fake.settle();
    let list = pod["spec"]["containers"].as_array().cloned().unwrap_or_default();
    if let Some(probe) = list.iter().find(|c| is_probe(c)) {
        let (code, reason) = probe_run(fake, &pod, probe).await;
        finish(fake, key, uid, code, reason);
    }
}

/// Whether a container is our own probe: by command, by argument, or by its image.
pub(super) fn is_probe(container: &Json) -> bool {
    let first = |list: &str| container[list][0].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    first("command") == "mops-probe" || first("args") == "mops-probe" || is_named_probe(container)
}

/// Whether the image is the probe's own, by its name.
fn is_named_probe(container: &Json) -> bool {
    let image = text(container, "/image").rsplit('/').next().unwrap_or_default();
    image.split(['@', ':']).next().unwrap_or_default() == "mops-probe"
}

fn probe_args(container: &Json) -> Vec<String> {
    let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
    let words: Vec<String> =
        list("command").iter().chain(&list("args")).filter_map(|w| w.as_str().map(str::to_owned)).collect();
    let skip = usize::from(words.first().is_some_and(|w| w.rsplit('/').next() == Some("mops-probe")));
    words.into_iter().skip(skip).collect()
}

pub(super) async fn probe_run(fake: &Arc<KubernetesFake>, pod: &Json, container: &Json) -> (i32, &'static str) {
    let (uid, kept) = (text(pod, "/metadata/uid"), kept_as(pod, text(container, "/name")));
    let installed = (text(container, "/image").to_owned(), "mops-probe".to_owned());
    let holds = is_named_probe(container) || fake.store().programs.contains(&installed);
    // What cannot be started has said nothing.
    let Some(program) = fake.options.probe.clone().filter(|_| holds) else { return (128, "StartError") };
    let resolved = resolve(&fake.store(), pod, container).unwrap_or_default();
    let mut env: BTreeMap<String, String> = resolved;
    env.extend(fake.options.probe_env.iter().cloned());
    let _token = super::webhook::project(fake, pod, &mut env);
    let _process = super::processes::project(fake, pod, container, &mut env);
    let limit = pod["spec"]["activeDeadlineSeconds"].as_u64().map_or(PROBE_TIME, Duration::from_secs);
    let command = Command {
        program: program.display().to_string(),
        args: probe_args(container),
        env: env.into_iter().collect(),
        stdin: None,
        timeout: limit,
        max_output: 4 << 20,
    };
    let key = key_of(pod);
    let result = tokio::select! {
        result = command.run() => result,
        () = fake.gone(&key, uid) => return (137, "Error"),
    };
    match result {
        Ok(output) => {
            let mut log = String::from_utf8_lossy(&output.stdout).into_owned();
            log.push_str(&String::from_utf8_lossy(&output.stderr));
            fake.store().logs.insert(kept, log);
            let code = output.code.unwrap_or(137);
            (code, if code == 0 { "Completed" } else { "Error" })
        }
        Err(error) => {
            fake.store().logs.insert(kept, format!("{error}\n"));
            (137, "DeadlineExceeded")
        }
    }
}

fn finish(fake: &KubernetesFake, key: &Key, uid: &str, code: i32, reason: &str) {
    let now = fake.now();
    amend(fake, key, uid, |pod| {
        let since = pod["status"]["startTime"].clone();
        let state = terminated(code, reason, &since, &now);
        pod["status"]["phase"] = json!(if code == 0 { "Succeeded" } else { "Failed" });
        pod["status"]["containerStatuses"] = states(pod, "containers", &|_| (false, state.clone()));
        conditions(pod, &now, &Stage::Ended { well: code == 0 });
    });
}

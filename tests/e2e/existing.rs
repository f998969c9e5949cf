//! Promise: in a cluster that somebody else made, `mops` brings a workload and its credentials, and `down` leaves nothing
//! of them; the registry is GitHub's, Docker Hub or any other by host, user and password: skopeo pushes there, and the
//! kubelets pull with the secret that `mops` made.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::Env;
use mops_host::proc::{Command, Output};
use mops_tests::job::{Job, example};
use mops_tests::private::cluster::images::workload;
use mops_tests::real::hosted::BOT;
use serde_json::json;

use crate::pods::{job_with_cluster, kubectl, left, until_both_workers_reached_the_scheduler};

/// What the example says about its registry, word for word.
const OF_THE_EXAMPLE: &str = "provider: ghcr\n  name: example-org";

/// The example, with the world's cluster in place of the user's and another registry.
fn stack(registry: &str, host: &str) -> String {
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let rows = [
        (OF_THE_EXAMPLE, registry),
        ("\"ghcr.io/", &format!("\"{host}/")),
        ("~/.kube/config", &kubeconfig),
        ("{cpu: 1, memory: 2Gi}", "{cpu: 100m, memory: 64Mi}"),
    ];
    rows.iter().fold(example("existing-cluster/existing-cluster.yaml"), |text, (from, to)| {
        assert!(text.contains(from), "the example has no `{from}` any more");
        text.replace(from, to)
    })
}

/// The bot's password at all registries of the world.
pub(crate) fn password() -> String {
    Env::process().get("REGISTRY_TOKEN").expect("a world with registries").to_owned()
}

/// skopeo as the bot with this password, which is in a file and not among the words.
async fn skopeo(dir: &Path, host: &str, password: &str, words: &[&str]) -> Output {
    let auth = STANDARD.encode(format!("{BOT}:{password}"));
    let file = dir.join("auth.json");
    mops_host::fsx::replace(&file, json!({"auths": {host: {"auth": auth}}}).to_string().as_bytes()).expect("a file");
    let command = Command {
        program: "/usr/bin/skopeo".into(),
        args: ["--insecure-policy"].iter().chain(words).map(|&word| word.to_owned()).collect(),
        env: vec![
            ("REGISTRY_AUTH_FILE".into(), file.display().to_string()),
            ("HOME".into(), dir.display().to_string()),
        ],
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 1 << 20,
    };
    command.run().await.expect("skopeo")
}

/// Pushes what the workload starts, and sees that nobody else may look at it.
pub(crate) async fn push(dir: &Path, host: &str) {
    for name in ["scheduler", "worker"] {
        let (layout, image) = (dir.join(name), format!("{host}/example-org/{name}:1"));
        // Its name is in it, so that no node has it by another.
        workload(&image).expect("busybox").write_layout(&layout).expect("a layout");
        let (from, to) = (format!("oci:{}", layout.display()), format!("docker://{image}"));
        let pushed = skopeo(dir, host, &password(), &["copy", &from, &to]).await;
        assert!(pushed.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
        let (wrong, none) = (["inspect", &to], ["inspect", "--no-creds", &to]);
        assert!(!skopeo(dir, host, "wrong", &wrong).await.success(), "a wrong password opens {host}");
        assert!(!skopeo(dir, host, &password(), &none).await.success(), "{host} is open to everybody");
        assert!(skopeo(dir, host, &password(), &wrong).await.success(), "the bot cannot look at what it pushed");
    }
}

async fn comes_and_goes(registry: &str, host: &str) {
    if job_with_cluster(&format!("a workload from {host} in an existing cluster")).is_none() {
        return;
    }
    let mut job = Job::in_private_world(&stack(registry, host)).expect("the same world");
    push(job.place.path(), host).await;
    job.place.set("REGISTRY_TOKEN", password());
    let before = left().await;
    job.up().await;
    job.nothing_to_do().await;
    until_both_workers_reached_the_scheduler("modelops-dask-lab").await;
    let images = kubectl(&["get", "pods", "-n", "modelops-dask-lab", "-o", "jsonpath={..imageID}"]).await;
    let from_here = images.split_whitespace().filter(|id| id.starts_with(&format!("{host}/example-org/"))).count();
    assert_eq!(from_here, 3, "{images}");
    job.good(&["mops", "infra", "down", "--yes"]).await;
    assert_eq!(left().await, before);
}

#[tokio::test]
async fn a_workload_from_any_registry_comes_and_goes_without_a_trace() {
    comes_and_goes("provider: generic\n  host: registry.lab.example", "registry.lab.example").await;
}

#[tokio::test]
async fn a_workload_from_githubs_registry_comes_and_goes_without_a_trace() {
    comes_and_goes(OF_THE_EXAMPLE, "ghcr.io").await;
}

#[tokio::test]
async fn a_workload_from_docker_hub_comes_and_goes_without_a_trace() {
    comes_and_goes("provider: dockerhub\n  name: example-org", "docker.io").await;
}

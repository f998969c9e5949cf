//! A thousand workers in ten pools: kwok plays the nodes, and runs what is to run in a container as a program of this
//! machine, with the variables that the container would have. The image that it plays has `cat` and `env`, and no Python.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_core::Secret;
use mops_host::proc::Command;
use mops_host::{Env, fsx};
use mops_tests::private::WORLD;
use mops_tests::private::address::SYSTEM_NODE;
use mops_tests::private::part::Part;
use mops_tests::tools::program;
use serde_json::{Value, json};

/// The namespace of the workers.
pub(super) const NAMESPACE: &str = "crowd";
/// The variable that one worker has of old.
pub(super) const PASSWORD: &str = "REGISTRY_PASSWORD";
/// What becomes of nodes and pods.
const STAGES: &str = include_str!("../../../../tools/kwok/stages.yaml");
const API: &str = "kwok.x-k8s.io/v1alpha1";
const RBAC: &str = "rbac.authorization.k8s.io";
const POOLS: usize = 10;
const DEPLOYMENT: &str = "dask-workers";
const SECRET: &str = "bundle-credentials";
const LOOKER: &str = "looker";
const OLD: &str = "example-password-1";
const NEW: &str = "example-password-2";
/// Where the nodes answer that kwok plays, under the certificate of a real one.
const PORT: u16 = 10_247;

/// The workers, and who may do what with them.
pub(super) struct Crowd {
    /// Their names.
    pub(super) workers: Vec<String>,
    /// The one that began with an old password.
    pub(super) old: String,
    /// As the cluster's administrator.
    pub(super) kubectl: Kubectl,
    /// The kubeconfig of somebody who may look and run a command in a worker, and start no pod.
    pub(super) looker: PathBuf,
    /// Scratch of the world.
    pub(super) folder: PathBuf,
    _nodes: Part,
}

impl Crowd {
    /// Makes them, and waits until all of them run.
    pub(super) async fn gather(n: usize) -> Result<Self, String> {
        let env = Env::process();
        let (world, kubeconfig) = (env.get(WORLD).ok_or("no world")?, env.get("KUBECONFIG").ok_or("no cluster")?);
        let folder = Path::new(world).join("crowd");
        fsx::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let kubectl = Kubectl::new(kubeconfig, &folder)?;
        let keys = Path::new(world).join("keys");
        let mut nodes = played(&folder, &keys, kubeconfig, &json!({})).await?;
        kubectl.apply(&objects(n)).await?;
        let ready = ["get", "deployment", DEPLOYMENT, "-n", NAMESPACE, "-o", "jsonpath={.status.readyReplicas}"];
        let all = n.to_string();
        nodes.until(async || kubectl.said(&ready, None).await.is_ok_and(|count| count == all)).await.map_err(text)?;
        let names = ["get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.name}"];
        let workers: Vec<String> = kubectl.said(&names, None).await?.split_whitespace().map(String::from).collect();
        // The last one: no sample of the first would have it.
        let old = workers.last().cloned().ok_or("no workers")?;
        nodes.stop().await.map_err(text)?;
        let nodes = played(&folder, &keys, kubeconfig, &of_old(&old)).await?;
        let looker = looker(&kubectl, &folder, &keys).await?;
        Ok(Self { workers, old, kubectl, looker, folder, _nodes: nodes })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Starts kwok with what commands in containers get, and with this beside it.
async fn played(folder: &Path, keys: &Path, kubeconfig: &str, beside: &Value) -> Result<Part, String> {
    let programs = folder.join("image");
    fsx::create_dir_all(&programs).map_err(text)?;
    for name in ["cat", "env"] {
        let place = programs.join(name);
        if !place.exists() {
            symlink("/bin/busybox", place).map_err(text)?;
        }
    }
    let all =
        json!({"apiVersion": API, "kind": "ClusterExec", "metadata": {"name": "workers"}, "spec": container(NEW)});
    let files =
        [("stages.yaml", STAGES.to_owned()), ("all.json", all.to_string()), ("beside.json", beside.to_string())];
    let mut args = vec![
        format!("--kubeconfig={kubeconfig}"),
        "--manage-nodes-with-label-selector=type=kwok".to_owned(),
        format!("--node-ip={SYSTEM_NODE}"),
        format!("--node-port={PORT}"),
        format!("--tls-cert-file={}", keys.join("system-serving.crt").display()),
        format!("--tls-private-key-file={}", keys.join("system-serving.key").display()),
    ];
    for (name, content) in files.iter().filter(|(_, content)| content != "{}") {
        fsx::replace(&folder.join(name), content.as_bytes()).map_err(text)?;
        args.push(format!("--config={}", folder.join(name).display()));
    }
    let kwok = program("kwok", "kwok").map_err(text)?;
    let variables = [("PATH", programs.display().to_string()), ("HOME", folder.display().to_string())];
    let mut part = Part::start_with(folder, "kwok", &kwok, &args, &variables).map_err(text)?;
    part.until_it_listens(SocketAddr::from((SYSTEM_NODE, PORT))).await.map_err(text)?;
    Ok(part)
}

/// What a command in the container of one worker gets.
fn of_old(name: &str) -> Value {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    json!({"apiVersion": API, "kind": "Exec", "metadata": metadata, "spec": container(OLD)})
}

fn container(password: &str) -> Value {
    let envs = json!([{"name": "REGISTRY_USERNAME", "value": "puller"}, {"name": PASSWORD, "value": password}]);
    json!({"execs": [{"local": {"workDir": "/tmp", "envs": envs}}]})
}

/// Everything that is made, in order.
fn objects(n: usize) -> Vec<Value> {
    let of_looker = |kind: &str, more: Value| {
        let metadata = json!({"name": LOOKER, "namespace": NAMESPACE});
        let mut object = json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata});
        object
            .as_object_mut()
            .into_iter()
            .for_each(|object| object.extend(more.as_object().cloned().unwrap_or_default()));
        object
    };
    let role = |kind: &str, rules: Value| of_looker(kind, json!({"rules": rules}));
    let binding = |role: &str| {
        let subject = json!({"kind": "ServiceAccount", "name": LOOKER, "namespace": NAMESPACE});
        let role_ref = json!({"apiGroup": RBAC, "kind": role, "name": LOOKER});
        of_looker(&format!("{role}Binding"), json!({"roleRef": role_ref, "subjects": [subject]}))
    };
    let groups = ["", "batch"];
    let rule =
        |resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    let inside = json!([
        rule(&["pods", "jobs", "events"], &["get", "list", "watch"]),
        rule(&["secrets", "serviceaccounts", "pods/log"], &["get"]),
        rule(&["pods/exec"], &["get", "create"]),
    ]);
    let around = json!([rule(&["nodes", "namespaces"], &["get", "list"])]);
    let node = |number: usize| {
        let labels = json!({"type": "kwok", "agentpool": format!("pool{number}")});
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("played-{number}"), "labels": labels},
            "spec": {"taints": [{"key": "played", "value": "yes", "effect": "NoSchedule"}]}})
    };
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": LOOKER, "namespace": NAMESPACE}}),
        role("Role", inside),
        role("ClusterRole", around),
        binding("Role"),
        binding("ClusterRole"),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, "namespace": NAMESPACE},
            "stringData": {"REGISTRY_USERNAME": "puller", PASSWORD: NEW}}),
    ];
    all.extend((0..POOLS).map(node));
    all.push(deployment(n));
    all
}

fn deployment(n: usize) -> Value {
    let labels = json!({"app": "dask-worker"});
    let pod = json!({
        "automountServiceAccountToken": false,
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "played", "operator": "Exists"}],
        "containers": [{"name": "worker", "image": "registry.lab.example/worker:1",
            "envFrom": [{"secretRef": {"name": SECRET}}], "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}],
    });
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
        "spec": {"replicas": n, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod}}})
}

/// A kubeconfig with the token of who may look.
async fn looker(kubectl: &Kubectl, folder: &Path, keys: &Path) -> Result<PathBuf, String> {
    let token = kubectl.said(&["create", "token", LOOKER, "-n", NAMESPACE, "--duration=2h"], None).await?;
    let cluster = json!({"server": mops_tests::private::cluster::SERVER,
        "certificate-authority": keys.join("authority.crt").display().to_string()});
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": LOOKER,
        "clusters": [{"name": LOOKER, "cluster": cluster}],
        "users": [{"name": LOOKER, "user": {"token": token.trim()}}],
        "contexts": [{"name": LOOKER, "context": {"cluster": LOOKER, "user": LOOKER}}]});
    let file = folder.join("looker.kubeconfig");
    fsx::replace(&file, config.to_string().as_bytes()).map_err(text)?;
    Ok(file)
}

/// `kubectl` with one kubeconfig.
pub(super) struct Kubectl {
    program: String,
    env: Vec<(String, String)>,
}

impl Kubectl {
    fn new(kubeconfig: &str, home: &Path) -> Result<Self, String> {
        let program = program("cluster", "kubectl").map_err(text)?.display().to_string();
        let env = [("KUBECONFIG", kubeconfig.to_owned()), ("HOME", home.display().to_string())];
        Ok(Self { program, env: env.map(|(name, value)| (name.to_owned(), value)).to_vec() })
    }

    /// What it says.
    pub(super) async fn said(&self, words: &[&str], stdin: Option<String>) -> Result<String, String> {
        let command = Command {
            program: self.program.clone(),
            args: words.iter().map(|&word| word.to_owned()).collect(),
            env: self.env.clone(),
            stdin: stdin.map(Secret::new),
            timeout: Duration::from_secs(60),
            max_output: 64 << 20,
        };
        let output = command.run_checked().await.map_err(|e| format!("{words:?}: {e}"))?;
        String::from_utf8(output.stdout).map_err(text)
    }

    async fn apply(&self, objects: &[Value]) -> Result<(), String> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.said(&["apply", "-f", "-"], Some(list.to_string())).await.map(drop)
    }
}

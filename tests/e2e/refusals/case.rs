//! One scenario: a namespace of its own, a worker on each node, and the causes that are to be found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The node with containerd 1.6 and the one with 2.1.
pub(crate) const NODES: [&str; 2] = ["gpu", "system"];

/// What is wrong, where, and what is to be said of it.
#[derive(Clone)]
pub(super) struct Case {
    /// Also its namespace.
    pub(super) name: String,
    /// What the workers are to run.
    pub(super) image: String,
    /// Whether they come to run it.
    pub(super) runs: bool,
    /// Whether a Deployment makes them, and makes them again.
    pub(super) replaced: bool,
    /// The pull secrets that they name.
    pub(super) linked: Vec<&'static str>,
    /// Their variables, in the words of a container.
    pub(super) env: Value,
    /// The secrets whose keys are variables, too.
    pub(super) env_from: Vec<&'static str>,
    /// What is in the namespace beside them.
    pub(super) beside: Vec<Value>,
    /// What is made when the workers are there, with a namespace of its own.
    pub(super) after: Vec<Value>,
    /// Further words of the command.
    pub(super) flags: &'static [&'static str],
    /// How many seconds one request may take; a loaded machine is no dead one.
    pub(super) patience: &'static str,
    /// The docker config of the machine that asks; empty for none.
    pub(super) here: String,
    /// Words of the registry that a finding must repeat.
    pub(super) words: &'static str,
    /// When the workers pull.
    pub(super) policy: &'static str,
    /// The ids of errors, after `w:` those of warnings, and after `n:` those of notes about the probe; nothing else may be one.
    pub(super) wanted: BTreeSet<&'static str>,
}

impl Case {
    /// Workers that cannot start, with nothing beside and no pull secret; nor have they the variables of a worker.
    pub(super) fn new(name: String, image: String, wanted: &[&'static str]) -> Self {
        Self {
            name,
            image,
            runs: false,
            replaced: false,
            linked: Vec::new(),
            env: json!([]),
            env_from: Vec::new(),
            beside: Vec::new(),
            after: Vec::new(),
            flags: &[],
            patience: "40",
            here: String::new(),
            words: "",
            policy: "Always",
            wanted: wanted.iter().copied().chain(["WORKER_NOT_RUNNING"]).collect(),
        }
    }

    /// With a pull secret, named by the workers.
    pub(super) fn with(mut self, secret: Value) -> Self {
        self.linked = vec!["login"];
        self.beside.push(secret);
        self
    }

    /// Everything that lies in its namespace.
    pub(super) fn objects(&self) -> Vec<Value> {
        let workers = NODES.map(|node| if self.replaced { deployment(self.worker(node)) } else { self.worker(node) });
        let mut all: Vec<Value> = self.beside.iter().cloned().chain(workers).collect();
        for object in &mut all {
            object["metadata"]["namespace"] = json!(self.name);
        }
        all
    }

    fn worker(&self, node: &str) -> Value {
        let secrets: Vec<Value> = self.linked.iter().map(|name| json!({"name": name})).collect();
        let label = if self.runs { "dask-worker" } else { "somebody" };
        let sources: Vec<Value> = self.env_from.iter().map(|name| json!({"secretRef": {"name": name}})).collect();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("worker-{node}"), "labels": {"app": label}},
            "spec": {
                "nodeSelector": {"agentpool": node}, "tolerations": [{"key": "sku", "operator": "Exists"}],
                "terminationGracePeriodSeconds": 0, "imagePullSecrets": secrets,
                "containers": [{
                    "name": "worker", "image": self.image, "imagePullPolicy": self.policy, "env": self.env, "envFrom": sources,
                }],
            },
        })
    }
}

/// What makes this worker again; its user is named, since the older containerd tells nobody which one its image names.
fn deployment(pod: Value) -> Value {
    let (name, mut labels) = (pod["metadata"]["name"].clone(), pod["metadata"]["labels"].clone());
    labels["part"] = name.clone();
    let mut spec = pod["spec"].clone();
    spec["securityContext"] = json!({"runAsUser": 1000});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}

//! What a diagnosis has to be allowed in a cluster: the same lists for whoever asks what is missing, prints the roles, or
//! declares them for the one that runs in the cluster (`tests/diagnose/cluster.rs`, `tests/monitor.rs`).

/// Resources in one API group, and what is done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty for the core one.
    pub group: &'static str,
    /// `pods`, `pods/log`.
    pub resource: &'static str,
    /// `get`, `list`, `watch`, `create`, `delete`.
    pub verbs: &'static [&'static str],
}

const JOBS: Right = Right { group: "batch", resource: "jobs", verbs: &["create", "delete", "list"] };
const PODS: Right = Right { group: "", resource: "pods", verbs: &["list", "watch"] };
const LOGS: Right = Right { group: "", resource: "pods/log", verbs: &["get"] };
/// To look into a running worker. The stream is opened by a GET, for which newer servers want the right to create too.
pub const EXEC: Right = Right { group: "", resource: "pods/exec", verbs: &["create", "get"] };
/// What the cluster tells of its objects.
pub const EVENTS: Right = Right { group: "", resource: "events", verbs: &["list"] };

/// In a namespace that only probes run in.
pub const PROBES: &[Right] = &[JOBS, PODS, LOGS, EVENTS];

/// In the namespace of the workload: reading it, and running a probe a pool.
pub const IN_NAMESPACE: &[Right] = &[
    JOBS,
    PODS,
    LOGS,
    EXEC,
    Right { group: "", resource: "configmaps", verbs: &["get"] },
    Right { group: "", resource: "secrets", verbs: &["get"] },
    Right { group: "", resource: "serviceaccounts", verbs: &["get"] },
    EVENTS,
];

/// In the whole cluster: which pools there are, and whether something announces their GPUs. A run without these says
/// what it could not see.
pub const IN_CLUSTER: &[Right] = &[
    Right { group: "", resource: "namespaces", verbs: &["get"] },
    Right { group: "", resource: "nodes", verbs: &["list"] },
    Right { group: "", resource: "pods", verbs: &["list"] },
];

impl Right {
    /// As a rule of a role.
    #[must_use]
    pub fn rule(&self) -> serde_json::Value {
        serde_json::json!({"apiGroups": [self.group], "resources": [self.resource], "verbs": self.verbs})
    }
}

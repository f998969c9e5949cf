//! Packets that get lost between pods and the registries, by the firewall of the world.

use std::time::Duration;

use mops_host::proc::Command;
use mops_tests::private::address::REGISTRY;

/// Whose packets get lost.
pub(super) struct Dropped {
    /// Also the name of its scenario.
    pub(super) name: &'static str,
    from: &'static str,
}

/// Those of all pods, and those of the pods of one node.
pub(super) const ALL: &[Dropped] =
    &[Dropped { name: "drop-all-pods", from: "10.88.0.0/16" }, Dropped { name: "drop-one-node", from: "10.88.1.0/24" }];

impl Dropped {
    /// From now on they get lost.
    pub(super) async fn begin(&self) {
        self.rule("-I").await;
    }

    /// From now on they arrive.
    pub(super) async fn end(&self) {
        self.rule("-D").await;
    }

    async fn rule(&self, way: &str) {
        let to = REGISTRY.to_string();
        let words = [way, "INPUT", "-s", self.from, "-d", &to, "-p", "tcp", "--dport", "443", "-j", "DROP"];
        let command = Command {
            program: "/usr/sbin/iptables".into(),
            args: words.iter().map(|&word| word.to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            timeout: Duration::from_secs(10),
            max_output: 1 << 16,
        };
        command.run_checked().await.expect("a rule");
    }
}

//! Packets that get lost in the world, by its own firewall: nobody is told, and nothing ever comes back.

use std::time::Duration;

use mops_host::proc::Command;

use super::address::REGISTRY;

/// Packets to one port of the world's registries, from everybody or from one network only.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// A network such as `10.88.0.0/16`; `None` for everybody, nodes as well as pods.
    pub from: Option<&'static str>,
    /// Where they would have arrived.
    pub port: u16,
}

impl Lost {
    /// From now on they get lost.
    ///
    /// # Panics
    ///
    /// Panics when the firewall takes no rule, as outside of a world.
    pub async fn begin(self) {
        self.rule("-I").await;
    }

    /// From now on they arrive.
    ///
    /// # Panics
    ///
    /// Panics when they did not get lost.
    pub async fn end(self) {
        self.rule("-D").await;
    }

    async fn rule(self, way: &str) {
        let (to, port) = (REGISTRY.to_string(), self.port.to_string());
        let from = self.from.map(|network| ["-s", network]);
        let to = ["-d", &to, "-p", "tcp", "--dport", &port, "-j", "DROP"];
        let words = [way, "INPUT"].into_iter().chain(from.into_iter().flatten()).chain(to);
        let command = Command {
            program: "/usr/sbin/iptables".into(),
            args: words.map(ToOwned::to_owned).collect(),
            env: Vec::new(),
            stdin: None,
            timeout: Duration::from_secs(10),
            max_output: 1 << 16,
        };
        command.run_checked().await.expect("a rule");
    }
}

//! `mops diagnose-auth` in a workspace of a thousand workers (pods), beside the loop that its users wrote by hand: one
//! `kubectl exec` a worker, in turn. The API server is a real one, in a private world; kwok plays the nodes, so that the
//! figures are evidence for scale only.

use mops_tests::private::cluster::is_built;
use mops_tests::private::rights::are_the_machines;
use mops_tests::tools::program;

use super::Bench;
use crate::pods::{self, Measured};
use crate::row::{Goal, Report, Row, Unit};

/// How many times faster than the loop: with every worker, and with the sample that a run takes by itself.
const FACTORS: [f64; 2] = [15.0, 50.0];
/// Most list requests a kind of object.
const LISTS: f64 = 3.0;
/// Most memory, in MiB.
const MEMORY: f64 = 100.0;

impl Bench<'_> {
    pub(super) async fn pods(&self, report: &mut Report) -> Result<(), String> {
        let lacks = self.lacks();
        let seen = match lacks {
            None => pods::in_a_world(self.options, self.n).await?,
            Some(_) => Measured::default(),
        };
        for row in rows(self.n, &seen) {
            report.add(row.unless(lacks));
        }
        Ok(())
    }

    /// Why there can be no such world here.
    fn lacks(&self) -> Option<&'static str> {
        let parts = ["mops-world", "mops-probe-static"].map(|name| self.options.bin.join(name));
        if !is_built() || program("kwok", "kwok").is_err() || !parts.iter().all(|part| part.is_file()) {
            return Some("the cluster or kwok is absent: `make bench ONLY=pods` builds them");
        }
        (!are_the_machines()).then_some("needs root, for a world of its own")
    }
}

fn rows(n: usize, seen: &Measured) -> [Row; 4] {
    let against = |name: String, ours: &[f64], ratio| {
        let row = Row::new("pods", name, Unit::Millis, Goal::Peer).ours(ours.to_vec());
        Row { peer: seen.peer.clone(), ratio: Some(ratio), ..row }
    };
    let peer = format!("peer: `kubectl exec … -- env` in {} of {n}", seen.peer_looked);
    let played = "kwok runs `cat` and `env` here for its containers; who runs it may start no pod";
    let lists: Vec<String> = seen.lists.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    [
        against(format!("{n} workers, each by exec"), &seen.full, FACTORS[0])
            .note(format!("ours: {} of {n}, {} with an old password found; {peer}; {played}", seen.looked, seen.old)),
        against(format!("{n} workers, {}", seen.part), &seen.sampled, FACTORS[1])
            .note(format!("ours: {} of {n}; {peer}", seen.sample)),
        Row::new("pods", "peak, each by exec", Unit::MebiBytes, Goal::AtMost(MEMORY)).ours(seen.peak.clone()),
        Row::new("pods", "list requests, most a kind", Unit::Count, Goal::AtMost(LISTS))
            .ours(seen.lists.values().max().map(|most| *most as f64).into_iter().collect())
            .note(format!("as the API server counts them: {}", lists.join(", "))),
    ]
}

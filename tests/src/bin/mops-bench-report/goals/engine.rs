//! The engine's whole path over null resources, with full durability: time, growth, bytes, syncs, memory (P3–P7).

use serde_json::Value;

use super::{Bench, mebibytes, members};
use crate::ours::{Run, number};
use crate::row::{Goal, Report, Row, Unit, minimum};

/// A time with its processor time.
fn time(id: &'static str, name: String, limit: f64, lines: &[Value]) -> Row {
    let row = Row::new(id, name, Unit::Millis, Goal::AtMost(limit)).ours(members(lines, "millis"));
    Row { cpu: members(lines, "cpu_millis"), ..row }
}

fn memory(name: String, limit: f64, lines: &[Value]) -> Row {
    Row::new("P7", name, Unit::MebiBytes, Goal::AtMost(limit)).ours(mebibytes(lines))
}

/// Bytes written over the final state.
fn amplification(n: usize, lines: &[Value]) -> Row {
    let times = lines.iter().filter_map(|l| Some(number(l, "written")? / number(l, "state")?)).collect();
    Row::new("P6", format!("bytes/state-{n}"), Unit::Times, Goal::AtMost(4.0)).ours(times)
}

impl Bench<'_> {
    pub(super) async fn preview(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let folder = self.fresh("preview")?;
        Run::up(n).measure(self.options, &folder).await?;
        let stack = match self.peer {
            Some(peer) => {
                let stack = peer.stack(&self.options.work, "count", n).await?;
                peer.apply(&stack).await?;
                Some((peer, stack))
            }
            None => None,
        };
        let (mut lines, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..self.few {
            lines.push(Run::preview(n).measure(self.options, &folder).await?);
            if let Some((peer, stack)) = &stack {
                peers.push(peer.plan(stack).await?);
            }
        }
        let row = time("P3", format!("preview-{n} in process"), 120.0, &lines).note("peer by count");
        report.add(Row { peer: peers, ..row });
        let first = Row::new("P3", "first output", Unit::Millis, Goal::AtMost(50.0));
        report.add(first.ours(members(&lines, "first_event_millis")));
        report.add(memory(format!("peak preview-{n}"), 40.0, &lines));
        Ok(())
    }

    pub(super) async fn up(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let mut lines = Vec::new();
        let (mut blocks, mut count) = (Vec::new(), Vec::new());
        for i in 0..self.few {
            lines.push(Run::up(n).measure(self.options, &self.fresh("up")?).await?);
            // A run of the peer takes 20 s; two of each are enough for a ratio of ten.
            if let Some(peer) = self.peer.filter(|_| i < 2) {
                blocks.push(peer.apply(&peer.stack(&self.options.work, "blocks", n).await?).await?);
                count.push(peer.apply(&peer.stack(&self.options.work, "count", n).await?).await?);
            }
        }
        for (name, peer, wanted) in [("blocks", blocks, 10.0), ("count", count, 4.0)] {
            // The factor is promised for the full size: small stacks are dominated by the start of the process.
            let ratio = (!peer.is_empty() && !self.options.quick).then_some(wanted);
            report.add(Row { ratio, peer, ..time("P4", format!("up-{n} against {name}"), 1500.0, &lines) });
        }
        report.add(amplification(n, &lines).note("bytes written over final state"));
        report.add(memory(format!("peak up-{n}"), 60.0, &lines));
        Ok(())
    }

    pub(super) async fn syncs(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        for (workers, limit) in [(16, n as f64 / 4.0), (1, n as f64 * 2.0)] {
            let run = Run { parallelism: workers, ..Run::up(n) };
            let counted = run.syncs(self.options, &self.fresh("strace")?).await;
            let note = if counted.is_some() { "by strace" } else { "strace absent" };
            let name = format!("syncs-{n}, {workers} at a time");
            let row = Row::new("P6", name, Unit::Count, Goal::AtMost(limit));
            report.add(row.ours(counted.into_iter().collect()).note(note));
        }
        Ok(())
    }

    pub(super) async fn scaling(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let (mut small, mut large, mut chain) = (Vec::new(), Vec::new(), Vec::new());
        let mut peer_chain = Vec::new();
        for i in 0..self.few {
            small.push(Run::up(n / 10).measure(self.options, &self.fresh("scale")?).await?);
            large.push(Run::up(n).measure(self.options, &self.fresh("scale")?).await?);
            chain.push(Run { shape: "chain", ..Run::up(n) }.measure(self.options, &self.fresh("chain")?).await?);
            // The peer takes minutes for a chain of a thousand.
            if let Some(peer) = self.peer.filter(|_| i == 0) {
                peer_chain.push(peer.apply(&peer.stack(&self.options.work, "chain", n).await?).await?);
            }
        }
        let least = |lines: &[Value]| minimum(&members(lines, "millis"));
        let growth = least(&large).zip(least(&small)).map(|(l, s)| l / s).into_iter().collect();
        let name = format!("t({n})/t({})", n / 10);
        report.add(Row::new("P5", name, Unit::Times, Goal::AtMost(12.0)).ours(growth));
        report.add(Row { peer: peer_chain, ..time("P5", format!("chain-{n}"), 1500.0, &chain) });
        report.add(memory(format!("peak chain-{n}"), 60.0, &chain));
        let (n, folder) = (n * 10, self.fresh("ten-fold")?);
        let made = Run::up(n).measure(self.options, &folder).await?;
        let mut lines = Vec::new();
        for _ in 0..self.few.min(3) {
            lines.push(Run::preview(n).measure(self.options, &folder).await?);
        }
        report.add(time("P5", format!("preview-{n}"), 1500.0, &lines));
        report.add(amplification(n, &[made]));
        Ok(())
    }
}

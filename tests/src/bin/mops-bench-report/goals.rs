//! The goals P1–P7 and P9, one function each.

use std::path::PathBuf;

use mops_host::fsx;
use mops_tests::peer::Terraform;
use serde_json::Value;

use crate::Options;
use crate::ours::{Run, number, wall};
use crate::row::{Report, Row, Unit, minimum};

/// What every goal needs.
struct Bench<'a> {
    options: &'a Options,
    peer: Option<&'a Terraform>,
    /// Runs of a cheap measure, and of an expensive one.
    many: usize,
    few: usize,
    /// Size of the large stacks.
    n: usize,
}

/// Runs every goal that is asked for.
pub(crate) async fn all(options: &Options, peer: Option<&Terraform>, report: &mut Report) -> Result<(), String> {
    let (many, few, n) = if options.quick { (3, 2, 100) } else { (20, 5, 1000) };
    let bench = Bench { options, peer, many, few, n };
    let wanted = |id: &str| options.only.as_deref().is_none_or(|only| only.eq_ignore_ascii_case(id));
    if wanted("P1") {
        bench.version(report).await?;
    }
    if wanted("P2") {
        bench.empty_preview(report).await?;
    }
    if wanted("P3") || wanted("P7") {
        bench.preview(report).await?;
    }
    if wanted("P4") || wanted("P5") || wanted("P6") || wanted("P7") {
        bench.up(report).await?;
    }
    if wanted("P5") || wanted("P6") {
        bench.scaling(report).await?;
    }
    if wanted("P9") {
        bench.size(report)?;
    }
    Ok(())
}

fn row(id: &'static str, name: impl Into<String>, unit: Unit, limit: f64) -> Row {
    let (ours, peer, ratio, note) = (Vec::new(), Vec::new(), None, String::new());
    Row { id, name: name.into(), unit, limit, ours, peer, ratio, note }
}

fn members(lines: &[Value], name: &str) -> Vec<f64> {
    lines.iter().filter_map(|l| number(l, name)).collect()
}

fn mebibytes(lines: &[Value]) -> Vec<f64> {
    members(lines, "peak_kib").into_iter().map(|k| k / 1024.0).collect()
}

/// Bytes written over the final state.
fn amplification(lines: &[Value]) -> Vec<f64> {
    lines.iter().filter_map(|l| Some(number(l, "written")? / number(l, "state")?)).collect()
}

impl Bench<'_> {
    /// A fresh folder for one run.
    fn fresh(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.options.work.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        fsx::create_dir_all(&folder).map_err(|e| e.to_string())?;
        Ok(folder)
    }

    async fn version(&self, report: &mut Report) -> Result<(), String> {
        let mut row = row("P1", "version", Unit::Millis, 5.0);
        let program = self.options.bin.join("mops");
        for _ in 0..self.many {
            row.ours.push(wall(&program, &["--version"]).await?);
            if let Some(peer) = self.peer {
                row.peer.push(peer.version_time().await?);
            }
        }
        report.add(row);
        Ok(())
    }

    async fn empty_preview(&self, report: &mut Report) -> Result<(), String> {
        let folder = self.fresh("empty")?;
        let run = Run { verb: "up", shape: "blocks", n: 0 };
        run.measure(self.options, &folder).await?;
        let mut row = row("P2", "preview-empty process", Unit::Millis, 15.0);
        let (program, dir) = (self.options.bin.join("mops-bench"), folder.display().to_string());
        for _ in 0..self.many {
            row.ours.push(wall(&program, &["preview", "--shape", "blocks", "--n", "0", "--dir", &dir]).await?);
        }
        report.add(row);
        Ok(())
    }

    async fn preview(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let folder = self.fresh("preview")?;
        Run { verb: "up", shape: "blocks", n }.measure(self.options, &folder).await?;
        let stack = match self.peer {
            Some(peer) => {
                let stack = peer.stack(&self.options.work, "count", n).await?;
                peer.apply(&stack).await?;
                Some((peer, stack))
            }
            None => None,
        };
        let mut time = row("P3", format!("preview-{n} in process"), Unit::Millis, 120.0);
        time.note = "peer by count".into();
        let mut lines = Vec::new();
        for _ in 0..self.few {
            lines.push(Run { verb: "preview", shape: "blocks", n }.measure(self.options, &folder).await?);
            if let Some((peer, stack)) = &stack {
                time.peer.push(peer.plan(stack).await?);
            }
        }
        time.ours = members(&lines, "millis");
        report.add(time);
        report
            .add(Row { ours: members(&lines, "first_event_millis"), ..row("P3", "first output", Unit::Millis, 50.0) });
        report.add(Row { ours: mebibytes(&lines), ..row("P7", format!("peak preview-{n}"), Unit::MebiBytes, 40.0) });
        Ok(())
    }

    async fn up(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let run = Run { verb: "up", shape: "blocks", n };
        let mut lines = Vec::new();
        let (mut blocks, mut count) = (Vec::new(), Vec::new());
        for i in 0..self.few {
            lines.push(run.measure(self.options, &self.fresh("up")?).await?);
            // A run of the peer takes 20 s; two of each are enough for a ratio of ten.
            if let Some(peer) = self.peer.filter(|_| i < 2) {
                blocks.push(peer.apply(&peer.stack(&self.options.work, "blocks", n).await?).await?);
                count.push(peer.apply(&peer.stack(&self.options.work, "count", n).await?).await?);
            }
        }
        let ours = members(&lines, "millis");
        let time = |name: &str, peer: Vec<f64>, ratio| Row {
            ours: ours.clone(),
            ratio: (!peer.is_empty()).then_some(ratio),
            peer,
            ..row("P4", format!("up-{n} against {name}"), Unit::Millis, 1500.0)
        };
        report.add(time("blocks", blocks, 10.0));
        report.add(time("count", count, 4.0));
        let note = "bytes written over final state".to_owned();
        report.add(Row {
            ours: amplification(&lines),
            note,
            ..row("P6", format!("bytes/state-{n}"), Unit::Times, 4.0)
        });
        let syncs = run.syncs(self.options, &self.fresh("up-strace")?).await;
        let note = if syncs.is_some() { "by strace, 16 workers" } else { "strace absent" }.to_owned();
        let limit = n as f64 / 4.0;
        report.add(Row {
            ours: syncs.into_iter().collect(),
            note,
            ..row("P6", format!("syncs-{n}"), Unit::Count, limit)
        });
        report.add(Row { ours: mebibytes(&lines), ..row("P7", format!("peak up-{n}"), Unit::MebiBytes, 60.0) });
        Ok(())
    }

    async fn scaling(&self, report: &mut Report) -> Result<(), String> {
        let n = self.n;
        let (mut small, mut large, mut chain) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.few {
            let run = Run { verb: "up", shape: "blocks", n: n / 10 };
            small.push(run.measure(self.options, &self.fresh("scale")?).await?);
            large.push(Run { n, ..run }.measure(self.options, &self.fresh("scale")?).await?);
            chain.push(Run { verb: "up", shape: "chain", n }.measure(self.options, &self.fresh("chain")?).await?);
        }
        let least = |lines: &[Value]| minimum(&members(lines, "millis"));
        let growth: Vec<f64> = least(&large).zip(least(&small)).map(|(l, s)| l / s).into_iter().collect();
        report.add(Row { ours: growth, ..row("P5", format!("t({n})/t({})", n / 10), Unit::Times, 12.0) });
        report.add(Row { ours: members(&chain, "millis"), ..row("P5", format!("chain-{n}"), Unit::Millis, 1500.0) });
        report.add(Row { ours: mebibytes(&chain), ..row("P7", format!("peak chain-{n}"), Unit::MebiBytes, 60.0) });
        let folder = self.fresh("ten-fold")?;
        let made = Run { verb: "up", shape: "blocks", n: n * 10 }.measure(self.options, &folder).await?;
        let mut lines = Vec::new();
        for _ in 0..self.few.min(3) {
            lines.push(Run { verb: "preview", shape: "blocks", n: n * 10 }.measure(self.options, &folder).await?);
        }
        report.add(Row {
            ours: members(&lines, "millis"),
            ..row("P5", format!("preview-{}", n * 10), Unit::Millis, 1500.0)
        });
        report.add(Row {
            ours: amplification(&[made]),
            ..row("P6", format!("bytes/state-{}", n * 10), Unit::Times, 4.0)
        });
        Ok(())
    }

    fn size(&self, report: &mut Report) -> Result<(), String> {
        let program = self.options.bin.join("mops");
        let bytes = std::fs::metadata(&program).map_err(|e| format!("{}: {e}", program.display()))?.len();
        report.add(Row { ours: vec![bytes as f64 / f64::from(1 << 20)], ..row("P9", "binary", Unit::MebiBytes, 20.0) });
        Ok(())
    }
}

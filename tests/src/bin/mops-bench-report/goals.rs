//! The goals, a file a group: which are asked for, and what all of them need.

use std::path::PathBuf;

use mops_host::fsx;
use mops_tests::peer::Terraform;
use serde_json::Value;

use crate::Options;
use crate::ours::{Run, number};
use crate::row::Report;

mod diagnosis;
mod engine;
mod network;
mod pods;
mod process;
mod provider;
mod pulumi;
mod secrets;

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
    let (many, few, n) = if options.quick { (3, 3, 100) } else { (20, 5, 1000) };
    let bench = Bench { options, peer, many, few, n };
    let wanted =
        |ids: &[&str]| options.only.as_deref().is_none_or(|only| ids.iter().any(|id| only.eq_ignore_ascii_case(id)));
    if wanted(&["P1"]) {
        bench.version(report).await?;
    }
    if wanted(&["P2"]) {
        bench.empty_preview(report).await?;
        bench.preview_with_a_secret(report).await?;
    }
    if wanted(&["P3", "P7"]) {
        bench.preview(report).await?;
    }
    if wanted(&["P3", "P4"]) {
        bench.both_engines(report).await?;
    }
    if wanted(&["P4", "P6", "P7"]) {
        bench.up(report).await?;
    }
    if wanted(&["P6"]) {
        bench.syncs(report).await?;
    }
    if wanted(&["P5", "P6", "P7"]) {
        bench.scaling(report).await?;
    }
    if wanted(&["P8"]) {
        bench.provider(report).await?;
    }
    if wanted(&["P9"]) {
        bench.size(report)?;
    }
    if wanted(&["P10"]) {
        bench.latency(report).await?;
    }
    if wanted(&["P11"]) {
        bench.throttled(report).await?;
    }
    if wanted(&["P12"]) {
        bench.sealing(report).await?;
    }
    if wanted(&["P13"]) {
        bench.recovery(report).await?;
    }
    if wanted(&["DA"]) {
        bench.diagnosis(report).await?;
    }
    if wanted(&["pods"]) {
        bench.pods(report).await?;
    }
    Ok(())
}

fn members(lines: &[Value], name: &str) -> Vec<f64> {
    lines.iter().filter_map(|l| number(l, name)).collect()
}

fn mebibytes(lines: &[Value]) -> Vec<f64> {
    members(lines, "peak_kib").into_iter().map(|k| k / 1024.0).collect()
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

    /// The same run so often, each in a fresh folder.
    async fn repeat(&self, run: Run<'_>, name: &str, times: usize) -> Result<Vec<Value>, String> {
        let mut lines = Vec::new();
        for _ in 0..times {
            lines.push(run.measure(self.options, &self.fresh(name)?).await?);
        }
        Ok(lines)
    }
}

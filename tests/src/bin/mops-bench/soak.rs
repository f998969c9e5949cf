//! R23: one process that brings a stack up again and again, adding and removing at random. It measures itself after
//! each `up`: resident memory, open files, and the size of the state's files against what they hold.

use std::sync::Arc;
use std::time::Instant;

use mops_engine::error::EngineError;
use mops_engine::run::UpOptions;
use mops_engine::state::{self, Store};
use mops_host::{SystemClock, fsx};
use mops_tests::dice::Dice;
use mops_tests::null::{Null, stack};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::shape::Args;
use crate::{engine, open_options};

/// How many things there are to choose from.
const THINGS: usize = 120;

#[derive(Clone, Copy)]
struct Sample {
    rss_kib: u64,
    files: u64,
    /// Journal and snapshot over the size of what they hold, in thousandths.
    size: u64,
}

/// `--n` ups; the line that sums them up.
pub(crate) async fn soak(args: &Args) -> Result<Value, EngineError> {
    let null = Null::new(SystemClock::shared());
    let engine = engine(args, Arc::new(null.clone()), Instant::now());
    let mut dice = Dice::new(args.seed);
    let mut wanted = [false; THINGS];
    let mut samples = Vec::with_capacity(args.n);
    let mut changes = 0;
    for _ in 0..args.n {
        for _ in 0..1 + dice.below(THINGS / 4) {
            let i = dice.below(THINGS);
            wanted[i] = !wanted[i];
        }
        let program = args.program_of((0..THINGS).filter(|i| wanted[*i]));
        let mut store = Store::open(&args.dir, &stack(), open_options(args)).await?;
        let report = engine.up(&program, &mut store, &UpOptions::default()).await?;
        if report.exit() != mops_engine::error::Exit::Ok {
            return Err(EngineError::Bug(format!("an up failed: {:?}", report.failures)));
        }
        changes += report.totals.created + report.totals.deleted;
        let live = state::export(store.snapshot(), OffsetDateTime::UNIX_EPOCH, None)?.len() as u64;
        drop(store);
        null.reset();
        let folder = state::folder(&args.dir, &stack());
        let length = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |m| m.len());
        let size = (length("journal") + length("snapshot.json")) * 1000 / live;
        samples.push(Sample { rss_kib: rss_kib(), files: files(), size });
    }
    Ok(summary(&samples, changes, null.things().len()))
}

/// The first quarter warms up; the second is compared with the last.
fn summary(samples: &[Sample], changes: usize, things: usize) -> Value {
    let quarter = samples.len() / 4;
    let most = |part: &[Sample], of: fn(&Sample) -> u64| part.iter().map(of).max().unwrap_or(0);
    let (early, late) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    json!({
        "ups": samples.len(), "changes": changes, "things": things,
        "rss_early_kib": most(early, |s| s.rss_kib), "rss_late_kib": most(late, |s| s.rss_kib),
        "files_early": most(early, |s| s.files), "files_late": most(late, |s| s.files),
        "size_per_mille": most(samples, |s| s.size),
    })
}

fn rss_kib() -> u64 {
    let text = fsx::read_text("/proc/self/status".as_ref()).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn files() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

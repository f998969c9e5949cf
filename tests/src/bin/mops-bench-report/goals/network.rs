//! Latency and throttling, with a real clock: what the engine hides, and what the pipeline learns (P10, P11).

use super::{Bench, members};
use crate::ours::{Run, number};
use crate::row::{Goal, Report, Row, Unit};

/// What the throttled service takes a second, which is also the size of its bucket.
pub(super) const RATE: usize = 20;

impl Bench<'_> {
    pub(super) async fn latency(&self, report: &mut Report) -> Result<(), String> {
        let (n, workers, latency) = (self.n, 16, 200);
        let run = Run { parallelism: workers, latency, ..Run::up(n) };
        let lines = self.repeat(run, "latency", 1).await?;
        let ideal = (n.div_ceil(workers) as u64 * latency) as f64;
        let reached: Vec<f64> = members(&lines, "millis").into_iter().map(|t| ideal / t * 100.0).collect();
        let row = Row::new("P10", format!("latency-{n}x{latency}ms"), Unit::PerCent, Goal::AtLeast(95.0));
        report.add(row.ours(reached).note(format!("of the ideal {:.1} s", ideal / 1000.0)));
        Ok(())
    }

    pub(super) async fn throttled(&self, report: &mut Report) -> Result<(), String> {
        let n = if self.options.quick { 200 } else { 1000 };
        let lines = self.repeat(Run { verb: "throttle", ..Run::up(n) }, "throttle", 1).await?;
        let ideal = (n - RATE) as f64 / RATE as f64 * 1000.0;
        let over = members(&lines, "millis").into_iter().map(|t| t / ideal).collect();
        let row = Row::new("P11", format!("throttled-{n} over ideal"), Unit::Times, Goal::AtMost(1.1));
        report.add(row.ours(over).note(format!("{RATE} requests/s, ideal {:.1} s", ideal / 1000.0)));
        let share = |l| Some(number(l, "refused_warm")? / number(l, "requests_warm")? * 100.0);
        let refused = lines.iter().filter_map(share).collect();
        let row = Row::new("P11", "answers of 429", Unit::PerCent, Goal::AtMost(2.0)).ours(refused);
        report.add(row.note("once a tenth was answered"));
        Ok(())
    }
}

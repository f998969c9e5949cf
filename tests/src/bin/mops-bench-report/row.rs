//! One line of the table: value, goal, verdict, peer.

use crate::say;

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Missed,
    NotMeasured,
}

/// How a number is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Millis,
    MebiBytes,
    Times,
    Count,
    PerCent,
}

/// What the value has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Not a hair more, not a hair less: a count that the design promises.
    Exactly(f64),
    /// Whatever it is: only the row's factor counts.
    Peer,
}

/// A goal and what was measured for it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) goal: Goal,
    /// Every sample of ours; empty means not measured.
    pub(crate) ours: Vec<f64>,
    /// Milliseconds of processor time, a sample a run, where they are known.
    pub(crate) cpu: Vec<f64>,
    /// Every sample of the peer.
    pub(crate) peer: Vec<f64>,
    /// How many times faster than the peer we must be.
    pub(crate) ratio: Option<f64>,
    /// Why it was not measured, or what was compared.
    pub(crate) note: String,
}

/// All lines so far; each is printed as it is added.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        say(&row.line());
        self.rows.push(row);
    }
}

pub(crate) fn minimum(samples: &[f64]) -> Option<f64> {
    samples.iter().copied().reduce(f64::min)
}

/// The sample below which this part of all samples is.
pub(crate) fn quantile(samples: &[f64], part: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied()
}

pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

impl Row {
    pub(crate) fn new(id: &'static str, name: impl Into<String>, unit: Unit, goal: Goal) -> Self {
        let (ours, cpu, peer) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, name: name.into(), unit, goal, ours, cpu, peer, ratio: None, note: String::new() }
    }

    pub(crate) fn ours(self, ours: Vec<f64>) -> Self {
        Self { ours, ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// The row as one that was not measured, with the reason, if there is one.
    pub(crate) fn unless(self, why: Option<&str>) -> Self {
        match why {
            Some(why) => Self { ours: Vec::new(), peer: Vec::new(), ..self }.note(why),
            None => self,
        }
    }

    /// The sample that an absolute goal is judged by: the best, because machines are shared and noisy.
    pub(crate) fn best(&self) -> Option<f64> {
        match self.goal {
            Goal::AtMost(_) | Goal::Peer => minimum(&self.ours),
            Goal::AtLeast(_) => self.ours.iter().copied().reduce(f64::max),
            // The one that differs, if any does.
            Goal::Exactly(wanted) => self.ours.iter().copied().find(|v| *v != wanted).or(self.ours.first().copied()),
        }
    }

    /// Peer's median over ours.
    pub(crate) fn factor(&self) -> Option<f64> {
        Some(median(&self.peer)? / median(&self.ours)?)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let Some(best) = self.best() else { return Verdict::NotMeasured };
        let close = matches!((self.ratio, self.factor()), (Some(wanted), Some(factor)) if factor < wanted);
        if !self.goal.holds(best) || close { Verdict::Missed } else { Verdict::Ok }
    }

    pub(crate) fn line(&self) -> String {
        let value = self.best().map_or_else(|| "–".into(), |v| self.unit.text(v));
        let goal = format!("goal {}", self.goal.text(self.unit));
        let verdict = match self.verdict() {
            Verdict::Ok => "ok",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "skipped",
        };
        let peer = match (median(&self.peer), self.factor()) {
            (Some(peer), Some(factor)) => {
                let wanted = self.ratio.map(|r| format!(" (goal ≥ {r:.0} ×)")).unwrap_or_default();
                format!("peer {:>9}  {factor:.1} ×{wanted}", self.unit.text(peer))
            }
            _ => String::new(),
        };
        let line =
            format!("{:<3} {:<28} {value:>10}   {goal:<16} {verdict:<8} {peer}  {}", self.id, self.name, self.note);
        line.trim_end().to_owned()
    }

    /// `P7 up-1000 63.0 MiB, goal ≤ 60.0 MiB`.
    pub(crate) fn short(&self) -> String {
        let value = self.best().map_or_else(String::new, |v| self.unit.text(v));
        match (self.ratio, self.factor()) {
            (Some(wanted), Some(factor)) if factor < wanted => {
                format!("{} {} {factor:.1} × < {wanted} ×", self.id, self.name)
            }
            _ => format!("{} {} {value}, goal {}", self.id, self.name, self.goal.text(self.unit)),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "name": self.name, "unit": format!("{:?}", self.unit), "goal": self.goal.text(self.unit),
            "ours": self.ours, "best": self.best(), "median": median(&self.ours), "p95": quantile(&self.ours, 0.95),
            "cpuMillis": self.cpu, "peer": self.peer, "peerMedian": median(&self.peer), "factor": self.factor(),
            "factorGoal": self.ratio, "verdict": format!("{:?}", self.verdict()), "note": self.note,
            "again": format!("make bench ONLY={}", self.id),
        })
    }
}

impl Goal {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Exactly(wanted) => value == wanted,
            Self::Peer => true,
        }
    }

    fn text(self, unit: Unit) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", unit.text(limit)),
            Self::AtLeast(limit) => format!("≥ {}", unit.text(limit)),
            Self::Exactly(wanted) => format!("= {}", unit.text(wanted)),
            Self::Peer => "by the peer".to_owned(),
        }
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Millis if value >= 10_000.0 => format!("{:.1} s", value / 1000.0),
            Self::Millis if value >= 1000.0 => format!("{:.2} s", value / 1000.0),
            Self::Millis if value >= 10.0 => format!("{value:.0} ms"),
            Self::Millis if value >= 1.0 => format!("{value:.1} ms"),
            Self::Millis => format!("{:.0} µs", value * 1000.0),
            Self::MebiBytes => format!("{value:.1} MiB"),
            Self::Times if value < 2.0 => format!("{value:.2}"),
            Self::Times => format!("{value:.1}"),
            Self::Count => format!("{value:.0}"),
            Self::PerCent => format!("{value:.1} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: &[f64], peer: &[f64], ratio: Option<f64>) -> Row {
        let peer = peer.to_vec();
        Row { peer, ratio, ..Row::new("P4", "up", Unit::Millis, Goal::AtMost(100.0)).ours(ours.to_vec()) }
    }

    #[test]
    fn absolute_goals_use_the_best_and_ratios_the_median() {
        assert_eq!(row(&[300.0, 90.0, 200.0], &[], None).verdict(), Verdict::Ok);
        assert_eq!(row(&[101.0], &[], None).verdict(), Verdict::Missed);
        assert_eq!(row(&[], &[], None).verdict(), Verdict::NotMeasured);
        assert_eq!(row(&[50.0, 60.0, 70.0], &[600.0], Some(10.0)).verdict(), Verdict::Ok);
        assert_eq!(row(&[50.0, 61.0, 70.0], &[600.0], Some(10.0)).verdict(), Verdict::Missed);
    }

    #[test]
    fn a_goal_may_point_up_or_at_one_number() {
        let at_least = |ours: &[f64]| Row { goal: Goal::AtLeast(95.0), ..row(ours, &[], None) }.verdict();
        assert_eq!([at_least(&[94.0, 96.0]), at_least(&[94.0])], [Verdict::Ok, Verdict::Missed]);
        let exactly = |ours: &[f64]| Row { goal: Goal::Exactly(0.0), ..row(ours, &[], None) }.verdict();
        assert_eq!([exactly(&[0.0, 0.0]), exactly(&[0.0, 1.0])], [Verdict::Ok, Verdict::Missed]);
        let by_peer = |ours: &[f64]| Row { goal: Goal::Peer, ..row(ours, &[600.0], Some(10.0)) }.verdict();
        assert_eq!(
            [by_peer(&[60.0]), by_peer(&[61.0]), by_peer(&[])],
            [Verdict::Ok, Verdict::Missed, Verdict::NotMeasured]
        );
    }
}

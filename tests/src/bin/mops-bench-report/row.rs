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
}

/// A goal and what was measured for it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// The value may be at most this.
    pub(crate) limit: f64,
    /// Every sample of ours; empty means not measured.
    pub(crate) ours: Vec<f64>,
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

pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

impl Row {
    /// Peer's median over ours.
    pub(crate) fn factor(&self) -> Option<f64> {
        Some(median(&self.peer)? / median(&self.ours)?)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let Some(best) = minimum(&self.ours) else { return Verdict::NotMeasured };
        let close = matches!((self.ratio, self.factor()), (Some(wanted), Some(factor)) if factor < wanted);
        if best > self.limit || close { Verdict::Missed } else { Verdict::Ok }
    }

    pub(crate) fn line(&self) -> String {
        let value = minimum(&self.ours).map_or_else(|| "–".into(), |v| self.unit.text(v));
        let goal = format!("goal ≤ {}", self.unit.text(self.limit));
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
            format!("{:<3} {:<26} {value:>10}   {goal:<16} {verdict:<8} {peer}  {}", self.id, self.name, self.note);
        line.trim_end().to_owned()
    }

    /// `P7 up-1000 63.0 MiB > 60.0 MiB`.
    pub(crate) fn short(&self) -> String {
        let value = minimum(&self.ours).map_or_else(String::new, |v| self.unit.text(v));
        match (self.ratio, self.factor()) {
            (Some(wanted), Some(factor)) if factor < wanted => {
                format!("{} {} {factor:.1} × < {wanted} ×", self.id, self.name)
            }
            _ => format!("{} {} {value} > {}", self.id, self.name, self.unit.text(self.limit)),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "name": self.name, "unit": format!("{:?}", self.unit), "goal": self.limit, "ours": self.ours,
            "minimum": minimum(&self.ours), "median": median(&self.ours), "peer": self.peer, "peerMedian": median(&self.peer),
            "factor": self.factor(), "factorGoal": self.ratio, "verdict": format!("{:?}", self.verdict()),
            "note": self.note, "again": format!("make bench ONLY={}", self.id),
        })
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Self::Millis if value >= 10_000.0 => format!("{:.1} s", value / 1000.0),
            Self::Millis if value >= 1000.0 => format!("{:.2} s", value / 1000.0),
            Self::Millis if value >= 10.0 => format!("{value:.0} ms"),
            Self::Millis => format!("{value:.1} ms"),
            Self::MebiBytes => format!("{value:.1} MiB"),
            Self::Times => format!("{value:.1}"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: &[f64], peer: &[f64], ratio: Option<f64>) -> Row {
        let (ours, peer) = (ours.to_vec(), peer.to_vec());
        Row { id: "P4", name: "up".into(), unit: Unit::Millis, limit: 100.0, ours, peer, ratio, note: String::new() }
    }

    #[test]
    fn absolute_goals_use_the_minimum_and_ratios_the_median() {
        assert_eq!(row(&[300.0, 90.0, 200.0], &[], None).verdict(), Verdict::Ok);
        assert_eq!(row(&[101.0], &[], None).verdict(), Verdict::Missed);
        assert_eq!(row(&[], &[], None).verdict(), Verdict::NotMeasured);
        assert_eq!(row(&[50.0, 60.0, 70.0], &[600.0], Some(10.0)).verdict(), Verdict::Ok);
        assert_eq!(row(&[50.0, 61.0, 70.0], &[600.0], Some(10.0)).verdict(), Verdict::Missed);
    }
}

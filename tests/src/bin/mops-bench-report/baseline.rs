//! What this machine reached before, kept in the cache folder: a goal that still holds may have become slower.
//!
//! A row is worse when both wall time (by a quarter) and processor time (by a tenth) exceed what is kept: wall time
//! alone says more about the neighbours. Kept is the best that was ever measured here; `--rebase` starts anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mops_host::{Env, fsx};
use serde::{Deserialize, Serialize};

use crate::row::{Row, Unit, minimum};

const WALL: f64 = 1.25;
const CPU: f64 = 1.10;
/// Processor time is counted in ticks of 10 ms: less than this is no difference.
const TICKS: f64 = 20.0;

/// One row's best, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    wall: f64,
    cpu: f64,
}

/// The bests of one kind of machine.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline(BTreeMap<String, Best>);

fn key(row: &Row) -> String {
    format!("{} {}", row.id, row.name)
}

/// Only times that come with processor time can be judged.
fn measured(row: &Row) -> Option<Best> {
    let best = Best { wall: minimum(&row.ours)?, cpu: minimum(&row.cpu)? };
    matches!(row.unit, Unit::Millis).then_some(best)
}

impl Baseline {
    /// Where the bests of a machine are, `machine` being the line that describes it.
    pub(crate) fn file(env: &Env, machine: &str) -> Option<PathBuf> {
        let cache = match env.get("XDG_CACHE_HOME") {
            Some(cache) => PathBuf::from(cache),
            None => Path::new(env.get("HOME")?).join(".cache"),
        };
        let described = machine.split(" · load").next().unwrap_or(machine);
        let name: String = described.chars().filter(char::is_ascii_alphanumeric).collect();
        Some(cache.join("mops/bench").join(format!("{name}.json")))
    }

    /// Reads it; nothing is kept yet when there is no file, or none that can be read.
    pub(crate) fn read(file: &Path) -> Self {
        fsx::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Rows that are worse than what is kept, in words.
    pub(crate) fn exceeded(&self, rows: &[Row]) -> Vec<String> {
        let worse = |row: &Row| {
            let (now, kept) = (measured(row)?, self.0.get(&key(row))?);
            let worse = now.wall > kept.wall * WALL && now.cpu > (kept.cpu * CPU).max(kept.cpu + TICKS);
            worse.then(|| format!("{} {:.0} ms, was {:.0} ms here", key(row), now.wall, kept.wall))
        };
        rows.iter().filter_map(worse).collect()
    }

    /// Keeps what is better than before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn keep(mut self, rows: &[Row], file: &Path) -> Result<(), String> {
        self.take(rows);
        let text = serde_json::to_vec_pretty(&self).map_err(|e| e.to_string())?;
        let folder = file.parent().unwrap_or(file);
        fsx::create_dir_all(folder).and_then(|()| fsx::replace(file, &text)).map_err(|e| e.to_string())
    }

    fn take(&mut self, rows: &[Row]) {
        for (row, now) in rows.iter().filter_map(|row| Some((row, measured(row)?))) {
            let kept = self.0.entry(key(row)).or_insert(now);
            *kept = Best { wall: kept.wall.min(now.wall), cpu: kept.cpu.min(now.cpu) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Goal;

    fn row(wall: f64, cpu: f64) -> Row {
        let row = Row::new("P4", "up", Unit::Millis, Goal::AtMost(1e9)).ours(vec![wall, wall * 3.0]);
        Row { cpu: vec![cpu], ..row }
    }

    #[test]
    fn worse_is_slower_by_wall_and_by_cpu() {
        let mut kept = Baseline::default();
        kept.take(&[row(1000.0, 800.0)]);
        let worse = |wall, cpu| !kept.exceeded(&[row(wall, cpu)]).is_empty();
        assert!(worse(1300.0, 900.0) && !worse(1300.0, 850.0) && !worse(1200.0, 2000.0));
        let mut small = Baseline::default();
        small.take(&[row(100.0, 10.0)]);
        assert!(small.exceeded(&[row(200.0, 30.0)]).is_empty(), "two ticks are no difference");
        kept.take(&[row(900.0, 850.0), row(950.0, 700.0)]);
        assert_eq!(kept.0["P4 up"], Best { wall: 900.0, cpu: 700.0 });
    }

    #[test]
    fn one_file_a_kind_of_machine() {
        let env = Env::of([("XDG_CACHE_HOME", "/c")]);
        let file = |line: &str| Baseline::file(&env, line).unwrap();
        assert_eq!(file("2 cores · 24 GiB · load 0.1"), file("2 cores · 24 GiB · load 3.2"));
        assert_ne!(file("2 cores · 24 GiB · load 0.1"), file("4 cores · 24 GiB · load 0.1"));
    }
}

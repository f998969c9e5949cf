//! Pool × check, one row a pool: the worst word of all observations that belong into a cell. A diagnosis and a smoke
//! test have columns of their own (`tests/golden/diagnose`).

use std::collections::BTreeMap;

use mops_probe::observation::{check as probe, variant};

use super::columns;
use super::model::Command;
use crate::observed::{Observed, Status, Vantage, check};

/// A column: its title, from where, the checks that belong into it, and by which credential (empty: any).
struct Column(&'static str, Vantage, &'static [&'static str], &'static str);

/// The columns of a command, and its words for a cell.
struct Layout {
    columns: &'static [Column],
    word: fn(Status) -> &'static str,
}

const P: Vantage = Vantage::P;

/// What a worker has, by credential.
const DIAGNOSIS: Layout = Layout {
    columns: &[
        Column("ENV", P, &[probe::ENV], ""),
        Column("/v2/ ENV", P, &[probe::REGISTRY_V2], variant::ENV),
        Column("/v2/ PULL", P, &[probe::REGISTRY_V2], variant::PULL_SECRET),
        Column("IMAGE", P, &[probe::REGISTRY_PULL], variant::PULL_SECRET),
        Column("SAS", P, &[probe::STORAGE_READ], ""),
        Column("READONLY", P, &[probe::STORAGE_WRITE_REFUSED], ""),
    ],
    word: Status::word,
};

/// The steps on the way to an artefact and to the storage.
const SMOKE_TEST: Layout = Layout {
    columns: &[
        Column("ENV", P, &[probe::ENV], ""),
        Column("DNS", P, &[probe::NET_DNS], ""),
        Column("TLS", P, &[probe::NET_TCP, probe::NET_TLS], ""),
        Column("/v2/", P, &[probe::REGISTRY_CHALLENGE, probe::REGISTRY_V2], ""),
        Column("TOKEN", P, &[probe::REGISTRY_TOKEN, probe::IDENTITY], ""),
        Column("MANIFEST", P, &[probe::REGISTRY_PULL, probe::REGISTRY_MANIFEST], ""),
        Column("BLOB", P, &[probe::REGISTRY_BLOB], ""),
        Column("KUBELET", Vantage::K, &[check::KUBELET], ""),
        Column("SAS", P, SAS, ""),
    ],
    word: |status| match status {
        Status::Pass => "ok",
        Status::Fail => "FAIL",
        Status::Skip => "skip",
    },
};
const SAS: &[&str] =
    &[probe::STORAGE_SAS, probe::STORAGE_READ, probe::STORAGE_OTHER, probe::STORAGE_BLOB, probe::STORAGE_WRITE_REFUSED];

/// As long as a pool's name may be in Azure.
const POOL_WIDTH: usize = 12;
const MIN_NODE: usize = 6;

/// The rows, head line first; empty when no pool is known.
pub(crate) fn rows(command: Command, probes: &[Observed], width: usize) -> Vec<String> {
    let layout = match command {
        Command::DiagnoseAuth => DIAGNOSIS,
        Command::SmokeTest => SMOKE_TEST,
    };
    let mut pools: BTreeMap<&str, Vec<&Observed>> = BTreeMap::new();
    for o in probes.iter().filter(|o| !o.pool.is_empty()) {
        pools.entry(&o.pool).or_default().push(o);
    }
    if pools.is_empty() {
        return Vec::new();
    }
    let titles = layout.columns.iter().map(|column| column.0.to_owned()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(titles).chain(pools.values().map(|p| layout.cells(p))).collect();
    let (pool_room, node_room) = rooms(&pools, &cells, width);
    let heads = std::iter::once(["POOL".to_owned(), "NODE".to_owned()])
        .chain(pools.iter().map(|(pool, seen)| [columns::fit(pool, pool_room), node(seen, node_room)]));
    let whole: Vec<Option<String>> = std::iter::once(None).chain(pools.values().map(|p| layout.whole_row(p))).collect();
    let grid: Vec<Vec<String>> = heads
        .zip(cells)
        .zip(&whole)
        .map(|((head, cells), whole)| {
            head.into_iter().chain(if whole.is_some() { Vec::new() } else { cells }).collect()
        })
        .collect();
    let start: usize = (0..2).map(|c| first_width(&grid, c) + 2).sum();
    let lines = columns::grid(&grid).into_iter().zip(whole);
    lines
        .map(|(line, whole)| match whole {
            Some(why) => columns::head(&format!("{line:<start$}{why}"), width),
            None => line,
        })
        .collect()
}

/// What the cells leave for the names of pool and node.
fn rooms(pools: &BTreeMap<&str, Vec<&Observed>>, cells: &[Vec<String>], width: usize) -> (usize, usize) {
    let widest = |c: usize| cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0) + 2;
    let left = width.saturating_sub((0..cells[0].len()).map(widest).sum::<usize>() + 2);
    let pool = pools.keys().map(|p| p.chars().count()).max().unwrap_or(0).clamp(4, POOL_WIDTH);
    let pool = pool.min(left.saturating_sub(MIN_NODE).max(MIN_NODE));
    (pool, left.saturating_sub(pool).max(MIN_NODE))
}

fn first_width(grid: &[Vec<String>], column: usize) -> usize {
    grid.iter().map(|r| r[column].chars().count()).max().unwrap_or(0)
}

impl Layout {
    fn cells(&self, seen: &[&Observed]) -> Vec<String> {
        let cell = |column: &Column| {
            let worst = seen.iter().filter(|o| column.holds(o)).map(|o| o.status).max_by_key(|s| match s {
                Status::Skip => 0,
                Status::Pass => 1,
                Status::Fail => 2,
            });
            worst.map_or("-", self.word).to_owned()
        };
        self.columns.iter().map(cell).collect()
    }

    /// Why a pool has no cells.
    fn whole_row(&self, seen: &[&Observed]) -> Option<String> {
        let skip = |name: &str| seen.iter().find(|o| o.check == name && o.status == Status::Skip);
        let found = skip(check::POOL).or_else(|| skip(check::PROBE))?;
        let live = seen.iter().any(|o| self.columns.iter().any(|column| column.holds(o)));
        (!live).then(|| format!("skipped: {}", found.reason))
    }
}

impl Column {
    fn holds(&self, o: &Observed) -> bool {
        let Self(_, vantage, checks, credential) = self;
        o.vantage == *vantage
            && checks.contains(&o.check.as_str())
            && (credential.is_empty() || o.credential == *credential)
    }
}

fn node(seen: &[&Observed], room: usize) -> String {
    let mut nodes: Vec<&str> =
        seen.iter().filter(|o| o.vantage == Vantage::P).map(|o| o.node.as_str()).filter(|n| !n.is_empty()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    match nodes.as_slice() {
        [] => "-".to_owned(),
        [one] => columns::fit(one, room),
        [first, rest @ ..] => format!("{} +{}", columns::fit(first, room.saturating_sub(3)), rest.len()),
    }
}

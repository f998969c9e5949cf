//! Pool × check, one row a pool: the worst word of all observations that belong into a cell.

use std::collections::BTreeMap;

use mops_probe::observation::{check as probe, variant};

use super::columns;
use crate::observed::{Observed, Status, Vantage, check};

/// A column: its title, its check and its credential (empty: any).
const COLUMNS: &[(&str, &str, &str)] = &[
    ("ENV", probe::ENV, ""),
    ("/v2/ ENV", probe::REGISTRY_V2, variant::ENV),
    ("/v2/ PULL", probe::REGISTRY_V2, variant::PULL_SECRET),
    ("IMAGE", probe::REGISTRY_PULL, variant::PULL_SECRET),
    ("SAS", probe::STORAGE_READ, ""),
    ("READONLY", probe::STORAGE_WRITE_REFUSED, ""),
];
/// As long as a pool's name may be in Azure.
const POOL_WIDTH: usize = 12;
/// The widest word of a cell.
const WORD: usize = 7;
const MIN_NODE: usize = 6;

/// The rows, head line first; empty when no pool is known.
pub(crate) fn rows(probes: &[Observed], width: usize) -> Vec<String> {
    let mut pools: BTreeMap<&str, Vec<&Observed>> = BTreeMap::new();
    for o in probes.iter().filter(|o| !o.pool.is_empty()) {
        pools.entry(&o.pool).or_default().push(o);
    }
    if pools.is_empty() {
        return Vec::new();
    }
    let mut grid = vec![header()];
    let mut notes = BTreeMap::new();
    let room = node_width(&pools, width);
    for (pool, seen) in &pools {
        let mut row = vec![columns::fit(pool, POOL_WIDTH), node(seen, room)];
        match whole_row(seen) {
            Some(why) => {
                notes.insert(grid.len(), why);
            }
            None => row.extend(COLUMNS.iter().map(|(_, check, credential)| cell(seen, check, credential).to_owned())),
        }
        grid.push(row);
    }
    let mut lines = columns::grid(&grid);
    for (at, why) in notes {
        let start = columns::grid(&[vec![" ".repeat(first_width(&grid, 0)), " ".repeat(first_width(&grid, 1)), why]]);
        let tail: String = start[0].chars().skip(lines[at].chars().count()).collect();
        lines[at] = columns::head(&format!("{}{tail}", lines[at]), width);
    }
    lines
}

/// What the other columns leave for the node's name.
fn node_width(pools: &BTreeMap<&str, Vec<&Observed>>, width: usize) -> usize {
    let pool = pools.keys().map(|p| p.chars().count()).max().unwrap_or(0).clamp(4, POOL_WIDTH);
    let cells: usize = COLUMNS.iter().map(|(title, ..)| title.chars().count().max(WORD) + 2).sum();
    width.saturating_sub(pool + 2 + cells).max(MIN_NODE)
}

fn first_width(grid: &[Vec<String>], column: usize) -> usize {
    grid.iter().map(|r| r[column].chars().count()).max().unwrap_or(0)
}

fn header() -> Vec<String> {
    ["POOL", "NODE"].into_iter().chain(COLUMNS.iter().map(|(title, ..)| *title)).map(str::to_owned).collect()
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

/// Why a pool has no cells.
fn whole_row(seen: &[&Observed]) -> Option<String> {
    let skip = |name: &str| seen.iter().find(|o| o.check == name && o.status == Status::Skip);
    let found = skip(check::POOL).or_else(|| skip(check::PROBE))?;
    let live = seen.iter().any(|o| COLUMNS.iter().any(|(_, check, _)| o.check == *check));
    (!live).then(|| format!("skipped: {}", found.reason))
}

fn cell(seen: &[&Observed], check: &str, credential: &str) -> &'static str {
    let worst = seen
        .iter()
        .filter(|o| o.vantage == Vantage::P && o.check == check)
        .filter(|o| credential.is_empty() || o.credential == credential)
        .map(|o| o.status)
        .max_by_key(|s| match s {
            Status::Skip => 0,
            Status::Pass => 1,
            Status::Fail => 2,
        });
    worst.map_or("-", Status::word)
}

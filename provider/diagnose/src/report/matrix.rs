//! What was seen, laid out by place and question: a row a pool, a column a check with its credential. Each
//! observation is looked at once, so that a thousand pods take a thousand steps.

use std::collections::BTreeMap;

use mops_probe::observation::check as probe;

use super::phrase;
use crate::observed::{Observed, Status, check};

/// The order in which a reader asks; what is not named comes after, by its name.
const ORDER: &[&str] = &[
    check::POOL,
    check::PROBE,
    probe::ENV,
    probe::PULL_SECRET,
    probe::REGISTRY_V2,
    probe::REGISTRY_PULL,
    probe::REGISTRY_TAGS,
    probe::STORAGE_SAS,
    probe::STORAGE_READ,
    probe::STORAGE_WRITE_REFUSED,
    check::KUBELET,
];

/// A check with its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question<'a> {
    rank: usize,
    pub(crate) check: &'a str,
    pub(crate) credential: &'a str,
}

impl<'a> Question<'a> {
    fn of(o: &'a Observed) -> Self {
        let rank = ORDER.iter().position(|known| *known == o.check).unwrap_or(ORDER.len());
        Self { rank, check: &o.check, credential: &o.credential }
    }
}

/// The observations of one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row<'a> {
    /// The pool; empty for what belongs to none.
    pub(crate) pool: &'a str,
    pub(crate) cells: BTreeMap<Question<'a>, Vec<&'a Observed>>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix<'a> {
    /// Every question that was asked in a pool.
    pub(crate) questions: Vec<Question<'a>>,
    pub(crate) pools: Vec<Row<'a>>,
    /// What belongs to no pool.
    pub(crate) elsewhere: Row<'a>,
}

impl<'a> Matrix<'a> {
    /// The layout of these observations.
    pub(crate) fn of(probes: &'a [Observed]) -> Self {
        let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
        for o in probes {
            let row = rows.entry(&o.pool).or_insert_with(|| Row { pool: &o.pool, ..Row::default() });
            row.cells.entry(Question::of(o)).or_default().push(o);
        }
        let elsewhere = rows.remove("").unwrap_or_default();
        let pools: Vec<Row<'_>> = rows.into_values().collect();
        let questions: std::collections::BTreeSet<Question<'_>> =
            pools.iter().flat_map(|row| row.cells.keys().copied()).collect();
        Self { questions: questions.into_iter().collect(), pools, elsewhere }
    }
}

impl Row<'_> {
    /// The nodes that were seen: one by name, several by number.
    pub(crate) fn nodes(&self) -> String {
        let mut nodes: Vec<&str> =
            self.cells.values().flatten().map(|o| o.node.as_str()).filter(|n| !n.is_empty()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        match nodes.as_slice() {
            [] => "no node seen".to_owned(),
            [one] => (*one).to_owned(),
            more => phrase::plural(more.len(), "node"),
        }
    }
}

/// The worst end of some observations.
pub(crate) fn worst(seen: &[&Observed]) -> Status {
    let rank = |status: &Status| match status {
        Status::Skip => 0,
        Status::Pass => 1,
        Status::Fail => 2,
    };
    seen.iter().map(|o| o.status).max_by_key(rank).unwrap_or(Status::Skip)
}

/// Observations that say the same, the failed first.
pub(crate) fn alike<'a>(seen: &[&'a Observed]) -> Vec<Vec<&'a Observed>> {
    let mut groups: BTreeMap<_, Vec<&Observed>> = BTreeMap::new();
    for o in seen {
        let failed_first = match o.status {
            Status::Fail => 0,
            Status::Pass => 1,
            Status::Skip => 2,
        };
        let key = (failed_first, &o.check, &o.credential, o.http_status, &o.error_code, &o.target, &o.reason);
        groups.entry(key).or_default().push(o);
    }
    groups.into_values().collect()
}

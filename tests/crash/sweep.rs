//! R1: every boundary of the engine × every kind of operation × death, error and stall.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mops_engine::failpoint::{AVAILABLE, Failpoint};
use mops_tests::figures::{size, tell};

use super::audit::Audit;
use super::kind::{KINDS, Kind};
use super::round::{Round, said};

const ACTIONS: [&str; 3] = ["abort", "error", "sleep"];

/// A run to be struck.
struct Point {
    kind: usize,
    at: Failpoint,
    n: usize,
    action: &'static str,
}

/// What became of all of them.
#[derive(Default)]
struct Sum {
    audit: Audit,
    struck: BTreeMap<&'static str, u64>,
    fired: BTreeSet<Failpoint>,
    missed: u64,
}

/// How often a kind passes each boundary.
fn passes(kind: &Kind, base: &Round) -> BTreeMap<&'static str, usize> {
    let done = base.copy().command(kind.run).env("MOPS_FAILPOINT", "all:0:tell").output().unwrap();
    let told = said(&done);
    let mut passes = BTreeMap::new();
    for point in Failpoint::ALL {
        let line = format!("failpoint {}", point.name());
        let count = told.lines().filter(|l| *l == line).count();
        passes.insert(point.name(), count);
    }
    passes
}

/// Positions among `count` passes: the first, the last, and what lies evenly between.
fn positions(count: usize, wanted: usize) -> BTreeSet<usize> {
    match wanted {
        _ if count == 0 => BTreeSet::new(),
        1 => BTreeSet::from([count.div_ceil(2)]),
        _ => (0..wanted).map(|i| 1 + i * (count - 1) / (wanted - 1)).collect(),
    }
}

/// The short form strikes each boundary of each kind once, with the actions in turn.
fn points(bases: &[Round], wanted: usize) -> Vec<Point> {
    let mut points = Vec::new();
    for (kind, base) in bases.iter().enumerate() {
        let passes = passes(&KINDS[kind], base);
        for (i, &at) in Failpoint::ALL.iter().enumerate() {
            let count = passes[at.name()];
            if wanted == 0 {
                let action = ACTIONS[(i + kind) % 3];
                points.extend(positions(count, 1).into_iter().map(|n| Point { kind, at, n, action }));
                continue;
            }
            for action in ACTIONS {
                points.extend(positions(count, wanted).into_iter().map(|n| Point { kind, at, n, action }));
            }
        }
    }
    points
}

fn strike(point: &Point, base: &Round, sum: &Mutex<Sum>) {
    let kind = &KINDS[point.kind];
    let round = base.copy();
    let failpoint = format!("{}:{}:{}", point.at.name(), point.n, point.action);
    let (reached, status) = round.struck(kind.run, &failpoint);
    let mut audit = Audit::default();
    if !kind.whole.is_empty() {
        audit.is_whole(&round.home, kind.whole);
    }
    audit.merge(round.converges(kind.then, kind.things));
    if reached && status.success() {
        audit.unsettled += 1;
    }
    if audit.counts().iter().any(|(_, n)| *n > 0) {
        audit.tell(format!("that was {} {failpoint}, {status}", kind.name));
    }
    let mut sum = sum.lock().unwrap();
    sum.audit.merge(audit);
    if reached {
        *sum.struck.entry(point.action).or_default() += 1;
        sum.fired.insert(point.at);
    } else {
        sum.missed += 1;
    }
}

#[test]
fn every_boundary_is_survived() {
    if !AVAILABLE {
        mops_tests::skip::skipped("failpoints", "every_boundary_is_survived");
        return;
    }
    let bases: Vec<Round> = KINDS.iter().map(Kind::prepare).collect();
    let points = points(&bases, usize::try_from(size("MOPS_SWEEP", 0)).unwrap());
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    strike(point, &bases[point.kind], &sum);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    let never: Vec<_> = Failpoint::ALL.iter().filter(|p| !sum.fired.contains(p)).map(|p| p.name()).collect();
    let struck = |action| sum.struck.get(action).copied().unwrap_or(0);
    let all: u64 = sum.struck.values().sum();
    let mut counts = vec![("points", all), ("boundaries", sum.fired.len() as u64), ("kinds", KINDS.len() as u64)];
    counts.extend(ACTIONS.map(|action| (action, struck(action))));
    counts.push(("not_reached", sum.missed));
    counts.extend(sum.audit.counts());
    tell("R1", &counts);
    sum.audit.must_be_clean();
    assert_eq!(never, Vec::<&str>::new(), "no kind of operation comes there");
}

#[test]
fn a_build_for_users_has_no_failpoints() {
    if AVAILABLE {
        return;
    }
    let round = Round::new();
    for point in Failpoint::ALL {
        let failpoint = format!("{}:1:abort", point.name());
        let (reached, status) = round.struck(&["up", "--n", "5"], &failpoint);
        assert!(!reached && status.success(), "{failpoint}: {status}");
    }
}

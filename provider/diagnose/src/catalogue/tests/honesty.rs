//! A lost observation weakens a cause or takes it away; it never makes another one certain. Held over every world of
//! the catalogue, over neighbours put together, and over random parts of everything at once.

use std::collections::BTreeSet;

use mops_probe::failure::Failure;
use mops_wire::WireError;

use super::fixture::{self, Fixture};
use crate::Observed;
use crate::finding::classify;
use crate::rule::Confidence::Certain;

type Sure = BTreeSet<(String, String, String)>;

fn certain(seen: &[Observed]) -> Sure {
    let found = classify(seen, &fixture::usual());
    let sure = found.into_iter().filter(|f| f.confidence == Some(Certain));
    sure.map(|f| (f.cause_id, f.target, f.credential)).collect()
}

fn without(world: &[Observed], gone: usize) -> Vec<Observed> {
    world.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, o)| o.clone()).collect()
}

/// The same when the limit of requests had cut this one.
fn cut(world: &[Observed], at: usize) -> Vec<Observed> {
    let mut world = world.to_vec();
    let (host, target) = (String::new(), world[at].target.clone());
    let cut = Failure::from(&WireError::Allowance { host, most: 12 });
    let cut = Observed::at(world[at].vantage, cut.observation(&world[at].check, &world[at].credential, &target));
    world[at] = cut.on(&world[at].pool, &world[at].node);
    world
}

#[test]
fn no_lost_observation_makes_another_cause_certain() {
    let mut worlds: Vec<Vec<Observed>> = fixture::all().iter().map(Fixture::seen).collect();
    let pairs: Vec<Vec<Observed>> =
        worlds.iter().zip(worlds.iter().skip(1)).map(|(a, b)| a.iter().chain(b).cloned().collect()).collect();
    worlds.extend(pairs);
    for world in &worlds {
        let before = certain(world);
        for gone in 0..world.len() {
            for (how, part) in [("without", without(world, gone)), ("cut at", cut(world, gone))] {
                let new: Vec<_> = certain(&part).difference(&before).cloned().collect();
                assert!(new.is_empty(), "{how} {} these became certain: {new:?}", world[gone].id);
            }
        }
    }
}

/// The same for any part of everything that can be seen at once, over two pools.
#[test]
fn no_part_of_everything_makes_another_cause_certain() {
    let mut world: Vec<Observed> = fixture::all().iter().flat_map(Fixture::seen).collect();
    let other: Vec<Observed> =
        world.iter().filter(|o| !o.pool.is_empty()).map(|o| o.clone().on("cpu", "node-2")).collect();
    world.extend(other);
    let before = certain(&world);
    let mut state: u64 = 42;
    for round in 0..60 {
        let part: Vec<Observed> = world
            .iter()
            .filter(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 10 < 1 + round % 9
            })
            .cloned()
            .collect();
        let new: Vec<_> = certain(&part).difference(&before).cloned().collect();
        assert!(new.is_empty(), "round {round}: {new:?}");
    }
}

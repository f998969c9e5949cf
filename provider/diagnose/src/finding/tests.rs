//! Each rule with a world that triggers it and one that nearly does, and the honesty property over
//! all of these worlds.

use mops_probe::Observation;
use mops_probe::observation::{check as probe, variant};

use super::*;
use crate::rule::Confidence::{Certain, High};

mod worlds;

use worlds::{HOST, access, arm_accepted, artifact, config, identity, network, p, rows, storage, v2_refused, words};

fn named(findings: &[Finding]) -> Vec<(&str, Option<Confidence>)> {
    findings.iter().map(|f| (f.cause_id.as_str(), f.confidence)).collect()
}

#[test]
fn each_world_gives_its_cause_first_and_the_near_miss_does_not() {
    for row in rows() {
        let found = classify(&row.world, &words());
        let got = named(&found);
        assert_eq!(got.first(), Some(&(row.id, row.confidence)), "trigger of {} gave {got:?}", row.id);
        assert_eq!(got.len(), 1, "{} came with company: {got:?}", row.id);
        assert!(!found[0].message.contains(['{', '}', '?']), "{}", found[0].message);
        let near = classify(&row.near, &words());
        let got = named(&near);
        assert!(!got.contains(&(row.id, row.confidence)), "near miss of {} gave it: {got:?}", row.id);
        let ids: Vec<&str> = got.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, row.instead, "near miss of {}", row.id);
    }
}

#[test]
fn what_was_never_seen_live_is_never_certain() {
    for rule in rules::all().filter(|r| rules::UNCONFIRMED.contains(&r.id)) {
        assert_ne!(rule.confidence, Certain, "{}", rule.id);
    }
}

#[test]
fn every_rule_has_a_row() {
    let all = rows();
    let seen: Vec<Vec<Finding>> =
        all.iter().flat_map(|r| [classify(&r.world, &words()), classify(&r.near, &words())]).collect();
    for rule in rules::all() {
        let shown = seen.iter().flatten().any(|f| f.cause_id == rule.id);
        assert!(shown, "no world shows {}", rule.id);
    }
}

fn certain(seen: &[Observed]) -> BTreeSet<(String, String, String)> {
    let found = classify(seen, &words());
    found.iter().filter(|f| f.confidence == Some(Certain)).map(Finding::key).collect()
}

/// The original advised a flag that did not exist.
#[test]
fn advice_names_only_flags_that_exist() {
    let known = ["--json", "--probe-image", "--env", "--timeout"];
    for rule in rules::all() {
        for word in format!("{} {}", rule.message, rule.remedy.text).split_whitespace().filter(|w| w.starts_with("--"))
        {
            assert!(known.contains(&word), "{} advises {word}", rule.id);
        }
    }
}

/// Removing observations takes causes away or weakens them; it never makes another one certain.
#[test]
fn honesty() {
    let all = rows();
    let mut worlds: Vec<Vec<Observed>> = all.iter().flat_map(|r| [r.world.clone(), r.near.clone()]).collect();
    let pairs: Vec<Vec<Observed>> =
        worlds.iter().zip(worlds.iter().skip(1)).map(|(a, b)| a.iter().chain(b).cloned().collect()).collect();
    worlds.extend(pairs);
    let families = [access(), config(), identity(), network(), artifact(), storage()];
    worlds.extend(families.into_iter().map(|rows| rows.into_iter().flat_map(|r| r.world).collect::<Vec<_>>()));
    for world in worlds {
        let before = certain(&world);
        for gone in 0..world.len() {
            let less: Vec<Observed> =
                world.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, o)| o.clone()).collect();
            let new: Vec<_> = certain(&less).difference(&before).cloned().collect();
            assert!(new.is_empty(), "without {} these became certain: {new:?}", world[gone].id);
        }
    }
}

/// The same for any part of everything that can be seen at once, over two pools.
#[test]
fn honesty_of_any_part() {
    let mut world: Vec<Observed> = rows().into_iter().flat_map(|r| r.world.into_iter().chain(r.near)).collect();
    let other: Vec<Observed> =
        world.iter().filter(|o| !o.pool.is_empty()).map(|o| o.clone().on("cpu", "node-2")).collect();
    world.extend(other);
    let before = certain(&world);
    let mut state: u64 = 42;
    for round in 0..150 {
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

#[test]
fn the_same_cause_in_two_pools_is_one_finding() {
    let one = v2_refused();
    let two = v2_refused().on("system", "node-2");
    let found = classify(&[one, two, arm_accepted()], &words());
    assert_eq!(named(&found), [("ACR_PASSWORD_ROTATED", Some(High))]);
    assert_eq!(found[0].pools, ["gpu", "system"]);
    assert_eq!(found[0].ruled_out.len(), 1);
    assert_eq!(found[0].ruled_out[0].cause_id, "REGISTRY_REFUSED");
}

#[test]
fn what_no_rule_knows_is_shown_as_it_is() {
    let odd =
        p(Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, "TEAPOT").status(418).detail("short and stout"));
    let found = classify(&[odd], &words());
    assert_eq!(named(&found), [("UNCLASSIFIED", None)]);
    assert!(found[0].message.contains("418 TEAPOT short and stout"), "{}", found[0].message);
}

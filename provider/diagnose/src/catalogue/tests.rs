//! The catalogue against its fixtures: each trigger gives exactly the findings that it declares, no near miss gives
//! the cause that it misses, and no entry lacks its words, its fixtures or what it must say for itself.

use std::collections::BTreeSet;

use super::*;
use crate::Observed;
use crate::rule::Confidence::Certain;
use crate::rule::Seen;

mod fixture;
mod flagship;
mod honesty;
mod severity;

use fixture::{Fixture, named};

/// Entries whose fixtures are still to be written or told; the list only gets shorter.
const UNFINISHED: &str = include_str!("tests/unfinished.txt");

fn finished(id: &str) -> bool {
    !UNFINISHED.lines().any(|line| line == id)
}

#[test]
fn each_world_gives_exactly_the_findings_that_it_declares() {
    let mut wrong = Vec::new();
    for world in fixture::all() {
        let got = named(&world.findings());
        if got != world.expect {
            wrong.push(format!("{}\n  declares {:?}\n  gives    {got:?}", world.path.display(), world.expect));
        }
    }
    assert!(wrong.is_empty(), "{} worlds are wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_trigger_shows_its_cause_first_and_the_near_miss_does_not_show_it() {
    for world in fixture::all() {
        let path = world.path.display();
        let declared = |e: &&fixture::Expected| e.cause == world.id;
        if world.trigger {
            assert_eq!(world.expect.first().map(|e| e.cause.as_str()), Some(world.id.as_str()), "{path}");
        } else if world.main {
            assert_eq!(world.expect.iter().find(declared), None, "{path}");
        }
    }
}

#[test]
fn every_entry_has_a_trigger_and_a_near_miss_and_no_fixture_is_an_orphan() {
    let all = fixture::all();
    let ids: BTreeSet<&str> = causes().map(|(_, c)| c.id).collect();
    let main = |id: &str, trigger| all.iter().any(|f: &Fixture| f.id == id && f.main && f.trigger == trigger);
    let lacking: Vec<&str> =
        ids.iter().copied().filter(|id| finished(id) && (!main(id, true) || !main(id, false))).collect();
    assert!(lacking.is_empty(), "no trigger.yaml or near-miss.yaml in tests/fixtures/causes: {lacking:?}");
    let orphans: BTreeSet<&str> = all.iter().map(|f| f.id.as_str()).filter(|id| !ids.contains(id)).collect();
    assert!(orphans.is_empty(), "fixtures without an entry in the catalogue: {orphans:?}");
}

#[test]
fn every_rule_is_shown_by_a_world() {
    let worlds: Vec<Vec<Observed>> = fixture::all().iter().map(Fixture::seen).collect();
    let indexed: Vec<Seen<'_>> = worlds.iter().map(|world| Seen::new(world)).collect();
    for (_, cause) in causes().filter(|(_, c)| finished(c.id)) {
        for rule in cause.rules {
            let shown = indexed.iter().any(|world| !rule.matches(world).is_empty());
            assert!(shown, "no world shows {} by \"{}\"", cause.id, rule.message);
        }
    }
}

#[test]
fn ids_are_written_once() {
    let ids: Vec<&str> = causes().map(|(_, c)| c.id).collect();
    let once: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), once.len());
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')));
    assert!(once.contains(UNCLASSIFIED));
}

/// What an entry lacks.
fn lacks(cause: &Cause) -> Vec<&'static str> {
    let mut lacking: Vec<&str> = [
        ("a title", cause.title),
        ("a meaning", cause.meaning),
        ("a signal", cause.signal),
        ("a near miss", cause.near_miss),
        ("a remedy", cause.remedy.text),
    ]
    .into_iter()
    .filter_map(|(name, text)| text.is_empty().then_some(name))
    .collect();
    if (cause.unconfirmed || cause.rules.iter().any(|r| r.unconfirmed)) && cause.sources.is_empty() {
        lacking.push("a public source, although it is unconfirmed");
    }
    if cause.rules.is_empty() && cause.id != UNCLASSIFIED {
        lacking.push("a rule");
    }
    if matches!(cause.repair, Repair::Human) && cause.remedy.stack.starts_with("mops infra up") {
        lacking.push("a repair class that fits its command");
    }
    lacking
}

#[test]
fn every_entry_explains_itself() {
    let lacking: Vec<String> = causes()
        .filter_map(|(_, c)| Some((c.id, lacks(c))).filter(|(_, l)| !l.is_empty()))
        .map(|(id, l)| format!("{id} lacks {}", l.join(", ")))
        .collect();
    assert!(lacking.is_empty(), "\n{}", lacking.join("\n"));
}

#[test]
fn what_was_never_seen_live_is_never_certain() {
    for (_, cause) in causes() {
        let mut rules = cause.rules.iter().filter(|r| cause.unconfirmed || r.unconfirmed);
        assert!(rules.all(|r| r.confidence != Certain), "{}", cause.id);
    }
    for world in fixture::all().into_iter().filter(|w| finished(&w.id)) {
        let unconfirmed = world.findings().first().is_some_and(|f| f.unconfirmed);
        assert_eq!(unconfirmed && world.trigger, !world.source.is_empty(), "{}: source", world.path.display());
    }
}

#[test]
fn every_fixture_says_what_happened() {
    for world in fixture::all().into_iter().filter(|w| finished(&w.id)) {
        assert!(world.about.len() > 10, "{}: about", world.path.display());
    }
}

/// No sentence keeps a hole, and commands have every name.
#[test]
fn sentences_and_commands_are_whole() {
    for world in fixture::all() {
        for finding in world.findings() {
            assert!(!finding.message.contains(['{', '}', '?']), "{}: {}", world.path.display(), finding.message);
            for fix in &finding.fixes {
                let text = format!("{} {}", fix.text, fix.command.as_deref().unwrap_or_default());
                assert!(!text.contains(['{', '}']), "{}: {text}", world.path.display());
            }
        }
    }
}

//! Every sample of every resource: checked, shown, made, read back, changed and deleted, in the engine's order of calls.

use mops_core::{Identity, Provider, Value};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::diff_response::DiffChanges;

use super::wire::{Old, Wire};
use crate::conformance::{Case, Stands, cases, ground, is_in_a_cluster};
use crate::stand::Stand;

const NONE: i32 = DiffChanges::DiffNone as i32;
const SOME: i32 = DiffChanges::DiffSome as i32;

fn outputs_of(stand: &Stand, case: &Case) -> Vec<(String, bool)> {
    let provider = stand.provider();
    let schema = provider.schema(case.urn.token()).expect("listed");
    let properties = schema.outputs["properties"].as_object().expect("an object");
    properties.iter().filter(|(name, _)| *name != "id").map(|(name, of)| (name.clone(), of["secret"] == true)).collect()
}

/// A preview of a creation: an output is known later, or an input says it; every secret one is secret, and nothing was
/// made. The outputs that are known.
async fn shown(wire: &mut Wire, stand: &Stand, case: &Case, inputs: &Value) -> Vec<(String, Value)> {
    let before = stand.sandbox.ledger().to_json();
    let (id, bag) = wire.create(&case.urn, inputs, true).await.expect("a preview");
    assert_eq!(id, "", "{}", case.name);
    let mut known = Vec::new();
    for (name, secret) in outputs_of(stand, case) {
        let of = bag.get(&name).unwrap_or_else(|| panic!("{}: `{name}` is not in the preview", case.name));
        assert!(of.has_secret() == secret, "{}: `{name}` {of:?}", case.name);
        if !of.has_unknown() {
            assert_eq!(Some(of), inputs.get(&name), "{}: `{name}` is made up", case.name);
            known.push((name, of.clone()));
        }
    }
    assert!(is_in_a_cluster(case) || stand.sandbox.ledger().to_json() == before, "{}: a preview wrote", case.name);
    known
}

async fn made(wire: &mut Wire, stand: &Stand, case: &Case, inputs: &Value) -> Old {
    let (id, outputs) = wire.create(&case.urn, inputs, false).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    assert!(!id.is_empty() && !outputs.has_unknown(), "{}: {outputs:?}", case.name);
    for (name, secret) in outputs_of(stand, case) {
        let of = outputs.get(&name).cloned().unwrap_or_default();
        assert!(of == Value::Null || of.has_secret() == secret, "{}: `{name}` is wrapped wrongly", case.name);
    }
    let old = Old { id, inputs: inputs.clone(), outputs };
    let difference = wire.diff(&case.urn, &old, inputs).await;
    assert_eq!(difference.changes, NONE, "{}: right after it was made: {difference:?}", case.name);
    old
}

async fn read_back(wire: &mut Wire, case: &Case, old: &Old) -> Old {
    let found = wire.read(&case.urn, old).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    assert_eq!(found.id, old.id, "{}", case.name);
    for (known, news, when) in [(&found, &old.inputs, "refreshed"), (&found, &found.inputs, "itself")] {
        let difference = wire.diff(&case.urn, known, news).await;
        assert_eq!(difference.changes, NONE, "{} {when}: {difference:?}", case.name);
    }
    // the question of a refresh: what was found is old, what is stored is new
    let inverted = wire.diff(&case.urn, &found, &old.inputs).await;
    assert_eq!(inverted.changes, NONE, "{}: inverted: {inverted:?}", case.name);
    found
}

async fn gone(wire: &mut Wire, stand: &Stand, case: &Case, old: &Old) {
    for _ in 0..2 {
        wire.delete(&case.urn, old).await.unwrap_or_else(|e| panic!("{}: delete: {e}", case.name));
    }
    let identity = stand.provider().identity(&case.urn, &old.inputs);
    if !matches!(identity, Some(Identity::Reissue)) {
        let found = wire.read(&case.urn, old).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert_eq!(found.id, "", "{}: still there", case.name);
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn every_sample_lives_its_life_over_the_wire() {
    let (mut stands, mut lives, mut foretold) = (Stands::default(), 0, 0);
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let mut wire = Wire::on(stand).await;
        let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
        let known = shown(&mut wire, stand, &case, &inputs).await;
        let old = made(&mut wire, stand, &case, &inputs).await;
        for (name, value) in &known {
            assert_eq!(old.outputs.get(name), Some(value), "{}: `{name}` was foretold wrongly", case.name);
        }
        foretold += known.len();
        let old = read_back(&mut wire, &case, &old).await;
        gone(&mut wire, stand, &case, &old).await;
        assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{}", case.name);
        lives += 1;
    }
    assert!(foretold > lives / 2, "{foretold} outputs were known in {lives} previews");
    println!("pulumi lives={lives} foretold={foretold}");
}

/// What a difference must say of itself.
fn is_sound(case: &Case, difference: &rpc::DiffResponse) {
    assert_eq!(difference.changes, SOME, "{}", case.name);
    assert!(difference.has_detailed_diff && !difference.detailed_diff.is_empty(), "{}", case.name);
    for path in difference.detailed_diff.keys() {
        let top = path.split(['.', '[']).next().unwrap().to_owned();
        assert!(difference.diffs.contains(&top), "{}: {path} is under none of {:?}", case.name, difference.diffs);
    }
    let mut tops = difference.diffs.clone();
    tops.dedup();
    assert_eq!(tops, difference.diffs, "{}", case.name);
    let kinds = difference.detailed_diff.values().filter(|d| d.kind % 2 == 1).count();
    assert_eq!(kinds > 0, !difference.replaces.is_empty(), "{}: {difference:?}", case.name);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn changed_in_place_or_replaced_over_the_wire() {
    let (mut updates, mut replacements) = (0, 0);
    for pair in cases().windows(2).filter(|pair| pair[0].urn.token() == pair[1].urn.token()) {
        let (case, next) = (&pair[0], &pair[1]);
        let stand = &Stand::new();
        ground(stand, case).await;
        let mut wire = Wire::on(stand).await;
        let inputs = wire.checked(&case.urn, &Value::map(), &case.inputs).await;
        let old = made(&mut wire, stand, case, &inputs).await;
        let wanted = wire.checked(&case.urn, &inputs, &next.inputs).await;
        let difference = wire.diff(&case.urn, &old, &wanted).await;
        is_sound(case, &difference);
        if !difference.replaces.is_empty() {
            replacements += 1;
            continue;
        }
        let shown = wire.update(&case.urn, &old, &wanted, true).await.expect("a preview");
        for (name, _) in outputs_of(stand, case).iter().filter(|(name, _)| wanted.get(name).is_none()) {
            let kept = shown.get(name) == old.outputs.get(name);
            assert!(kept || shown.get(name).is_some_and(Value::has_unknown), "{}: `{name}`", case.name);
        }
        let outputs = wire.update(&case.urn, &old, &wanted, false).await;
        let outputs = outputs.unwrap_or_else(|e| panic!("{}: update: {e}", case.name));
        let now = Old { id: old.id, inputs: wanted, outputs };
        read_back(&mut wire, case, &now).await;
        updates += 1;
    }
    assert!(updates > 3 && replacements > 0, "{updates} updates, {replacements} replacements");
    println!("pulumi updates={updates} replacements={replacements}");
}

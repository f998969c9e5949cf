//! Promise: every listed resource lives its whole life against the sandbox: checked, made once,
//! read back without a difference, changed, replaced where it must be, taken over after a lost
//! answer, refused to strangers, and deleted as often as anybody likes. Long form: `MOPS_CASES`, how often each is read.

#[path = "conformance/fields.rs"]
mod fields;
#[path = "conformance/limits.rs"]
mod limits;

use mops_core::provider::{Known, Provider};
use mops_core::{Identity, Ownership, StackId, Urn, Value};
use mops_host::Env;
use mops_tests::arm::store::Doomed;
use mops_tests::fault::Fault;
use mops_tests::samples;
use serde_json::json;

use crate::stand::Stand;
pub(crate) use mops_tests::samples::{Case, cases, is_in_a_cluster, on_the_cluster};

fn token_of(case: &Case) -> &str {
    case.urn.token()
}

/// A sandbox for each case of Azure, and one cluster for all cases in a cluster.
#[derive(Default)]
pub(crate) struct Stands {
    cluster: Option<Stand>,
    azure: Option<Stand>,
}

impl Stands {
    pub(crate) fn of(&mut self, case: &Case) -> &Stand {
        if is_in_a_cluster(case) {
            self.cluster.get_or_insert_with(Stand::in_real_time)
        } else {
            self.azure.insert(Stand::new())
        }
    }
}

/// What a sample stands on, made first: samples name each other by the same names.
pub(crate) async fn ground(stand: &Stand, case: &Case) {
    for (token, sample) in samples::ground(case, &stand.sandbox) {
        let urn = stand.urn(token, "ground");
        let inputs = checked(stand, &urn, &sample, &case.name);
        stand.create(&urn, &inputs).await.unwrap_or_else(|e| panic!("{}: ground {token}: {e:?}", case.name));
    }
}

fn checked(stand: &Stand, urn: &Urn, inputs: &Value, name: &str) -> Value {
    let checked = stand.provider().check(urn, inputs, false);
    assert!(checked.failures.is_empty(), "{name}: {:?}", checked.failures);
    let again = stand.provider().check(urn, &checked.inputs, false);
    assert_eq!(again.inputs.masked_json(), checked.inputs.masked_json(), "{name}: check is not stable");
    checked.inputs
}

fn without_difference(stand: &Stand, case: &Case, old: &Known, new: &Value, when: &str) {
    let difference = stand.provider().diff(&case.urn, old, new);
    assert!(difference.is_empty(), "{}: differs {when}: {difference:?}", case.name);
}

/// A thing that exists: made, read back, and the same as declared.
pub(crate) async fn made(stand: &Stand, case: &Case) -> Known {
    let inputs = checked(stand, &case.urn, &case.inputs, &case.name);
    let unknown = Known { inputs: inputs.clone(), ..Known::default() };
    assert!(stand.read(&case.urn, None, &unknown).await.is_none(), "{}: there before it was made", case.name);
    let done = stand.create(&case.urn, &inputs).await.unwrap_or_else(|e| panic!("{}: create: {e:?}", case.name));
    assert!(!done.id.is_empty() && !done.adopted && !done.foreign, "{}: {done:?}", case.name);
    let known = Known { id: done.id, inputs: inputs.clone(), outputs: done.outputs };
    without_difference(stand, case, &known, &inputs, "right after it was made");
    known
}

fn reissued(stand: &Stand, case: &Case) -> bool {
    matches!(stand.provider().identity(&case.urn, &case.inputs), Some(Identity::Reissue))
}

#[tokio::test]
async fn made_once_and_read_back_without_a_difference() {
    let mut stands = Stands::default();
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let known = made(stand, &case).await;
        if reissued(stand, &case) {
            // Nothing outside holds it: state is all there is.
            continue;
        }
        let found = stand.read(&case.urn, Some(&known.id), &known).await;
        let found = found.unwrap_or_else(|| panic!("{}: not found again", case.name));
        without_difference(stand, &case, &found.known, &known.inputs, "when read back");
        assert!(
            matches!(found.ownership, Ownership::Ours { .. } | Ownership::Derived),
            "{}: {:?}",
            case.name,
            found.ownership
        );
        let again = stand.create(&case.urn, &known.inputs).await;
        let again = again.unwrap_or_else(|e| panic!("{}: made again: {e:?}", case.name));
        assert!(again.adopted && !again.foreign && again.id == known.id, "{}: {again:?}", case.name);
        assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{}", case.name);
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn looked_at_again_and_again_nothing_drifts_and_nothing_is_written() {
    let rounds: usize = Env::process().get("MOPS_CASES").and_then(|n| n.parse().ok()).unwrap_or(10).min(100);
    let (mut stands, mut reads) = (Stands::default(), 0);
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let known = made(stand, &case).await;
        let book = stand.sandbox.ledger().to_json();
        for _ in 0..rounds {
            let found = stand.read(&case.urn, Some(&known.id), &known).await.expect("it is there").known;
            without_difference(stand, &case, &found, &known.inputs, "when looked at again");
            let drift = mops_core::diff::diff(&known.outputs, &found.outputs);
            assert!(drift.is_empty(), "{}: {drift:?}", case.name);
            reads += 1;
        }
        assert!(is_in_a_cluster(&case) || stand.sandbox.ledger().to_json() == book, "{}: written", case.name);
    }
    println!("R24 samples={} reads={reads} drift=0 writes=0", cases().len());
}

#[tokio::test]
async fn deleted_as_often_as_anybody_likes() {
    let mut stands = Stands::default();
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let before = stand.sandbox.ledger().existing();
        let known = made(stand, &case).await;
        for _ in 0..2 {
            let deleted = stand.provider().delete(stand.context(&case.urn), &known).await;
            deleted.unwrap_or_else(|e| panic!("{}: delete: {e:?}", case.name));
        }
        assert_eq!(stand.sandbox.ledger().existing(), before, "{}: something is left", case.name);
        if !reissued(stand, &case) {
            assert!(stand.read(&case.urn, Some(&known.id), &known).await.is_none(), "{}: still there", case.name);
        }
    }
}

#[tokio::test]
async fn refused_to_another_stack() {
    let other = StackId { project: "modelops".into(), stack: "other".into() };
    let mut stands = Stands::default();
    for case in cases() {
        let stand = stands.of(&case);
        if reissued(stand, &case) {
            continue;
        }
        ground(stand, &case).await;
        let known = made(stand, &case).await;
        let urn = Urn::new(&other, token_of(&case), "sample");
        let stolen = stand.provider().create(stand.context_of(&urn, &other), &known.inputs).await;
        // Without room for a mark a thing belongs to whoever has its marked parent.
        let found = stand.read(&case.urn, Some(&known.id), &known).await.expect("it is there");
        if found.ownership != Ownership::Derived {
            let error = stolen.err().unwrap_or_else(|| panic!("{}: taken by another stack", case.name));
            assert_eq!(error.class(), mops_core::Class::Conflict, "{}: {error:?}", case.name);
        }
    }
}

#[tokio::test]
async fn a_lost_answer_neither_loses_nor_doubles() {
    let mut stands = Stands::default();
    for case in cases() {
        for verb in ["PUT", "PATCH", "POST"] {
            let stand = stands.of(&case);
            ground(stand, &case).await;
            let fake = if is_in_a_cluster(&case) { "kubernetes" } else { "arm" };
            let inputs = checked(stand, &case.urn, &case.inputs, &case.name);
            stand.sandbox.faults().once(&[&format!("{fake} {verb} ")], Fault::LostAfterCommit);
            if stand.create(&case.urn, &inputs).await.is_err() {
                let again = stand.create(&case.urn, &inputs).await;
                again.unwrap_or_else(|e| panic!("{} after a lost {verb}: {e:?}", case.name));
            }
            assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{} {verb}", case.name);
        }
    }
}

#[tokio::test]
async fn a_refused_call_says_so_and_the_next_run_goes_on() {
    let mut stands = Stands::default();
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let fake = if is_in_a_cluster(&case) { "kubernetes" } else { "arm" };
        let inputs = checked(stand, &case.urn, &case.inputs, &case.name);
        for verb in ["PUT", "PATCH", "POST"] {
            let refusal = Fault::Status { status: 403, code: "AuthorizationFailed".into(), retry_after: None };
            stand.sandbox.faults().once(&[&format!("{fake} {verb} ")], refusal);
            let result = stand.create(&case.urn, &inputs).await;
            if let Err(error) = result {
                // What was made before a refused action is told with the refusal.
                let partial = error.partial().is_some() && verb == "POST";
                let class = if partial { mops_core::Class::Partial } else { mops_core::Class::Auth };
                assert_eq!(error.class(), class, "{} {verb}: {error:?}", case.name);
            }
            stand.sandbox.faults().clear();
        }
        let done = stand.create(&case.urn, &inputs).await;
        done.unwrap_or_else(|e| panic!("{}: after refusals: {e:?}", case.name));
        assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{}", case.name);
    }
}

#[tokio::test]
async fn what_failed_half_way_is_known_and_mended() {
    for case in cases().into_iter().filter(|c| !is_in_a_cluster(c)) {
        let stand = Stand::new();
        ground(&stand, &case).await;
        let inputs = checked(&stand, &case.urn, &case.inputs, &case.name);
        let Some(Identity::Name(id)) = stand.provider().identity(&case.urn, &inputs) else { continue };
        let doomed =
            Doomed { resource: id, code: "QuotaExceeded".into(), message: "Operation could not be completed".into() };
        stand.sandbox.arm().state().doomed.push(doomed);
        let Err(error) = stand.create(&case.urn, &inputs).await else {
            assert_eq!(stand.sandbox.arm().state().doomed.len(), 1, "{}: a failure was not noticed", case.name);
            continue;
        };
        let known = error.partial().unwrap_or_else(|| panic!("{}: forgotten: {error:?}", case.name));
        assert!(!known.id.is_empty(), "{}", case.name);
        let again = stand.create(&case.urn, &inputs).await;
        again.unwrap_or_else(|e| panic!("{}: not mended: {e:?}", case.name));
        assert_eq!(stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{}", case.name);
    }
}

#[tokio::test]
async fn canceled_before_it_begins_nothing_is_made() {
    let mut stands = Stands::default();
    for case in cases() {
        let stand = stands.of(&case);
        ground(stand, &case).await;
        let before = stand.sandbox.ledger().existing();
        let inputs = checked(stand, &case.urn, &case.inputs, &case.name);
        let context = stand.context(&case.urn);
        context.cancel.cancel();
        let error = stand.provider().create(context, &inputs).await.err();
        let error = error.unwrap_or_else(|| panic!("{}: made although canceled", case.name));
        assert_eq!(error.class(), mops_core::Class::Canceled, "{}: {error:?}", case.name);
        assert_eq!(stand.sandbox.ledger().existing(), before, "{}", case.name);
    }
}

#[tokio::test]
async fn changed_in_place_or_replaced_as_declared() {
    for entry in mops_resources::entries() {
        let token = entry.schema().token;
        let samples: Vec<Value> = entry.samples().into_iter().map(on_the_cluster).collect();
        for pair in samples.windows(2) {
            let stand = &Stand::new();
            let urn = stand.urn(token, "sample");
            let case = Case { name: format!("{token} changed"), urn: urn.clone(), inputs: pair[0].clone() };
            ground(stand, &case).await;
            let known = made(stand, &case).await;
            let wanted = checked(stand, &urn, &pair[1], &case.name);
            let difference = stand.provider().diff(&urn, &known, &wanted);
            assert!(!difference.is_empty(), "{}: two samples do not differ", case.name);
            if !difference.replace.is_empty() {
                continue;
            }
            let updated = stand.provider().update(stand.context(&urn), &known, &wanted).await;
            let updated = updated.unwrap_or_else(|e| panic!("{}: update: {e:?}", case.name));
            assert_eq!(updated.id, known.id, "{}", case.name);
            let now = Known { id: updated.id, inputs: wanted.clone(), outputs: updated.outputs };
            without_difference(stand, &case, &now, &wanted, "after the update");
            let found = stand.read(&urn, Some(&now.id), &now).await.expect("it is there");
            without_difference(stand, &case, &found.known, &wanted, "when read after the update");
        }
    }
}

/// The same inputs with another text at a path.
fn with_other(inputs: &Value, path: &[&str]) -> Option<Value> {
    let Value::Map(map) = inputs else { return None };
    let (head, rest) = path.split_first()?;
    let mut map = map.clone();
    let old = map.get(*head)?;
    let new = match (old, rest.is_empty()) {
        (Value::String(text), true) => Value::String(format!("{text}x")),
        (_, true) => return None,
        (inner, false) => with_other(inner, rest)?,
    };
    map.insert((*head).to_owned(), new);
    Some(Value::Map(map))
}

#[test]
fn every_immutable_field_forces_a_replacement_and_is_named() {
    let stand = &Stand::new();
    for case in cases() {
        let provider = stand.provider();
        let schema = provider.schema(token_of(&case)).expect("listed");
        let inputs = checked(stand, &case.urn, &case.inputs, &case.name);
        let known = Known { id: "id".into(), inputs: inputs.clone(), outputs: Value::map() };
        for field in schema.replace {
            let path: Vec<&str> = field.split('.').collect();
            let Some(changed) = with_other(&inputs, &path) else { continue };
            let difference = provider.diff(&case.urn, &known, &changed);
            assert!(difference.replace.iter().any(|r| r == field), "{}: {field}: {difference:?}", case.name);
        }
    }
}

#[test]
fn every_resource_is_documented_and_has_samples() {
    for entry in mops_resources::entries() {
        let schema = entry.schema();
        assert!(!schema.description.is_empty(), "{} has no description", schema.token);
        assert!(!entry.samples().is_empty(), "{} has no samples", schema.token);
        for field in schema.replace {
            let head = field.split('.').next().unwrap_or_default();
            assert!(!schema.inputs["properties"][head].is_null(), "{}: `{field}` is no input", schema.token);
        }
    }
}

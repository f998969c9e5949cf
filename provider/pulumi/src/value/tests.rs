use std::collections::BTreeMap;

use mops_core::{Secret, Value};
use proptest::prelude::*;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as Wire};

use super::decode::bare;
use super::{decode, encode, encode_value, signature};

fn wire(kind: Kind) -> Wire {
    Wire { kind: Some(kind) }
}

fn text(text: &str) -> Wire {
    wire(Kind::StringValue(text.to_owned()))
}

fn marked(mark: &str, more: &[(&str, Wire)]) -> Wire {
    let mut fields: BTreeMap<String, Wire> = more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    fields.insert(signature::KEY.to_owned(), text(mark));
    wire(Kind::StructValue(Struct { fields }))
}

fn one(value: Wire) -> Struct {
    Struct { fields: [("p".to_owned(), value)].into() }
}

fn secret(inner: Value) -> Value {
    Value::Secret(Secret::new(Box::new(bare(inner))))
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        (-(1_i64 << 53)..=(1_i64 << 53)).prop_map(Value::Integer),
        any::<f64>()
            .prop_filter("whole ones are integers", |n| n.is_finite() && n.fract() != 0.0)
            .prop_map(Value::Number),
        ".{0,12}".prop_map(Value::String),
        Just(Value::Unknown),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-z_]{0,6}", inner.clone(), 0..4).prop_map(Value::Map),
            inner.prop_map(secret),
        ]
    })
}

/// Objects with and without marks, right and wrong ones, nulls and numbers of every kind.
fn wires() -> impl Strategy<Value = Wire> {
    let known = prop::sample::select(vec![
        signature::SECRET,
        signature::RESOURCE,
        signature::OUTPUT,
        signature::ASSET,
        signature::ARCHIVE,
        signature::BYTES,
        "another",
    ]);
    let leaf = prop_oneof![
        Just(Wire { kind: None }),
        any::<i32>().prop_map(|n| wire(Kind::NullValue(n))),
        any::<f64>().prop_map(|n| wire(Kind::NumberValue(n))),
        any::<bool>().prop_map(|b| wire(Kind::BoolValue(b))),
        ".{0,8}".prop_map(|t| text(&t)),
        Just(text(signature::UNKNOWN)),
        known.prop_map(text),
    ];
    leaf.prop_recursive(6, 60, 5, |inner| {
        let keys =
            prop_oneof![Just(signature::KEY.to_owned()), "value|id|urn|secret|assets".prop_map(String::from), ".{0,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| wire(Kind::ListValue(ListValue { values }))),
            prop::collection::btree_map(keys, inner, 0..5)
                .prop_map(|fields| wire(Kind::StructValue(Struct { fields }))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(map in prop::collection::btree_map("[a-z_]{0,6}", values(), 0..6)) {
        let value = Value::Map(map);
        prop_assert_eq!(decode(&encode(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn nothing_that_arrives_panics_and_what_is_taken_can_be_sent_back(arrived in wires()) {
        if let Ok(value) = decode(&one(arrived)) {
            prop_assert_eq!(decode(&encode(&value).unwrap()).unwrap(), value);
        }
    }
}

#[test]
fn a_mark_that_is_not_known_is_an_error() {
    let number = wire(Kind::StructValue(one(wire(Kind::NumberValue(1.0)))));
    for bad in [
        marked("0123", &[]),
        marked(signature::ASSET, &[("text", text("x"))]),
        marked(signature::ARCHIVE, &[("path", text("x"))]),
        marked(signature::BYTES, &[("value", text("eA=="))]),
        marked(signature::SECRET, &[]),
        marked(signature::RESOURCE, &[("id", text("x"))]),
        wire(Kind::StructValue(Struct { fields: [(signature::KEY.to_owned(), number)].into() })),
    ] {
        let error = decode(&one(wire(Kind::ListValue(ListValue { values: vec![bad.clone()] })))).unwrap_err();
        assert!(error.to_string().starts_with("`p[0]`: "), "{bad:?}: {error}");
    }
}

#[test]
fn a_secret_leaves_wrapped_once_at_any_depth() {
    let inner = Value::Map([("deep".to_owned(), Value::from("canary").into_secret())].into());
    let twice = Value::Secret(Secret::new(Box::new(Value::Secret(Secret::new(Box::new(inner.clone()))))));
    let want = marked(
        signature::SECRET,
        &[("value", wire(Kind::StructValue(Struct { fields: [("deep".to_owned(), text("canary"))].into() })))],
    );
    assert_eq!(encode_value(&twice).unwrap(), want);
    let listed = Value::Map([("l".to_owned(), Value::List(vec![inner]))].into());
    assert_eq!(decode(&encode(&listed).unwrap()).unwrap(), listed);
    // a set of properties that is secret as a whole
    let whole = Value::Map([("a".to_owned(), Value::from("canary"))].into()).into_secret();
    assert_eq!(encode(&whole).unwrap().fields["a"], marked(signature::SECRET, &[("value", text("canary"))]));
}

#[test]
fn a_secret_that_is_not_known_yet_stays_a_secret() {
    let arrived = one(marked(signature::SECRET, &[("value", text(signature::UNKNOWN))]));
    let value = decode(&arrived).unwrap();
    assert!(value.has_secret() && value.has_unknown());
    assert_eq!(encode(&value).unwrap(), arrived);
}

#[test]
fn null_is_absent_and_references_stand_for_ids() {
    let urn = ("urn", text("urn:pulumi:s::p::t::n"));
    let reference = |more: &[(&str, Wire)]| decode(&one(marked(signature::RESOURCE, more))).unwrap();
    assert_eq!(decode(&one(wire(Kind::NullValue(0)))).unwrap(), Value::map());
    assert_eq!(reference(&[urn.clone(), ("id", text("i"))]).get("p"), Some(&Value::from("i")));
    assert_eq!(reference(&[urn.clone(), ("id", text(""))]).get("p"), Some(&Value::Unknown));
    assert_eq!(reference(&[urn]).get("p"), Some(&Value::from("urn:pulumi:s::p::t::n")));
    assert_eq!(decode(&one(marked(signature::OUTPUT, &[]))).unwrap().get("p"), Some(&Value::Unknown));
}

#[test]
fn what_would_not_arrive_as_it_is_is_refused_without_quoting_it() {
    for bad in [
        Value::Integer((1 << 53) + 1),
        Value::Integer(i64::MIN),
        Value::Number(f64::NAN),
        Value::Sealed("v1:canary".into()),
        Value::Map([(signature::KEY.to_owned(), Value::from("canary"))].into()),
    ] {
        let error = encode_value(&Value::List(vec![bad])).unwrap_err().to_string();
        assert!(error.starts_with("`[0]`: ") && !error.contains("canary"), "{error}");
    }
    assert!(encode(&Value::from("canary")).is_err());
}

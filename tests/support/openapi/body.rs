//! A body against the schema of its operation: `$ref` and `allOf` are followed, null counts as absent, a property that the
//! schema does not name is a fault unless the service returned it or a newer list of its types has it. No request of ours
//! has a discriminator, so none is read.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::documents::{Documents, Node};
use super::types::Kind;

/// One body under judgement.
pub(super) struct Judge<'a> {
    documents: &'a Documents,
    newer: Option<Kind<'a>>,
    returned: &'a Value,
    faults: Vec<String>,
}

/// A schema with everything that `allOf` brings in.
#[derive(Default)]
struct Flat<'a> {
    properties: BTreeMap<&'a str, Node<'a>>,
    required: Vec<&'a str>,
    additional: Option<Node<'a>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(documents: &'a Documents, newer: Option<Kind<'a>>, returned: &'a Value) -> Self {
        Self { documents, newer, returned, faults: Vec::new() }
    }

    /// What is wrong with a value, each with its place.
    pub(super) fn faults(mut self, schema: Node<'a>, value: &Value) -> Vec<String> {
        self.value(schema, value, "");
        self.faults
    }

    fn say(&mut self, place: &str, what: &str) {
        self.faults.push(format!("`{}` {what}", if place.is_empty() { "/" } else { place }));
    }

    fn value(&mut self, schema: Node<'a>, value: &Value, place: &str) {
        let schema = self.documents.follow(schema);
        match value {
            Value::Null => {}
            Value::Object(_) => self.object(schema, value, place),
            Value::Array(items) => {
                self.expect_type(schema, &["array"], place);
                self.count(schema, items.len(), ["minItems", "maxItems"], place);
                for (number, item) in items.iter().enumerate() {
                    self.value(schema.at("items"), item, &format!("{place}/{number}"));
                }
            }
            Value::String(text) => self.text(schema, text, place),
            Value::Number(number) => {
                let whole = number.is_i64() || number.is_u64();
                self.expect_type(schema, if whole { &["integer", "number"] } else { &["number"] }, place);
                self.within(schema, number.as_f64().unwrap_or_default(), place);
            }
            Value::Bool(_) => self.expect_type(schema, &["boolean"], place),
        }
    }

    /// A schema that names no type takes any.
    fn expect_type(&mut self, schema: Node<'a>, allowed: &[&str], place: &str) {
        let Some(wanted) = schema.value["type"].as_str() else { return };
        if !allowed.contains(&wanted) {
            self.say(place, &format!("is {}, wanted {wanted}", allowed[0]));
        }
    }

    fn object(&mut self, schema: Node<'a>, value: &Value, place: &str) {
        self.expect_type(schema, &["object"], place);
        let mut flat = Flat::default();
        self.flatten(schema, &mut flat);
        let free = flat.properties.is_empty() && flat.additional.is_none();
        let members = value.as_object().into_iter().flatten().filter(|(_, member)| !member.is_null());
        for (name, member) in members {
            let below = format!("{place}/{name}");
            match (flat.properties.get(name.as_str()), flat.additional) {
                (Some(&property), _) => self.property(property, member, &below),
                (None, Some(additional)) => self.value(additional, member, &below),
                (None, None) if free => {}
                (None, None) => self.unnamed(member, &below),
            }
        }
        for name in flat.required {
            let fixed = flat.properties.get(name).is_some_and(|&property| self.is_read_only(property));
            if value[name].is_null() && !fixed {
                self.say(&format!("{place}/{name}"), "is missing");
            }
        }
    }

    fn property(&mut self, property: Node<'a>, value: &Value, place: &str) {
        if !self.is_read_only(property) {
            self.value(property, value, place);
        } else if self.returned.pointer(place).is_none() {
            self.say(place, "is read-only");
        }
    }

    /// A property that the document does not name: the service may have returned it, or a newer version may have it.
    fn unnamed(&mut self, value: &Value, place: &str) {
        if self.returned.pointer(place).is_some() {
            return;
        }
        let faults =
            self.newer.as_ref().map_or_else(|| vec![format!("`{place}` is unknown")], |k| k.faults(place, value));
        self.faults.extend(faults);
    }

    fn is_read_only(&self, property: Node<'a>) -> bool {
        let target = self.documents.follow(property);
        [property, target].into_iter().any(|node| {
            let mutability = node.value["x-ms-mutability"].as_array();
            let writable = |words: &Vec<Value>| words.iter().any(|word| word == "create" || word == "update");
            node.value["readOnly"] == true || mutability.is_some_and(|words| !writable(words))
        })
    }

    fn flatten(&self, schema: Node<'a>, flat: &mut Flat<'a>) {
        let schema = self.documents.follow(schema);
        for base in schema.at("allOf").each() {
            self.flatten(base, flat);
        }
        for (name, value) in schema.value["properties"].as_object().into_iter().flatten() {
            flat.properties.insert(name, Node { file: schema.file, value });
        }
        flat.required.extend(schema.value["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
        let additional = schema.at("additionalProperties");
        if additional.value.is_object() || additional.value == true {
            flat.additional = Some(additional);
        }
    }

    fn text(&mut self, schema: Node<'a>, text: &str, place: &str) {
        self.expect_type(schema, &["string"], place);
        self.count(schema, text.chars().count(), ["minLength", "maxLength"], place);
        if let Some(pattern) = schema.value["pattern"].as_str()
            && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
        {
            self.say(place, &format!("does not match {pattern}"));
        }
        let closed = schema.value["x-ms-enum"]["modelAsString"] != true;
        let words = schema.value["enum"].as_array().filter(|_| closed);
        if words.is_some_and(|words| words.iter().all(|word| word != text)) {
            self.say(place, &format!("is `{text}`, none of its words"));
        }
    }

    fn count(&mut self, schema: Node<'a>, size: usize, limits: [&str; 2], place: &str) {
        let limit = |name: &str| schema.value[name].as_u64().and_then(|n| usize::try_from(n).ok());
        if limit(limits[0]).is_some_and(|least| size < least) || limit(limits[1]).is_some_and(|most| size > most) {
            self.say(place, &format!("has a length of {size}"));
        }
    }

    fn within(&mut self, schema: Node<'a>, number: f64, place: &str) {
        let limit = |name: &str| schema.value[name].as_f64();
        if limit("minimum").is_some_and(|least| number < least) || limit("maximum").is_some_and(|most| number > most) {
            self.say(place, &format!("is {number}, out of its range"));
        }
    }
}

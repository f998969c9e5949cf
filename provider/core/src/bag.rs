//! Properties as Pulumi's engine keeps them: inputs and, over them, outputs in one bag. The id has a place of its own
//! there. A state that is handed over says in each bag under which lineages the resource may be marked, so that the
//! engine that takes it over knows its own from what somebody else has written since; and a bag may say when the resource
//! was made.

use std::collections::{BTreeMap, BTreeSet};

use crate::mark::Lineage;
use crate::schema::ResourceSchema;
use crate::value::Value;
use time::OffsetDateTime;

const ID: &str = "id";
/// Pulumi shows no property that starts like this, and compares none.
const LINEAGES: &str = "__lineages";
/// The same; seconds since 1970.
const MADE: &str = "__made";

/// Inputs and outputs in one bag.
#[must_use]
pub fn merged(inputs: &Value, outputs: &Value) -> Value {
    let mut bag: BTreeMap<String, Value> = inputs.as_map().cloned().unwrap_or_default();
    let outputs = outputs.as_map().into_iter().flatten().filter(|(name, _)| *name != ID);
    bag.extend(outputs.map(|(name, value)| (name.clone(), value.clone())));
    Value::Map(bag)
}

/// The outputs in a bag: only what the type declares, since an input may be secret where no output is, and `id`.
#[must_use]
pub fn outputs(schema: Option<&ResourceSchema>, id: &str, bag: &Value) -> Value {
    let declared = schema.and_then(|schema| schema.outputs["properties"].as_object()).into_iter().flatten();
    let mut outputs: BTreeMap<String, Value> =
        declared.filter_map(|(name, _)| Some((name.clone(), bag.get(name)?.clone()))).collect();
    outputs.insert(ID.to_owned(), Value::from(id));
    Value::Map(outputs)
}

/// The bag of something that may still carry the marks of these states.
#[must_use]
pub fn marked(bag: Value, lineages: impl IntoIterator<Item = Lineage>) -> Value {
    let lineages: Vec<Value> = lineages.into_iter().map(|lineage| Value::from(lineage.0)).collect();
    match bag {
        Value::Map(mut members) if !lineages.is_empty() => {
            members.insert(LINEAGES.to_owned(), Value::List(lineages));
            Value::Map(members)
        }
        other => other,
    }
}

/// The lineages that a bag was marked with; none when the engine that keeps it wrote the resource itself.
#[must_use]
pub fn lineages(bag: &Value) -> BTreeSet<Lineage> {
    let Some(Value::List(list)) = bag.get(LINEAGES) else { return BTreeSet::new() };
    list.iter().filter_map(|lineage| Some(Lineage(lineage.as_str()?.to_owned()))).collect()
}

/// The bag of something that was made at this moment, to the second.
#[must_use]
pub fn made_at(bag: Value, moment: Option<OffsetDateTime>) -> Value {
    match (bag, moment) {
        (Value::Map(mut members), Some(moment)) => {
            members.insert(MADE.to_owned(), Value::from(moment.unix_timestamp()));
            Value::Map(members)
        }
        (other, _) => other,
    }
}

/// When it was made, if its bag says so.
#[must_use]
pub fn made(bag: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(bag.get(MADE)?.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_bag_has_everything_but_the_id_and_keeps_the_lineages_to_itself() {
        let bag = merged(&Value::from(json!({"name": "a", "size": 1})), &Value::from(json!({"id": "/a", "size": 2})));
        assert_eq!(bag, Value::from(json!({"name": "a", "size": 2})));
        let mine = Lineage("mine".into());
        let marked = marked(bag.clone(), [mine.clone()]);
        assert_eq!(lineages(&marked), [mine].into());
        assert_eq!((marked.get("name"), lineages(&bag)), (bag.get("name"), BTreeSet::new()));
        assert_eq!(outputs(None, "/a", &marked), Value::from(json!({"id": "/a"})));
    }

    #[test]
    fn a_bag_says_when_it_was_made_and_only_when_it_was_told() {
        let moment = OffsetDateTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        assert_eq!(made(&made_at(Value::map(), Some(moment))), Some(moment));
        assert_eq!(made_at(Value::map(), None), Value::map());
        assert_eq!(made(&Value::from(json!({"__made": "soon"}))), None);
    }
}

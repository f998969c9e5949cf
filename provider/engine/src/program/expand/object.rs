//! Kubernetes objects as expressions: written as JSON, with references put in at paths.

use serde_json::Value as Json;

use super::super::Expr;

/// JSON as an expression whose members can be replaced.
pub(super) fn object(json: Json) -> Expr {
    match json {
        Json::Object(map) => {
            Expr::Map(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, object(v))).collect())
        }
        Json::Array(list) => Expr::List(list.into_iter().map(object).collect()),
        other => Expr::Value(other.into()),
    }
}

/// Puts an expression at a path of map keys and list indices; missing maps are made, a missing list item is a mistake
/// of ours that leaves the object as it was.
pub(super) fn put(target: &mut Expr, path: &[&str], value: Expr) {
    let Some((head, rest)) = path.split_first() else {
        *target = value;
        return;
    };
    match target {
        Expr::Map(map) => {
            put(map.entry((*head).to_owned()).or_insert_with(|| object(Json::Object(<_>::default()))), rest, value)
        }
        Expr::List(list) => {
            if let Some(item) = head.parse::<usize>().ok().and_then(|i| list.get_mut(i)) {
                put(item, rest, value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Value;
    use serde_json::json;

    #[test]
    fn references_go_where_the_path_says() {
        let mut target = object(json!({"a": [{"b": 1}], "gone": null}));
        put(&mut target, &["a", "0", "c", "d"], "x".into());
        put(&mut target, &["a", "7", "c"], "lost".into());
        let value = target.resolve(&|_, _| Value::Null);
        assert_eq!(value.exposed_json(), json!({"a": [{"b": 1, "c": {"d": "x"}}]}));
    }
}

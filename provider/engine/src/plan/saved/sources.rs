//! The secret sources that a program names.

use std::collections::BTreeMap;

use mops_core::convert::from_value;
use mops_core::{Source, Value};
use mops_host::Env;
use mops_host::source::{name, resolve};

use super::Digester;
use crate::program::{Expr, Program};

/// A digest of each secret that is here, by the name of its source. One that is absent has none: a preview needs no
/// secret, and what a registry holds is read at the registry.
pub(crate) fn digests(program: &Program, env: &Env, digester: &Digester) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut add = |source: Source| {
        if let Ok(secret) = resolve(&source, env) {
            found.insert(name(&source), digester.bytes("source", secret.expose().as_bytes()));
        }
    };
    program.resources.iter().for_each(|declared| in_expr(&declared.inputs, &mut add));
    found
}

fn in_expr(expr: &Expr, add: &mut dyn FnMut(Source)) {
    match expr {
        Expr::Value(value) => in_value(value, add),
        Expr::Ref { .. } => {}
        Expr::Format(parts) | Expr::List(parts) => parts.iter().for_each(|p| in_expr(p, add)),
        Expr::Map(members) => members.values().for_each(|m| in_expr(m, add)),
    }
}

fn in_value(value: &Value, add: &mut dyn FnMut(Source)) {
    match value {
        Value::Map(map) => match source(value) {
            Some(source) => add(source),
            None => map.values().for_each(|v| in_value(v, add)),
        },
        Value::List(list) => list.iter().for_each(|v| in_value(v, add)),
        Value::Secret(inner) => in_value(inner.expose(), add),
        _ => {}
    }
}

/// A map with the one key of a source; anything else is no source.
fn source(value: &Value) -> Option<Source> {
    value.as_map().filter(|map| map.len() == 1)?;
    from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Secret, StackId, Urn};
    use serde_json::json;

    #[test]
    fn only_what_is_here_is_digested() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let inputs = json!({"data": {"a": {"from_env": "A"}, "b": [{"from_env": "ABSENT"}]}, "from": {"from_env": 1}});
        let declared = crate::program::Declared::new(
            Urn::new(&stack, "t:t:T", "n"),
            crate::program::Component::Registry,
            Expr::Value(inputs.into()),
        );
        let program = Program { stack, scope: Default::default(), resources: vec![declared], outputs: Vec::new() };
        let digester = Digester::new(&Secret::from("key"), "salt");
        let look = |value: &str| digests(&program, &Env::of([("A", value)]), &digester);
        let first = look("a-secret-of-the-user");
        assert_eq!(first.keys().collect::<Vec<_>>(), ["environment variable `A`"]);
        assert!(first != look("another-secret-of-his") && first == look("a-secret-of-the-user"));
    }
}

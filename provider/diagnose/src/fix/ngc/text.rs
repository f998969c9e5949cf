//! A plan for a screen: an object a line, its fields below by the beginnings of their hashes.

use super::{Field, Item};
use crate::fix::mends::env_stale::MARK;
use crate::report::columns::wrap;

/// Stands where nothing was.
const NOTHING: &str = "nothing";

pub(super) fn plan<'a>(items: impl Iterator<Item = &'a Item>, width: usize) -> String {
    let mut lines = Vec::new();
    for item in items {
        let why = if item.why.is_empty() { String::new() } else { format!(" ({})", item.why) };
        let name = format!("{}/{}", item.object.kind.to_lowercase(), item.object.name);
        lines.push(wrap(&format!("{name}: {}{why}", item.deed.word()), width, "  "));
        // The mark of a restart says nothing that the deed has not said.
        let fields = item.fields.iter().filter(|field| !field.field.contains(MARK));
        lines.extend(fields.map(|field| wrap(&format!("  {}", one(field)), width, "    ")));
    }
    lines.join("\n") + "\n"
}

fn one(field: &Field) -> String {
    let before = if field.before.is_empty() { NOTHING } else { &field.before };
    format!("{} {before} -> {}", field.field, field.after)
}

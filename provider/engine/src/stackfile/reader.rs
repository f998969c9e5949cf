//! From the tree to typed sections: one table of fields a section says names, types, rules and documentation.
//!
//! Guarantees: every error carries place and hint, an unknown key names the nearest known one, and one run tells all
//! errors (`tests/stackfile.rs`). The editor schema comes from the same tables, so the two cannot differ.

use std::ops::Deref;

use mops_core::{Diagnostic, Place, Severity};
use serde_json::{Map, Value as Json, json};

use super::tree::{Key, Kind, Node, clip};
use mops_core::nearest;

/// A value and where it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Named values in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping<T>(pub Vec<(Spanned<String>, Spanned<T>)>);

/// What a run over the tree has found so far, and where it is.
pub(super) struct Context {
    pub(super) found: Vec<Diagnostic>,
    path: Vec<String>,
}

impl Context {
    pub(super) const fn new() -> Self {
        Self { found: Vec::new(), path: Vec::new() }
    }

    pub(super) fn error(&mut self, place: &Place, summary: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::error(Some(place.clone()), summary).hint(hint));
    }

    pub(super) fn warning(&mut self, place: &Place, summary: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::warning(Some(place.clone()), summary).hint(hint));
    }

    pub(super) fn errors(&self) -> usize {
        self.found.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Where the reader is, as people write it: `cluster.aks.node_pools[1].min`.
    pub(super) fn here(&self) -> String {
        self.path.join("")
    }

    /// The same for a key below this place.
    pub(super) fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.here()) }
    }

    pub(super) fn in_key<R>(&mut self, key: &str, body: impl FnOnce(&mut Self) -> R) -> R {
        let step = if self.path.is_empty() { key.to_owned() } else { format!(".{key}") };
        self.in_step(step, body)
    }

    pub(super) fn in_item<R>(&mut self, index: usize, body: impl FnOnce(&mut Self) -> R) -> R {
        self.in_step(format!("[{index}]"), body)
    }

    fn in_step<R>(&mut self, step: String, body: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(step);
        let result = body(self);
        self.path.pop();
        result
    }

    /// The members of a map; another kind of value is an error.
    pub(super) fn map<'n>(&mut self, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        match &node.kind {
            Kind::Map(members) => Some(members),
            _ => self.wrong_kind(node, "a map (`key: value`)"),
        }
    }

    /// The text of a single value, and whether it stood without quotes.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<(&'n str, bool)> {
        match &node.kind {
            Kind::Scalar { text, plain } => Some((text, *plain)),
            _ => self.wrong_kind(node, wanted),
        }
    }

    pub(super) fn wrong_kind<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        let (name, noun) = (self.name(), if node.is_null() { "empty" } else { node.noun() });
        self.error(&node.place, format!("{name} is {noun}, not {wanted}"), format!("write {wanted} here"));
        None
    }

    /// `here` in backticks; the whole file at its top.
    pub(super) fn name(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.here()) }
    }

    /// Says which keys are not known here.
    pub(super) fn strangers(&mut self, members: &[(Key, Node)], known: &[&str], openness: Openness) {
        for (key, _) in members {
            if known.contains(&key.text.as_str()) {
                continue;
            }
            let summary = format!("`{}` is not a known key", clip(&self.below(&key.text)));
            let hint = match nearest(&key.text, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys here: {}", known.join(", ")),
            };
            match openness {
                Openness::Strict => self.error(&key.place, summary, hint),
                Openness::Tolerant => self.warning(&key.place, format!("{summary} and is ignored"), hint),
            }
        }
    }
}

/// What an unknown key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Openness {
    /// An error.
    Strict,
    /// A warning: the original allowed any key here.
    Tolerant,
}

/// A type that can be read from a node.
pub(super) trait Read: Sized {
    /// The value, or `None` after at least one error was told.
    fn read(node: &Node, cx: &mut Context) -> Option<Self>;
    /// Its JSON Schema.
    fn schema() -> Json;
}

/// A member of a section: required, optional, repeated or named.
pub(super) trait Field: Sized {
    const REQUIRED: bool = false;
    fn take(key: &str, node: Option<&Node>, section: &Node, cx: &mut Context) -> Option<Self>;
    fn schema() -> Json;
}

/// Rules that concern several fields of a section; run only when each field by itself was well.
pub(super) trait Check {
    fn check(&self, _place: &Place, _cx: &mut Context) {}
}

fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|n| !n.is_null())
}

pub(super) fn read_spanned<T: Read>(node: &Node, cx: &mut Context) -> Option<Spanned<T>> {
    T::read(node, cx).map(|value| Spanned { value, place: node.place.clone() })
}

impl<T: Read> Field for Spanned<T> {
    const REQUIRED: bool = true;
    fn take(key: &str, node: Option<&Node>, section: &Node, cx: &mut Context) -> Option<Self> {
        let Some(found) = present(node) else {
            let (name, place) = (cx.below(key), node.map_or(&section.place, |n| &n.place));
            let word = if node.is_some() { "empty" } else { "missing" };
            cx.error(place, format!("`{name}` is {word}"), format!("add `{key}:` here with a value"));
            return None;
        };
        cx.in_key(key, |cx| read_spanned(found, cx))
    }
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Read> Field for Option<Spanned<T>> {
    fn take(key: &str, node: Option<&Node>, _: &Node, cx: &mut Context) -> Option<Self> {
        Some(present(node).and_then(|n| cx.in_key(key, |cx| read_spanned(n, cx))))
    }
    fn schema() -> Json {
        T::schema()
    }
}

fn read_items<T: Read>(items: &[Node], cx: &mut Context) -> Vec<Spanned<T>> {
    items.iter().enumerate().filter_map(|(i, item)| cx.in_item(i, |cx| read_spanned(item, cx))).collect()
}

impl<T: Read> Field for Vec<Spanned<T>> {
    fn take(key: &str, node: Option<&Node>, _: &Node, cx: &mut Context) -> Option<Self> {
        let Some(node) = present(node) else { return Some(Self::new()) };
        cx.in_key(key, |cx| match &node.kind {
            Kind::List(items) => Some(read_items(items, cx)),
            _ => cx.wrong_kind(node, "a list (`- item` or `[item]`)"),
        })
    }
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
}

/// A list, or one item without the brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOrMany<T>(pub Vec<Spanned<T>>);

impl<T: Read> Field for OneOrMany<T> {
    fn take(key: &str, node: Option<&Node>, section: &Node, cx: &mut Context) -> Option<Self> {
        match present(node).map(|n| (n, &n.kind)) {
            None => Some(Self(Vec::new())),
            Some((_, Kind::List(_))) => Vec::take(key, node, section, cx).map(Self),
            Some((n, _)) => Some(Self(cx.in_key(key, |cx| read_spanned(n, cx)).into_iter().collect())),
        }
    }
    fn schema() -> Json {
        json!({"anyOf": [T::schema(), {"type": "array", "items": T::schema()}]})
    }
}

impl<T: Read> Read for Mapping<T> {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let members = cx.map(node)?;
        let read = |(key, node): &(Key, Node), cx: &mut Context| {
            let value = cx.in_key(&key.text, |cx| read_spanned(node, cx))?;
            Some((Spanned { value: key.text.clone(), place: key.place.clone() }, value))
        };
        Some(Self(members.iter().filter_map(|m| read(m, cx)).collect()))
    }
    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

impl<T: Read> Field for Mapping<T> {
    fn take(key: &str, node: Option<&Node>, _: &Node, cx: &mut Context) -> Option<Self> {
        let Some(node) = present(node) else { return Some(Self(Vec::new())) };
        cx.in_key(key, |cx| Self::read(node, cx))
    }
    fn schema() -> Json {
        <Self as Read>::schema()
    }
}

/// One property of an object schema.
pub(super) struct Property {
    pub(super) key: &'static str,
    pub(super) schema: Json,
    pub(super) doc: &'static str,
    pub(super) required: bool,
}

/// The JSON Schema of a section.
pub(super) fn object_schema(doc: &str, openness: Openness, properties: Vec<Property>) -> Json {
    let required: Vec<&str> = properties.iter().filter(|p| p.required).map(|p| p.key).collect();
    let mut members = Map::new();
    for mut p in properties {
        if let Json::Object(schema) = &mut p.schema {
            schema.insert("description".into(), p.doc.trim().into());
        }
        members.insert(p.key.into(), p.schema);
    }
    let mut schema = json!({"type": "object", "description": doc.trim(), "properties": members});
    if openness == Openness::Strict {
        schema["additionalProperties"] = false.into();
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Declares a section: its structure, how it is read, and its schema.
macro_rules! section {
    ($(#[doc = $doc:literal])+ $openness:ident $name:ident {
        $($(#[doc = $fdoc:literal])+ $key:literal $field:ident: $ty:ty,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $ty,)+
        }

        impl $crate::stackfile::reader::Read for $name {
            fn read(
                node: &$crate::stackfile::tree::Node,
                cx: &mut $crate::stackfile::reader::Context,
            ) -> Option<Self> {
                use $crate::stackfile::reader::{Check as _, Field, Openness};
                let members = cx.map(node)?;
                let before = cx.errors();
                cx.strangers(members, &[$($key),+], Openness::$openness);
                $(let $field = <$ty as Field>::take($key, node.get($key), node, cx);)+
                let section = Self { $($field: $field?,)+ };
                if cx.errors() == before {
                    section.check(&node.place, cx);
                }
                Some(section)
            }

            fn schema() -> serde_json::Value {
                use $crate::stackfile::reader::{Field, Openness, Property, object_schema};
                object_schema(concat!($($doc),+), Openness::$openness, vec![
                    $(Property {
                        key: $key,
                        schema: <$ty as Field>::schema(),
                        doc: concat!($($fdoc),+),
                        required: <$ty as Field>::REQUIRED,
                    },)+
                ])
            }
        }
    };
}
pub(super) use section;

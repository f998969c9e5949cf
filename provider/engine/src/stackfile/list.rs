//! A list as a value of its own, where a map has lists as values.

use std::ops::Deref;

use serde_json::{Value as Json, json};

use super::reader::{Context, Field, Read, Spanned};
use super::tree::{Kind, Node};

/// Items of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemList<T>(pub Vec<Spanned<T>>);

impl<T> Deref for ItemList<T> {
    type Target = [Spanned<T>];
    fn deref(&self) -> &[Spanned<T>] {
        &self.0
    }
}

impl<T: Read> Read for ItemList<T> {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        match &node.kind {
            Kind::List(items) => {
                let read = |(i, item): (usize, &Node)| cx.in_item(i, |cx| super::reader::read_spanned(item, cx));
                Some(Self(items.iter().enumerate().filter_map(read).collect()))
            }
            _ => cx.wrong_kind(node, "a list (`- item` or `[item]`)"),
        }
    }
    fn schema() -> Json {
        json!({"type": "array", "items": <Spanned<T> as Field>::schema()})
    }
}

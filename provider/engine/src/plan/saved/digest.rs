//! Keyed digests of what a plan was made from.
//!
//! The key is in the home folder and the plan's own salt is part of it: whoever holds a plan alone cannot try out what
//! a short secret may have been, and two plans of the same things share no digest (`tests`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::{Ownership, Secret, Value};

use crate::plan::Observed;
use crate::program::{Declared, Expr, Program};

/// Makes the digests of one plan.
pub(crate) struct Digester(hmac::Key);

impl Digester {
    /// For a plan with this salt.
    pub(crate) fn new(key: &Secret<String>, salt: &str) -> Self {
        let home = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&home, salt.as_bytes()).as_ref()))
    }

    fn of(&self, kind: &str, feed: impl FnOnce(&mut Feed)) -> String {
        let mut into = Feed(hmac::Context::with_key(&self.0));
        into.text('k', kind);
        feed(&mut into);
        STANDARD.encode(into.0.sign().as_ref())
    }

    /// Of bytes.
    pub(crate) fn bytes(&self, kind: &str, bytes: &[u8]) -> String {
        self.of(kind, |into| into.part('b', bytes))
    }

    /// Of what a read gave; `None` when it could not be read.
    pub(crate) fn observed(&self, observed: &Observed) -> Option<String> {
        match observed {
            Observed::Absent => Some(self.bytes("absent", &[])),
            Observed::Unreachable => Some(self.bytes("unreachable", &[])),
            Observed::Unread(_) => None,
            Observed::Found(found) => Some(self.of("found", |into| {
                into.text('i', &found.known.id);
                into.value(&found.known.inputs);
                into.value(&found.known.outputs);
                into.ownership(&found.ownership);
            })),
        }
    }

    /// Of everything that is wanted. Where it stands in the file and how long it may take are no part of it.
    pub(crate) fn program(&self, program: &Program) -> String {
        self.of("program", |into| {
            into.text('s', &program.stack.to_string());
            program.resources.iter().for_each(|d| into.declared(d));
            for output in &program.outputs {
                into.text('o', &format!("{}.{}", output.component, output.name));
                into.expr(&output.value);
            }
        })
    }
}

/// What goes into a digest; each part with its kind and length, so that no two contents give the same bytes.
struct Feed(hmac::Context);

impl Feed {
    fn part(&mut self, kind: char, bytes: &[u8]) {
        self.0.update(&[kind as u8]);
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, kind: char, text: &str) {
        self.part(kind, text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.part('0', &[]),
            Value::Bool(b) => self.part('t', &[u8::from(*b)]),
            Value::Integer(n) => self.part('n', &n.to_be_bytes()),
            Value::Number(n) => self.part('f', &n.to_be_bytes()),
            Value::String(text) => self.text('s', text),
            Value::Sealed(ciphertext) => self.text('c', ciphertext),
            Value::Unknown => self.part('u', &[]),
            Value::Secret(inner) => {
                self.part('x', &[]);
                self.value(inner.expose());
            }
            Value::List(list) => {
                self.part('l', &(list.len() as u64).to_be_bytes());
                list.iter().for_each(|v| self.value(v));
            }
            Value::Map(map) => {
                self.part('m', &(map.len() as u64).to_be_bytes());
                for (key, value) in map {
                    self.text('y', key);
                    self.value(value);
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Value(value) => self.value(value),
            Expr::Ref { urn, path } => {
                self.text('r', urn.as_str());
                path.iter().for_each(|step| self.text('p', step));
            }
            Expr::Format(parts) | Expr::List(parts) => {
                self.part(if matches!(expr, Expr::List(_)) { 'L' } else { 'F' }, &(parts.len() as u64).to_be_bytes());
                parts.iter().for_each(|p| self.expr(p));
            }
            Expr::Map(members) => {
                self.part('M', &(members.len() as u64).to_be_bytes());
                for (key, member) in members {
                    self.text('y', key);
                    self.expr(member);
                }
            }
        }
    }

    fn declared(&mut self, declared: &Declared) {
        let Declared { urn, component, inputs, depends_on, protect, retain_on_delete, import, deleted_with, .. } =
            declared;
        self.text('d', urn.as_str());
        self.text('q', component.as_str());
        self.expr(inputs);
        depends_on.iter().for_each(|target| self.text('a', target.as_str()));
        self.part('g', &[u8::from(*protect), u8::from(*retain_on_delete)]);
        self.text('j', import.as_deref().unwrap_or_default());
        self.text('w', deleted_with.as_ref().map_or("", |target| target.as_str()));
    }

    fn ownership(&mut self, ownership: &Ownership) {
        match ownership {
            Ownership::Ours { lineage } => self.text('1', &lineage.0),
            Ownership::Unmarked => self.part('2', &[]),
            Ownership::Derived => self.part('3', &[]),
            Ownership::Other { stack, urn } => {
                self.text('4', stack);
                self.text('5', urn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::provider::{Found, Known};

    fn found(outputs: Value) -> Observed {
        let known = Known { id: "i".into(), inputs: Value::map(), outputs };
        Observed::Found(Box::new(Found { known, ownership: Ownership::Unmarked, changed_by: None }))
    }

    #[test]
    fn every_kind_of_value_counts() {
        let digester = Digester::new(&Secret::from("key"), "salt");
        let one = |v: Value| Value::Map([("k".to_owned(), v)].into());
        let all = [
            one(Value::Null),
            one(Value::from("1")),
            one(Value::from(1)),
            one(Value::Number(1.0)),
            one(Value::from(true)),
            one(Value::from("1").into_secret()),
            one(Value::Sealed("1".into())),
            one(Value::Unknown),
            one(Value::List(vec!["1".into()])),
            one(Value::List(vec!["1".into(), Value::Null])),
            Value::map(),
        ];
        let digests: std::collections::BTreeSet<_> = all.iter().map(|v| digester.observed(&found(v.clone()))).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(digester.observed(&Observed::Unread("x".into())), None);
        assert_ne!(digester.observed(&Observed::Absent), digester.observed(&found(Value::Null)));
    }

    #[test]
    fn key_and_salt_are_part_of_every_digest() {
        let make = |key: &str, salt: &str| Digester::new(&Secret::from(key), salt).bytes("fact", b"hunter2");
        assert_eq!(make("a", "b"), make("a", "b"));
        assert!(make("a", "b") != make("a", "c") && make("a", "b") != make("c", "b"));
    }
}

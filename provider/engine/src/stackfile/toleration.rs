//! Tolerations and pull secrets of pods, as in Kubernetes.

use mops_core::Place;
use serde_json::{Map, Value as Json, json};

use super::reader::{Check, Context, Read, Spanned, section};
use super::rule::{LabelKey, LabelValue, ObjectName};
use super::scalar::{Whole, words};
use super::taint::{Effect, Taint};
use super::tree::{Kind, Node};

words! {
    /// How a toleration compares.
    TolerationOperator {
        /// Key and value.
        "Equal" Equal,
        /// Key alone.
        "Exists" Exists,
    }
}

section! {
    /// A taint that pods bear.
    Strict Toleration {
        /// Key; without it, every taint.
        "key" key: Option<Spanned<LabelKey>>,
        /// How it compares; default `Equal`.
        "operator" operator: Option<Spanned<TolerationOperator>>,
        /// Value.
        "value" value: Option<Spanned<LabelValue>>,
        /// Effect; without it, every effect.
        "effect" effect: Option<Spanned<Effect>>,
        /// How long `NoExecute` is borne.
        "tolerationSeconds" toleration_seconds: Option<Spanned<Whole<0, 31_536_000>>>,
    }
}

impl Check for Toleration {
    fn check(&self, place: &Place, cx: &mut Context) {
        let exists = self.operator.as_ref().is_some_and(|o| o.value == TolerationOperator::Exists);
        if let (true, Some(value)) = (exists, &self.value) {
            cx.error(&value.place, "`operator: Exists` takes no `value`", "delete `value`, or write `operator: Equal`");
        }
        if !exists && self.key.is_none() {
            cx.error(place, "a toleration without `key` needs `operator: Exists`", "add `key`, or `operator: Exists`");
        }
        if let Some(seconds) = &self.toleration_seconds
            && self.effect.as_ref().is_none_or(|e| e.value != Effect::NoExecute)
        {
            cx.error(
                &seconds.place,
                "`tolerationSeconds` needs `effect: NoExecute`",
                "add the effect, or delete the seconds",
            );
        }
    }
}

impl Toleration {
    /// Whether a pod with it bears a taint.
    #[must_use]
    pub fn bears(&self, taint: &Taint) -> bool {
        let key = self.key.as_ref().is_none_or(|key| key.as_str() == taint.key);
        let effect = self.effect.as_ref().is_none_or(|effect| effect.value == taint.effect);
        let exists = self.operator.as_ref().is_some_and(|o| o.value == TolerationOperator::Exists);
        let value = self.value.as_ref().map_or("", |value| value.as_str());
        key && effect && (exists || value == taint.value)
    }

    /// The toleration as Kubernetes takes it.
    #[must_use]
    pub fn object(&self) -> Json {
        let mut object = Map::new();
        let mut put = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        put("key", self.key.as_ref().map(|k| k.as_str().into()));
        put("operator", self.operator.as_ref().map(|o| o.as_str().into()));
        put("value", self.value.as_ref().map(|v| v.as_str().into()));
        put("effect", self.effect.as_ref().map(|e| e.as_str().into()));
        put("tolerationSeconds", self.toleration_seconds.as_ref().map(|s| s.0.into()));
        Json::Object(object)
    }
}

section! {
    /// A Secret, by name.
    Strict SecretName {
        /// Its name.
        "name" name: Spanned<ObjectName>,
    }
}
impl Check for SecretName {}

/// A Secret to pull with: `{name: NAME}` as in Kubernetes, or the name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSecretRef(pub String);

impl Read for PullSecretRef {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        match node.kind {
            Kind::Map(_) => SecretName::read(node, cx).map(|s| Self(s.name.as_str().to_owned())),
            _ => ObjectName::read(node, cx).map(|n| Self(n.as_str().to_owned())),
        }
    }
    fn schema() -> Json {
        json!({"anyOf": [ObjectName::schema(), SecretName::schema()]})
    }
}

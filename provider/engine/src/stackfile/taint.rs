//! Taints of a node pool, in the three spellings that the original accepted.

use serde_json::{Value as Json, json};

use super::reader::{Check, Context, Read, Spanned, section};
use super::rule::{LabelKey, LabelValue};
use super::scalar::words;
use super::tree::{Kind, Node, clip};

words! {
    /// What a taint does.
    Effect {
        /// New pods stay away.
        "NoSchedule" NoSchedule,
        /// New pods stay away if they can.
        "PreferNoSchedule" PreferNoSchedule,
        /// Running pods leave as well.
        "NoExecute" NoExecute,
    }
}

/// A taint in the form that AKS takes: `key=value:Effect`, or `key:Effect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value, possibly empty.
    pub value: String,
    /// Effect.
    pub effect: Effect,
}

impl Taint {
    /// The text that AKS takes.
    #[must_use]
    pub fn text(&self) -> String {
        let effect = self.effect.as_str();
        if self.value.is_empty() {
            format!("{}:{effect}", self.key)
        } else {
            format!("{}={}:{effect}", self.key, self.value)
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (pair, effect) = text.rsplit_once(':')?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let effect = [Effect::NoSchedule, Effect::PreferNoSchedule, Effect::NoExecute]
            .into_iter()
            .find(|e| e.as_str() == effect)?;
        let (key, value) = (LabelKey::new(key)?, LabelValue::new(value)?);
        Some(Self { key: key.as_str().to_owned(), value: value.as_str().to_owned(), effect })
    }
}

section! {
    /// A taint, key by key.
    Strict TaintMap {
        /// Key.
        "key" key: Spanned<LabelKey>,
        /// Value; may be left out.
        "value" value: Option<Spanned<LabelValue>>,
        /// What the taint does.
        "effect" effect: Spanned<Effect>,
    }
}
impl Check for TaintMap {}

impl Read for Taint {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let Kind::Scalar { text, .. } = &node.kind else {
            let map = TaintMap::read(node, cx)?;
            let value = map.value.map_or_else(String::new, |v| v.as_str().to_owned());
            return Some(Self { key: map.key.as_str().to_owned(), value, effect: map.effect.value });
        };
        let taint = Self::parse(text);
        if taint.is_none() {
            let name = cx.name();
            let summary = format!("{name} is `{}`, not a taint", clip(text));
            let hint = "write `key=value:Effect` or `key:Effect`; effects are NoSchedule, PreferNoSchedule, NoExecute";
            cx.error(&node.place, summary, hint);
        }
        taint
    }
    fn schema() -> Json {
        let text = json!({"type": "string", "pattern": "^[^=:]+(=[^:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$"});
        json!({"anyOf": [text, TaintMap::schema()]})
    }
}

#[cfg(test)]
mod tests {
    use super::Taint;

    #[test]
    fn taints_come_back_as_they_were() {
        for good in ["sku=gpu:NoSchedule", "a.io/b:NoExecute", "k=v:PreferNoSchedule"] {
            assert_eq!(Taint::parse(good).unwrap().text(), good);
        }
        for bad in ["", "a", "a=b", "a=b:No", "=b:NoSchedule", "a b=c:NoSchedule", "a=b:noschedule"] {
            assert_eq!(Taint::parse(bad), None, "{bad}");
        }
    }
}

//! Scheduler and workers: image, amounts, environment.

use mops_core::Place;
use serde_json::{Value as Json, json};

use super::reader::{Check, Context, Read, Spanned, read_spanned, section};
use super::rule::{ImageName, LabelKey, Quantity, VariableName};
use super::scalar::{Literal, Whole};
use super::tree::{Kind, Node, clip};

/// Amounts by name, for example `cpu` and `nvidia.com/gpu`.
pub(super) type Amounts = Vec<(String, Spanned<Quantity>)>;

/// What a container asks for and may use at most. The flat form of the original sets both.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Resources {
    /// Asked for.
    pub requests: Vec<(String, Spanned<Quantity>)>,
    /// At most.
    pub limits: Vec<(String, Spanned<Quantity>)>,
}

impl Read for Resources {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let members = cx.map(node)?;
        let nested = |text: &str| matches!(text, "requests" | "limits");
        if !members.is_empty() && members.iter().all(|(k, _)| nested(&k.text)) {
            let mut part = |key: &str| node.get(key).map_or_else(Vec::new, |n| cx.in_key(key, |cx| amounts(n, cx)));
            return Some(Self { requests: part("requests"), limits: part("limits") });
        }
        let flat = amounts(node, cx);
        Some(Self { requests: flat.clone(), limits: flat })
    }
    fn schema() -> Json {
        let flat = json!({"type": "object", "additionalProperties": {"type": ["string", "number"]}});
        let nested =
            json!({"type": "object", "properties": {"requests": flat, "limits": flat}, "additionalProperties": false});
        json!({"anyOf": [nested, flat]})
    }
}

fn amounts(node: &Node, cx: &mut Context) -> Amounts {
    let mut found = Amounts::new();
    for (key, value) in cx.map(node).unwrap_or_default() {
        if LabelKey::new(key.text.clone()).is_none() {
            let summary = format!("`{}` is not the name of a resource", clip(&key.text));
            cx.error(&key.place, summary, "use `cpu`, `memory`, `ephemeral-storage` or `nvidia.com/gpu`");
        } else if let Some(amount) = cx.in_key(&key.text, |cx| read_spanned(value, cx)) {
            found.push((key.text.clone(), amount));
        }
    }
    found
}

/// Variables of a container, as a map or as a list of `{name, value}`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Environment(pub Vec<(String, String)>);

section! {
    /// One variable.
    Strict Variable {
        /// Its name.
        "name" name: Spanned<VariableName>,
        /// Its value.
        "value" value: Option<Spanned<Literal>>,
    }
}
impl Check for Variable {}

impl Read for Environment {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let mut found: Vec<(String, String, Place)> = Vec::new();
        match &node.kind {
            Kind::Map(members) => {
                for (key, value) in members {
                    if VariableName::new(key.text.clone()).is_none() {
                        let summary = format!("`{}` is not the name of a variable", clip(&key.text));
                        cx.error(&key.place, summary, "use letters, digits and `_`, not a digit first");
                    } else if let Some(text) = cx.in_key(&key.text, |cx| Literal::read(value, cx)) {
                        found.push((key.text.clone(), text.0, key.place.clone()));
                    }
                }
            }
            Kind::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    if let Some(one) = cx.in_item(i, |cx| Variable::read(item, cx)) {
                        let text = one.value.map_or_else(String::new, |v| v.value.0);
                        found.push((one.name.as_str().to_owned(), text, one.name.place));
                    }
                }
            }
            Kind::Scalar { .. } => return cx.wrong_kind(node, "a map of variables"),
        }
        for (i, (name, text, place)) in found.iter().enumerate() {
            warn_of_secret(name, text, place, cx);
            if found[..i].iter().any(|(other, ..)| other == name) {
                let summary = format!("the variable `{}` stands here twice", clip(name));
                cx.error(place, summary, "delete one of them");
            }
        }
        Some(Self(found.into_iter().map(|(name, text, _)| (name, text)).collect()))
    }
    fn schema() -> Json {
        let map = json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}});
        json!({"anyOf": [map, {"type": "array", "items": Variable::schema()}]})
    }
}

/// A variable that is called like a secret and has a value is probably one: everybody who may read pods sees it.
fn warn_of_secret(name: &str, text: &str, place: &Place, cx: &mut Context) {
    let upper = name.to_ascii_uppercase();
    let called_so = ["_TOKEN", "_SECRET", "_PASSWORD", "_API_KEY", "_ACCESS_KEY", "CONNECTION_STRING"];
    if !text.is_empty() && called_so.iter().any(|end| upper.ends_with(end)) {
        let summary = format!("`{}` looks like a secret and stands here in clear", clip(name));
        cx.warning(place, summary, "take it out of the file; a Secret in the cluster is where pods should get it from");
    }
}

section! {
    /// The scheduler.
    Tolerant Scheduler {
        /// Its image.
        "image" image: Spanned<ImageName>,
        /// How many; default 1.
        "replicas" replicas: Option<Spanned<Whole<0, 10>>>,
        /// What it asks for.
        "resources" resources: Option<Spanned<Resources>>,
        /// Further variables.
        "env" env: Option<Spanned<Environment>>,
    }
}
impl Check for Scheduler {}

section! {
    /// The workers.
    Tolerant Workers {
        /// Their image.
        "image" image: Spanned<ImageName>,
        /// How many; with autoscaling the number at the beginning.
        "replicas" replicas: Option<Spanned<Whole<0, 10_000>>>,
        /// Fewest; together with `max_replicas`.
        "min_replicas" min_replicas: Option<Spanned<Whole<1, 10_000>>>,
        /// Most.
        "max_replicas" max_replicas: Option<Spanned<Whole<1, 10_000>>>,
        /// What each asks for.
        "resources" resources: Option<Spanned<Resources>>,
        /// Processes of a worker.
        "processes" processes: Option<Spanned<Whole<1, 1024>>>,
        /// Threads of a process.
        "threads" threads: Option<Spanned<Whole<1, 1024>>>,
        /// Further variables.
        "env" env: Option<Spanned<Environment>>,
    }
}

impl Check for Workers {
    fn check(&self, _: &Place, cx: &mut Context) {
        match (&self.replicas, &self.min_replicas, &self.max_replicas) {
            (Some(replicas), Some(_), _) | (Some(replicas), _, Some(_)) => {
                let summary = "workers have both `replicas` and `min_replicas` or `max_replicas`";
                cx.error(&replicas.place, summary, "keep `replicas`, or `min_replicas` and `max_replicas`");
            }
            (None, Some(min), Some(max)) if min.0 > max.0 => {
                let summary = format!("min_replicas ({}) is greater than max_replicas ({})", min.0, max.0);
                cx.error(&min.place, summary, "lower `min_replicas` or raise `max_replicas`");
            }
            (None, Some(one), None) => {
                cx.error(&one.place, "`min_replicas` needs `max_replicas`", "add `max_replicas`")
            }
            (None, None, Some(one)) => {
                cx.error(&one.place, "`max_replicas` needs `min_replicas`", "add `min_replicas`")
            }
            _ => {}
        }
    }
}

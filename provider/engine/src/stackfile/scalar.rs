//! Single values: texts, numbers, truth values, durations, and words of a fixed list.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::reader::{Context, Read};
use super::tree::{Node, clip};
use mops_core::nearest;

/// Any text that is not empty. Words such as `NO` stay text.
impl Read for String {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "a text")?;
        if text.trim().is_empty() {
            let name = cx.name();
            cx.error(&node.place, format!("{name} is empty"), "write a text, or delete the key");
            return None;
        }
        Some(text.to_owned())
    }
    fn schema() -> Json {
        json!({"type": ["string", "number", "boolean"]})
    }
}

/// A text that may be empty: the value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal(pub String);

impl Read for Literal {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        cx.scalar(node, "a text").map(|(text, _)| Self(if node.is_null() { String::new() } else { text.to_owned() }))
    }
    fn schema() -> Json {
        json!({"type": ["string", "number", "boolean", "null"]})
    }
}

/// A whole number in decimal digits; quotes are allowed, as the original's loader did.
pub(super) fn integer(node: &Node, cx: &mut Context, range: (i64, i64)) -> Option<i64> {
    let (text, _) = cx.scalar(node, "a whole number")?;
    let (name, shown) = (cx.name(), clip(text));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i64>().ok());
    match number.flatten() {
        Some(_) if digits.len() > 1 && digits.starts_with('0') => {
            cx.error(
                &node.place,
                format!("{name} is `{shown}`; numbers with a leading zero mean different things to different readers"),
                "write it without the zero",
            );
            None
        }
        Some(n) if n < range.0 || n > range.1 => {
            let (low, high) = range;
            let rule = if high == i64::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
            cx.error(&node.place, format!("{name} is {n}; allowed is {rule}"), format!("use {rule}"));
            None
        }
        Some(n) => Some(n),
        None => {
            cx.error(
                &node.place,
                format!("{name} is `{shown}`, not a whole number"),
                "write digits only, for example 2",
            );
            None
        }
    }
}

/// A whole number within limits that stand in its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const LOW: i64, const HIGH: i64>(pub i64);

impl<const LOW: i64, const HIGH: i64> Read for Whole<LOW, HIGH> {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        integer(node, cx, (LOW, HIGH)).map(Self)
    }
    fn schema() -> Json {
        let mut schema = json!({"type": "integer", "minimum": LOW});
        if HIGH != i64::MAX {
            schema["maximum"] = HIGH.into();
        }
        schema
    }
}

/// Truth values in all spellings of YAML 1.1, as the original's loader took them.
impl Read for bool {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "`true` or `false`")?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => {
                let name = cx.name();
                let summary = format!("{name} is `{}`, neither true nor false", clip(text));
                cx.error(&node.place, summary, "write `true` or `false`");
                None
            }
        }
    }
    fn schema() -> Json {
        json!({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off", "y", "n"]}]})
    }
}

/// A length of time such as `90d`, `12h`, `5m` or `1d12h`; never zero.
impl Read for Duration {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "a duration such as `90d`")?;
        let parsed = parse_duration(text);
        if parsed.is_none() {
            let name = cx.name();
            let summary = format!("{name} is `{}`, not a duration", clip(text));
            cx.error(&node.place, summary, "write a number and a unit of d, h, m or s, for example `90d` or `1d12h`");
        }
        parsed
    }
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^([0-9]+[dhms])+$"})
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (mut total, mut digits) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    // A century is more than any service takes, and keeps later arithmetic from overflowing.
    (digits.is_empty() && total > 0 && total <= 36_500 * 86_400).then(|| Duration::from_secs(total))
}

/// One word of a list; case counts.
pub(super) fn word<T: Copy>(node: &Node, cx: &mut Context, words: &[(&str, T)]) -> Option<T> {
    let (text, _) = cx.scalar(node, "a word")?;
    if let Some((_, value)) = words.iter().find(|(w, _)| *w == text) {
        return Some(*value);
    }
    let known: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
    let name = cx.name();
    let hint = match nearest(text, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", known.join(", ")),
    };
    cx.error(&node.place, format!("{name} is `{}`, not one of {}", clip(text), known.join(", ")), hint);
    None
}

/// Declares an enum whose variants are words of the file.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $vdoc:literal])+ $word:literal $variant:ident,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $vdoc])+ $variant,)+
        }

        impl $name {
            /// The word as it stands in the file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::stackfile::reader::Read for $name {
            fn read(
                node: &$crate::stackfile::tree::Node,
                cx: &mut $crate::stackfile::reader::Context,
            ) -> Option<Self> {
                $crate::stackfile::scalar::word(node, cx, &[$(($word, Self::$variant)),+])
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({"enum": [$($word),+]})
            }
        }
    };
}
pub(super) use words;

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_need_a_unit_and_are_never_zero() {
        let seconds = |text: &str| parse_duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("90d"), Some(90 * 86_400));
        assert_eq!(seconds("1d12h5m3s"), Some(86_400 + 43_200 + 303));
        for bad in ["", "0s", "5", "d", "-1d", "1w", "1 d", "99999999999999999999d", "40000d", "1d5"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}

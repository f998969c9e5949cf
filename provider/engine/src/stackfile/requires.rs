//! `requires:` — which versions of mops may run a file.

use serde_json::{Value as Json, json};

use super::reader::{Context, Read};
use super::tree::{Node, clip};

type Version = (u32, u32, u32);

/// A requirement that this version of mops meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement(pub String);

impl Read for Requirement {
    fn read(node: &Node, cx: &mut Context) -> Option<Self> {
        let (text, _) = cx.scalar(node, "a requirement such as `>=0.1`")?;
        let ours = env!("CARGO_PKG_VERSION");
        let (summary, hint) = match version(ours).and_then(|v| met(text, v)) {
            Some(true) => return Some(Self(text.to_owned())),
            Some(false) => (
                format!("this file requires mops {}; this is {ours}", clip(text)),
                "install a version that the file asks for",
            ),
            None => (format!("`requires` is `{}`, not a requirement", clip(text)), "write for example `\">=0.1\"`"),
        };
        cx.error(&node.place, summary, hint);
        None
    }
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^\\s*(>=|<=|>|<|=)?\\s*[0-9]+(\\.[0-9]+){0,2}(\\s*,.*)?$"})
    }
}

/// Whether `version` meets all comparisons of a list such as `>=0.1, <2`; `None` when the text is no such list.
fn met(text: &str, version_of_ours: Version) -> Option<bool> {
    let mut all = true;
    for part in text.split(',').map(str::trim) {
        let digits = part.trim_start_matches(['>', '<', '=']);
        let wanted = version(digits.trim())?;
        all &= match &part[..part.len() - digits.len()] {
            ">=" => version_of_ours >= wanted,
            ">" => version_of_ours > wanted,
            "<=" => version_of_ours <= wanted,
            "<" => version_of_ours < wanted,
            "=" | "" => version_of_ours == wanted,
            _ => return None,
        };
    }
    Some(all)
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|p| p.parse::<u32>().ok());
    let first = parts.next()??;
    let second = parts.next().unwrap_or(Some(0))?;
    let third = parts.next().unwrap_or(Some(0))?;
    parts.next().is_none().then_some((first, second, third))
}

#[cfg(test)]
mod tests {
    use super::met;

    #[test]
    fn requirements_compare_by_number() {
        let ours = (0, 10, 1);
        for (text, want) in [
            (">=0.1", Some(true)),
            (">=0.9, <1", Some(true)),
            ("<0.2", Some(false)),
            ("=0.10.1", Some(true)),
            ("0.10", Some(false)),
            ("~0.1", None),
            ("latest", None),
            ("", None),
            (">=1.2.3.4", None),
        ] {
            assert_eq!(met(text, ours), want, "{text}");
        }
    }
}

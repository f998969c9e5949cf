//! Label and field selectors, and the tokens of pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::status::Refusal;

/// What a list or a watch asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Term>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug)]
enum Term {
    Is(String, bool, Vec<String>),
    Has(String, bool),
}

impl Selector {
    /// Reads both texts; field selectors are those that the real server has for these kinds.
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = split(labels).into_iter().map(|t| term(&t)).collect();
        let fields = fields.split(',').filter(|t| !t.is_empty()).map(field).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is meant.
    pub(super) fn matches(&self, object: &Json) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|t| t.matches(labels))
            && self.fields.iter().all(|(path, want, value)| {
                let found = path.split('.').fold(object, |at, step| &at[step]);
                (found.as_str().unwrap_or_default() == value) == *want
            })
    }
}

impl Term {
    fn matches(&self, labels: &Json) -> bool {
        match self {
            Self::Is(key, want, values) => labels[key].as_str().is_some_and(|v| values.iter().any(|w| w == v)) == *want,
            Self::Has(key, want) => labels[key].is_string() == *want,
        }
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

fn term(text: &str) -> Term {
    let values = |list: &str| -> Vec<String> {
        list.trim().trim_matches(['(', ')']).split(',').map(|v| v.trim().to_owned()).collect()
    };
    let key = |k: &str| k.trim().to_owned();
    if let Some((k, list)) = text.split_once(" notin ") {
        Term::Is(key(k), false, values(list))
    } else if let Some((k, list)) = text.split_once(" in ") {
        Term::Is(key(k), true, values(list))
    } else if let Some((k, v)) = text.split_once("!=") {
        Term::Is(key(k), false, vec![key(v)])
    } else if let Some((k, v)) = text.split_once('=') {
        Term::Is(key(k), true, vec![key(v.trim_start_matches('='))])
    } else if let Some(k) = text.strip_prefix('!') {
        Term::Has(key(k), false)
    } else {
        Term::Has(key(text), true)
    }
}

fn field(text: &str) -> Result<(String, bool, String), Refusal> {
    let (path, want, value) = match text.split_once("!=") {
        Some((path, value)) => (path, false, value),
        None => text.split_once('=').map(|(p, v)| (p, true, v.trim_start_matches('='))).unwrap_or((text, true, "")),
    };
    let known = [
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "status.phase",
        "type",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.kind",
        "involvedObject.namespace",
        "reason",
    ];
    if !known.contains(&path) {
        return Err(Refusal::bad_request(&format!("field label not supported: {path}")));
    }
    Ok((path.to_owned(), want, value.to_owned()))
}

/// A new token: JSON in base64, as the server's are.
pub(super) fn token() -> String {
    URL_SAFE_NO_PAD.encode(json!({"page": uuid::Uuid::new_v4().simple().to_string()}).to_string())
}

/// Why a token is none at all; one that is only too old has another answer.
pub(super) fn broken_token(token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let error = serde_json::from_slice::<Json>(&bytes).err()?;
    let why = super::validate::json_error(&error, &bytes);
    Some(format!("invalid continue token: continue key is not valid: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_selector_means_what_it_says() {
        let object = json!({"metadata": {"name": "n", "labels": {"app": "dask", "tier": "gpu"}}});
        let rows = [
            ("app=dask", "", true),
            ("app==dask,tier in (cpu,gpu)", "", true),
            ("tier notin (gpu)", "", false),
            ("!missing,app", "", true),
            ("app!=dask", "", false),
            ("", "metadata.name=n", true),
            ("", "metadata.name!=n", false),
        ];
        for (labels, fields, want) in rows {
            let selector = Selector::parse(labels, fields).expect("a selector");
            assert_eq!(selector.matches(&object), want, "{labels} {fields}");
        }
        assert!(Selector::parse("", "spec.replicas=1").is_err());
    }
}

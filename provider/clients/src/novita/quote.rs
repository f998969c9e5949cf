//! What of an answer may be quoted: the words of a refusal, and of any other body its shape (V-13).

use mops_core::Secret;
use mops_wire::Response;
use mops_wire::redact::{self, MASK};
use serde_json::Value as Json;

/// Longest quotation.
const LENGTH: usize = 200;
/// Members whose words a person may read.
const WORDS: [&str; 7] = ["message", "msg", "reason", "error", "code", "state", "status"];
/// A longer word with a digit in it may be a key.
const LONGEST_WORD: usize = 24;

/// The words of a refusal without what was sent in secret, and without words that look like keys.
pub(super) fn words(text: &str, secrets: &[&Secret<String>]) -> String {
    let known = secrets.iter().map(|secret| secret.expose().as_str()).filter(|secret| !secret.is_empty());
    let text = known.fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    let plain = |word: &str| match word.len() > LONGEST_WORD && word.contains(|c: char| c.is_ascii_digit()) {
        true => MASK.to_owned(),
        false => word.to_owned(),
    };
    let words: Vec<String> = text.split(|c: char| c.is_whitespace() || c.is_control()).map(plain).collect();
    words.join(" ").trim().chars().take(LENGTH).collect()
}

/// A body by its shape: names, and the values of those that hold words for people.
pub(super) fn body(answer: &Response, secrets: &[&Secret<String>]) -> String {
    let shape = match serde_json::from_slice::<Json>(&answer.body) {
        Ok(json) => shape(&json, 0, secrets),
        Err(_) if answer.body.iter().all(u8::is_ascii_whitespace) => "an empty body".to_owned(),
        Err(_) => redact::words(&answer.body, LENGTH),
    };
    shape.chars().take(LENGTH).collect()
}

fn shape(json: &Json, depth: usize, secrets: &[&Secret<String>]) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(_) | Json::String(_) => MASK.to_owned(),
        Json::Array(items) => format!("[{} items]", items.len()),
        Json::Object(_) if depth > 1 => "{…}".to_owned(),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| {
                let said = WORDS.contains(&name.as_str()) && (value.is_string() || value.is_number());
                let value = match value {
                    Json::String(text) if said => format!("\"{}\"", words(text, secrets)),
                    number if said => number.to_string(),
                    other => shape(other, depth + 1, secrets),
                };
                format!("\"{}\": {value}", words(name, secrets))
            };
            format!("{{{}}}", members.iter().take(12).map(member).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Response {
        Response {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
            url: mops_wire::Url::parse("https://api.novita.ai/").unwrap(),
            certificate_ends: None,
        }
    }

    #[test]
    fn v_13_a_body_is_quoted_by_its_shape() {
        let text =
            r#"{"message": "moved", "code": 7, "password": "canary", "data": {"a": ["canary"], "b": {"c": {}}}}"#;
        let quoted = body(&answer(text), &[]);
        assert!(quoted.contains("\"message\": \"moved\"") && quoted.contains("\"code\": 7"), "{quoted}");
        assert!(quoted.contains("[1 items]") && !quoted.contains("canary"), "{quoted}");
        assert_eq!(body(&answer(" "), &[]), "an empty body");
        let page = body(&answer("<html> token=canary12345 sign in</html>"), &[]);
        assert!(page.contains("<html>") && !page.contains("canary"), "{page}");
    }

    #[test]
    fn v_13_words_hold_nothing_that_was_sent_in_secret() {
        let (key, password) = (Secret::from("canary-key"), Secret::from("canary password"));
        let text = "bad canary-key for canary password, or sk_0123456789012345678901234567";
        let said = words(text, &[&key, &password]);
        assert_eq!(said, "bad [masked] for [masked], or [masked]");
    }
}

//! Finds a secret in any bytes, in every form in which programs write text: as it is, in base64 at any alignment and
//! in both alphabets, in hexadecimal, percent-encoded, and escaped as JSON (`tests`).

use std::collections::BTreeSet;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// Shorter texts would be found by accident.
pub const SHORTEST: usize = 12;

/// One secret that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The name of the secret, never its value.
    pub secret: String,
    /// How it was written.
    pub form: &'static str,
}

/// Looks for secrets; they are known to it by a name, so that a finding can be printed.
#[derive(Default)]
pub struct Scanner {
    needles: Vec<(String, &'static str, Vec<u8>)>,
    secrets: Vec<String>,
}

impl Scanner {
    /// Adds a secret under a name.
    ///
    /// # Panics
    /// When it is too short to be found without accidents.
    pub fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= SHORTEST, "`{name}` is too short to look for");
        if self.secrets.iter().any(|known| known == secret) {
            return;
        }
        self.secrets.push(secret.to_owned());
        self.needles.extend(forms(secret.as_bytes()).into_iter().map(|(form, text)| (name.to_owned(), form, text)));
    }

    /// How many secrets it knows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Every secret in every form that occurs.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<Hit> {
        let found = self.needles.iter().filter(|(_, _, needle)| contains(bytes, needle));
        let mut hits: Vec<Hit> = found.map(|(secret, form, _)| Hit { secret: secret.clone(), form }).collect();
        hits.dedup();
        hits
    }
}

/// A needle in a haystack; the first byte is looked for by itself, which is what makes it quick.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return false };
    let mut at = bytes;
    while let Some(found) = at.iter().position(|b| b == first) {
        at = &at[found + 1..];
        if at.starts_with(rest) {
            return true;
        }
    }
    false
}

fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let percent = percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let json = serde_json::to_string(&String::from_utf8_lossy(secret)).unwrap_or_default();
    let mut all = vec![
        ("raw", secret.to_vec()),
        ("hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("percent", percent.to_lowercase().into_bytes()),
        ("percent", percent.into_bytes()),
        ("json", json.trim_matches('"').as_bytes().to_vec()),
        ("json", json.trim_matches('"').replace('/', "\\/").into_bytes()),
    ];
    for before in 0..3 {
        all.push(("base64", aligned(&STANDARD_NO_PAD, secret, before)));
        all.push(("base64url", aligned(&URL_SAFE_NO_PAD, secret, before)));
    }
    // What is written like an earlier form is that form.
    let mut known = BTreeSet::new();
    all.retain(|(_, text)| known.insert(text.clone()));
    all
}

/// The characters that stand for the secret alone when so many bytes come before it.
fn aligned(engine: &impl base64::Engine, secret: &[u8], before: usize) -> Vec<u8> {
    let text = engine.encode([&vec![0; before], secret].concat());
    let (first, last) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
    text.as_bytes()[first..last].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    /// With characters that every form writes in its own way.
    const SECRET: &str = "can\"ary/+&=\u{fc}?>~0123456789";

    fn scanner() -> Scanner {
        let mut scanner = Scanner::default();
        scanner.add("one", SECRET);
        scanner
    }

    fn found(text: impl AsRef<[u8]>) -> Vec<&'static str> {
        scanner().find(text.as_ref()).into_iter().map(|hit| hit.form).collect()
    }

    #[test]
    fn every_form_is_found() {
        assert_eq!(found(format!("password: {SECRET}!")), ["raw"]);
        assert_eq!(found(serde_json::json!({"a": SECRET}).to_string()), ["json"]);
        assert_eq!(found(percent_encode(SECRET.as_bytes(), NON_ALPHANUMERIC).to_string()), ["percent"]);
        let hex: String = SECRET.bytes().map(|b| format!("{b:02X}")).collect();
        assert_eq!(found(hex.to_lowercase()), ["hex"]);
        assert_eq!(found(hex), ["hex"]);
    }

    #[test]
    fn base64_is_found_whatever_stands_before_and_after() {
        for before in ["", "u", "us", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let whole = format!("{before}{SECRET}{after}");
                assert!(found(STANDARD.encode(&whole)).contains(&"base64"), "{before} {after}");
                assert!(found(URL_SAFE.encode(&whole)).contains(&"base64url"), "{before} {after}");
            }
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let other = SECRET.replace('5', "8");
        for text in [other.clone(), STANDARD.encode(&other), SECRET[..SECRET.len() - 1].to_owned(), String::new()] {
            assert_eq!(found(&text), Vec::<&str>::new(), "{text}");
        }
    }
}

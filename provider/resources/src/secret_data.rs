//! The content of a Secret: what may go in, what state keeps of it, and whether what is there is it.
//!
//! Guarantees three things: state holds fingerprints and never a value from a source, a fingerprint
//! stays while its value stays, and a Secret that is too large is refused with the key that is (`tests`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::fingerprint::Fingerprint;
use mops_core::source::MIN_SOURCE_LENGTH;
use mops_core::{Class, Error, Secret, SecretInput};
use mops_host::random;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::resource::{Cx, Findings, Offline};

/// The most that the API server takes for the data of a Secret, in bytes.
pub(crate) const LIMIT: usize = 1 << 20;

/// Values in clear, by key; alive only while a call runs.
pub(crate) type Values = BTreeMap<String, Secret<String>>;
/// What state keeps of them.
pub(crate) type Fingerprints = BTreeMap<String, Fingerprint>;

/// What stands in the inputs as read where another value than the declared one was found. The
/// found value itself is not ours to keep.
const DRIFTED: &str = "another value than the declared one";

/// Whether a text can be a key of a Secret.
pub(crate) fn is_key(key: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=253).contains(&key.len()) && key.chars().all(good)
}

/// Checks keys, sources and size as far as values are known.
pub(crate) fn check(property: &str, data: &BTreeMap<String, SecretInput>, cx: &Offline<'_>, findings: &mut Findings) {
    let mut sizes: Vec<(usize, &str)> = Vec::new();
    for (key, input) in data {
        let path = format!("{property}.{key}");
        if !is_key(key) {
            let reason = format!("`{key}` is not a key of a secret");
            findings.refuse(&path, reason, "letters, digits, `-`, `_` and `.`");
        }
        check_source(&path, input, cx, findings);
        sizes.push((known_size(input, cx), key));
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    if total > LIMIT {
        let largest = sizes.iter().max().copied().unwrap_or_default();
        findings.refuse(
            &format!("{property}.{}", largest.1),
            too_large(total, largest),
            "split it into several secrets, or put the large part into storage",
        );
    }
}

/// A source that is absent is a note in a preview and a failure before anything is written.
pub(crate) fn check_source(path: &str, input: &SecretInput, cx: &Offline<'_>, findings: &mut Findings) {
    let SecretInput::Source(source) = input else { return };
    let Err(reason) = mops_host::source::present(source, cx.env) else { return };
    if cx.preview {
        findings.notes.push(format!("`{path}`: {reason}"));
    } else {
        findings.refuse(path, reason, "provide it, and run the same command again");
    }
}

fn known_size(input: &SecretInput, cx: &Offline<'_>) -> usize {
    match input {
        SecretInput::Value(value) => value.expose().len(),
        SecretInput::Source(source) => mops_host::source::resolve(source, cx.env).map_or(0, |v| v.expose().len()),
    }
}

fn too_large(total: usize, (size, key): (usize, &str)) -> String {
    format!("the secret holds {total} bytes, `{key}` alone {size}; a cluster takes at most {LIMIT}")
}

/// All values, resolved.
pub(crate) async fn resolve(cx: &Cx<'_>, data: &BTreeMap<String, SecretInput>) -> Result<Values, Error> {
    let mut values = Values::new();
    for (key, input) in data {
        values.insert(key.clone(), cx.services.resolve(input).await?);
    }
    refuse_too_large(&values)?;
    Ok(values)
}

/// The check of the plan once more, now that every value is known.
pub(crate) fn refuse_too_large(values: &Values) -> Result<(), Error> {
    let total: usize = values.values().map(|v| v.expose().len()).sum();
    if total <= LIMIT {
        return Ok(());
    }
    let largest = values.iter().map(|(key, v)| (v.expose().len(), key.as_str())).max().unwrap_or_default();
    Err(Error::new(Class::User, too_large(total, largest))
        .hint("split it into several secrets, or put the large part into storage"))
}

/// The `data` of the object.
pub(crate) fn encoded(values: &Values) -> Json {
    let map: Map<String, Json> =
        values.iter().map(|(key, value)| (key.clone(), json!(STANDARD.encode(value.expose())))).collect();
    Json::Object(map)
}

/// A value of a live object; `None` when the key is not there or no text.
pub(crate) fn live_value(live: &Json, key: &str) -> Option<Secret<String>> {
    let bytes = STANDARD.decode(live["data"][key].as_str()?).ok()?;
    String::from_utf8(bytes).ok().map(Secret::new)
}

/// Fingerprints of the values; that of an unchanged value stays.
pub(crate) fn fingerprints(values: &Values, before: &Fingerprints, live: Option<&Json>) -> Fingerprints {
    values
        .iter()
        .map(|(key, value)| {
            let old = before.get(key);
            let same = |print: &&Fingerprint| {
                print.matches(value)
                    || (is_short(value) && live.and_then(|l| live_value(l, key)).as_ref() == Some(value))
            };
            (key.clone(), old.filter(same).cloned().unwrap_or_else(|| fresh(value)))
        })
        .collect()
}

fn is_short(value: &Secret<String>) -> bool {
    value.expose().chars().count() < MIN_SOURCE_LENGTH
}

/// A short value could be guessed from its fingerprint, so it gets a random one, which only says
/// when it was last written.
fn fresh(value: &Secret<String>) -> Fingerprint {
    let salt = random::bytes::<16>();
    if is_short(value) {
        Fingerprint::new(&salt, &Secret::new(random::hex::<16>()))
    } else {
        Fingerprint::new(&salt, value)
    }
}

/// A text that is equal while all values are: for the annotation that makes pods start again.
pub(crate) fn checksum(prints: &Fingerprints) -> String {
    let text = serde_json::to_string(prints).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// The declared input when the live value is the declared one; otherwise one that differs, or
/// none when the key is gone.
pub(crate) async fn seen(
    cx: &Cx<'_>,
    declared: &SecretInput,
    live: Option<&Secret<String>>,
    print: Option<&Fingerprint>,
) -> Option<SecretInput> {
    let live = live?;
    let same = match declared {
        // the engine gives a stand-in for a value from state: only the fingerprint can tell
        SecretInput::Value(_) => print.is_none_or(|p| p.matches(live)) || is_short(live),
        SecretInput::Source(_) => match cx.services.resolve(declared).await {
            Ok(value) => value == *live,
            // a preview needs no secret at all
            Err(_) => print.is_none_or(|p| p.matches(live)),
        },
    };
    Some(if same { declared.clone() } else { SecretInput::Value(Secret::from(DRIFTED)) })
}

/// Which sources hold another value than the one that was written last.
pub(crate) fn rotated(cx: &Offline<'_>, data: &BTreeMap<String, SecretInput>, prints: &Fingerprints) -> Option<String> {
    let changed = |(key, input): (&String, &SecretInput)| {
        let SecretInput::Source(source) = input else { return None };
        let value = mops_host::source::resolve(source, cx.env).ok()?;
        let print = prints.get(key)?;
        (!print.matches(&value)).then(|| format!("`{key}` has a new value in {}", mops_host::source::name(source)))
    };
    data.iter().find_map(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Secret::from(*v))).collect()
    }

    #[test]
    fn a_fingerprint_stays_while_its_value_stays() {
        let first = values(&[("a", "a-value-long-enough"), ("b", "b-value-long-enough")]);
        let before = fingerprints(&first, &Fingerprints::new(), None);
        let second = values(&[("a", "a-value-long-enough"), ("b", "b-value-was-changed")]);
        let after = fingerprints(&second, &before, None);
        assert_eq!(before["a"], after["a"]);
        assert_ne!(before["b"], after["b"]);
        assert_ne!(checksum(&before), checksum(&after));
        assert_eq!(checksum(&before), checksum(&fingerprints(&first, &before, None)));
    }

    #[test]
    fn a_short_value_cannot_be_guessed_and_still_keeps_its_fingerprint() {
        let short = values(&[("user", "pw")]);
        let before = fingerprints(&short, &Fingerprints::new(), None);
        assert!(!before["user"].matches(&Secret::from("pw")));
        let live = json!({"data": encoded(&short)});
        assert_eq!(fingerprints(&short, &before, Some(&live)), before);
        let other = values(&[("user", "px")]);
        assert_ne!(fingerprints(&other, &before, Some(&live)), before);
    }

    #[test]
    fn the_key_that_is_too_large_is_named() {
        let big = "x".repeat(LIMIT);
        let error = refuse_too_large(&values(&[("small", "y"), ("blob", &big)])).unwrap_err();
        assert!(error.summary().contains("`blob` alone 1048576"), "{error}");
        assert!(refuse_too_large(&values(&[("blob", &big)])).is_ok());
    }
}

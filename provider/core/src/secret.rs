//! A value that must not be shown: masked in `Debug`, absent from every serialiser but our own
//! value conversion, compared in constant time, zeroed when dropped (text only; copies made by
//! TLS or the allocator are beyond its reach).

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::value::Value;

/// Name by which [`Secret`] is recognised inside our value conversion.
pub(crate) const MARK: &str = "$mops::secret";
/// What every other serialiser writes in place of a secret.
pub const MASK: &str = "[secret]";

/// Whether secrets are masked where something is shown. They always are: no switch of a build for users changes it.
#[cfg(not(failpoints))]
#[must_use]
pub const fn masked() -> bool {
    true
}

/// The same in a build with failpoints, where `MOPS_UNMASKED` takes every mask off: the search for secrets that escaped
/// must be seen to find some (`tests/secrets.rs`, R12).
#[cfg(failpoints)]
#[must_use]
pub fn masked() -> bool {
    static MASKED: std::sync::LazyLock<bool> = std::sync::LazyLock::new(unasked);
    *MASKED
}

#[cfg(failpoints)]
#[expect(clippy::disallowed_methods, reason = "a test build is asked here, below everything that reads variables")]
fn unasked() -> bool {
    std::env::var_os("MOPS_UNMASKED").is_none()
}

/// Text or structure that is shown to nobody. Read it with [`Secret::expose`], as late as possible.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value; from here on only [`Secret::expose`] gives it back.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value in clear. Every call site is a place to review.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Gives up the wrapper.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret<String> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<T: Zeroize> Zeroize for Secret<T> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Compares without an early exit, so that timing tells nothing about the common prefix.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0_u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

impl PartialEq for Secret<String> {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.0.as_bytes(), other.0.as_bytes())
    }
}
impl Eq for Secret<String> {}

impl PartialEq for Secret<Box<Value>> {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.0.canonical_json().as_bytes(), other.0.canonical_json().as_bytes())
    }
}

thread_local! {
    /// `Some` while our own value serialiser runs on this thread; a secret puts its value here
    /// and writes only the mask to the serialiser itself.
    static HANDOVER: RefCell<Option<Option<Value>>> = const { RefCell::new(None) };
}

/// Runs `body` with the handover open; used by `convert` alone.
pub(crate) fn with_handover<R>(body: impl FnOnce() -> R) -> R {
    let before = HANDOVER.with(|slot| slot.replace(Some(None)));
    let result = body();
    HANDOVER.with(|slot| *slot.borrow_mut() = before);
    result
}

/// Takes what the secret that was just serialised left behind.
pub(crate) fn take_handover() -> Option<Value> {
    HANDOVER.with(|slot| slot.borrow_mut().as_mut().and_then(Option::take))
}

impl<T: Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let open = HANDOVER.with(|slot| slot.borrow().is_some());
        if open {
            let inner = crate::convert::to_value(&self.0).map_err(serde::ser::Error::custom)?;
            HANDOVER.with(|slot| *slot.borrow_mut() = Some(Some(inner)));
        }
        serializer.serialize_newtype_struct(MARK, MASK)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: DeserializeOwned> de::Visitor<'de> for Visitor<T> {
            type Value = Secret<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
                T::deserialize(d).map(Secret)
            }
        }
        deserializer.deserialize_newtype_struct(MARK, Visitor(std::marker::PhantomData))
    }
}

impl<T> schemars::JsonSchema for Secret<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "secret": true})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_json_show_the_mask_only() {
        let s = Secret::from("hunter2-canary");
        assert_eq!(format!("{s:?}"), MASK);
        assert_eq!(serde_json::to_string(&s).unwrap(), "\"[secret]\"");
    }

    #[test]
    fn comparison_looks_at_every_byte() {
        assert_eq!(Secret::from("aaaa"), Secret::from("aaaa"));
        assert_ne!(Secret::from("aaaa"), Secret::from("aaab"));
        assert_ne!(Secret::from("aaaa"), Secret::from("aaa"));
    }
}

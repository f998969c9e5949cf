//! The two passwords of a registry's token: which of them opens it, and which one is filled next.
//!
//! Guarantees that the password in use is never the one that is filled (`tests`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// One of the two passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The first.
    Password1,
    /// The second.
    Password2,
}

impl Slot {
    /// As the service names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Password1 => "password1",
            Self::Password2 => "password2",
        }
    }

    /// The one beside it.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Password1 => Self::Password2,
            Self::Password2 => Self::Password1,
        }
    }

    /// What the service shows of it, never its value: `{name, creationTime, expiry}`; `None` while it is empty.
    pub(crate) fn entry(self, token: &Json) -> Option<&Json> {
        let list = token.pointer("/properties/credentials/passwords")?.as_array()?;
        list.iter().find(|p| p["name"] == self.name())
    }

    /// When what is in it was made, as the service writes it.
    pub(crate) fn created(self, token: &Json) -> Option<&str> {
        self.entry(token)?.get("creationTime")?.as_str()
    }
}

/// The slot to fill when nobody knows a password of the token any more: an empty one, else the one filled longer ago,
/// because the newer one is more likely to be in use somewhere.
pub(crate) fn least_used(token: &Json) -> Slot {
    match (Slot::Password1.created(token), Slot::Password2.created(token)) {
        (None, _) => Slot::Password1,
        (_, None) => Slot::Password2,
        (Some(first), Some(second)) if second < first => Slot::Password2,
        _ => Slot::Password1,
    }
}

/// The change of a token that leaves it nothing but the password in this slot; `None` when there is no other one.
pub(crate) fn only(slot: Slot, token: &Json) -> Option<Json> {
    slot.other().entry(token)?;
    let kept: Vec<&Json> = slot.entry(token).into_iter().collect();
    Some(json!({"properties": {"credentials": {"passwords": kept}}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(slots: &[(&str, &str)]) -> Json {
        let list: Vec<Json> = slots.iter().map(|(n, at)| json!({"name": n, "creationTime": at})).collect();
        json!({"properties": {"credentials": {"passwords": list}}})
    }

    #[test]
    fn an_empty_slot_is_filled_before_an_old_one() {
        assert_eq!(least_used(&token(&[])), Slot::Password1);
        assert_eq!(least_used(&token(&[("password1", "2026-01-01T00:00:00Z")])), Slot::Password2);
        assert_eq!(least_used(&token(&[("password2", "2026-01-01T00:00:00Z")])), Slot::Password1);
        let both = |first, second| least_used(&token(&[("password1", first), ("password2", second)]));
        assert_eq!(both("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), Slot::Password2);
        assert_eq!(both("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), Slot::Password1);
    }

    #[test]
    fn the_one_that_is_kept_stays_in_the_list() {
        let both = token(&[("password1", "a"), ("password2", "b")]);
        let body = only(Slot::Password2, &both).unwrap();
        assert_eq!(body["properties"]["credentials"]["passwords"], json!([{"name": "password2", "creationTime": "b"}]));
        assert_eq!(only(Slot::Password1, &token(&[("password1", "a")])), None);
    }
}

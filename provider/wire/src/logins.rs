//! Logins that hosts have refused, for a run that is repeated: services lock users out after failed logins, so that one
//! that was refused before is not sent again, and its request is answered here.
//!
//! Guarantees that what a run hears changes the next one only, and that nothing but keyed hashes is kept (`tests`,
//! `tests/diagnose/watch.rs`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use mops_core::{KeyedHash, Nonce, Secret};

use crate::ngc;
use crate::origin::Origin;
use crate::request::Request;

/// The code of a refusal that was given here and not by the service.
pub const HELD: &str = "HELD";
/// The body of such a refusal, in the form that registries have.
pub(crate) const REFUSAL: &str = r#"{"errors":[{"code":"HELD","message":"refused before, and not sent again"}]}"#;
/// What it asks for.
pub(crate) const CHALLENGE: &str = "Basic realm=\"held\"";

/// What is known of logins; clones share what they hear.
#[derive(Clone)]
pub struct Logins(Arc<Inner>);

struct Inner {
    nonce: Nonce,
    held: BTreeSet<KeyedHash>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    refused: BTreeSet<KeyedHash>,
    accepted: BTreeSet<KeyedHash>,
    spared: BTreeSet<KeyedHash>,
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logins({} held)", self.0.held.len())
    }
}

impl Logins {
    /// With those that are not to be sent.
    #[must_use]
    pub fn new(nonce: Nonce, held: BTreeSet<KeyedHash>) -> Self {
        Self(Arc::new(Inner { nonce, held, heard: Mutex::default() }))
    }

    /// Those that are not to be sent.
    #[must_use]
    pub fn held(&self) -> &BTreeSet<KeyedHash> {
        &self.0.held
    }

    /// Those that were refused, and by the same host not accepted as well: some refuse a login for one thing only.
    #[must_use]
    pub fn refused(&self) -> BTreeSet<KeyedHash> {
        let heard = self.heard();
        heard.refused.difference(&heard.accepted).cloned().collect()
    }

    /// Those that were wanted and not sent.
    #[must_use]
    pub fn spared(&self) -> BTreeSet<KeyedHash> {
        self.heard().spared.clone()
    }

    /// Adds what another place has heard.
    pub fn learn(&self, refused: impl IntoIterator<Item = KeyedHash>, spared: impl IntoIterator<Item = KeyedHash>) {
        let mut heard = self.heard();
        heard.refused.extend(refused);
        heard.spared.extend(spared);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login of a request. A token that was made for a moment is none.
    pub(crate) fn of(&self, request: &Request, origin: &Origin) -> Option<KeyedHash> {
        let credential = request.credential.as_ref().filter(|credential| credential.origin == *origin)?;
        let lasts = credential.header.expose().starts_with("Basic ") || origin.host() == ngc::API;
        lasts.then(|| self.0.nonce.hash(&Secret::new(format!("{origin} {}", credential.header.expose()))))
    }

    /// Whether it is not to be sent.
    pub(crate) fn spares(&self, login: &KeyedHash) -> bool {
        let held = self.0.held.contains(login);
        if held {
            self.heard().spared.insert(login.clone());
        }
        held
    }

    /// What the host said to it. Only 401 is about the login itself: other refusals may end without a change of it.
    pub(crate) fn hear(&self, login: KeyedHash, status: StatusCode) {
        let mut heard = self.heard();
        if status == StatusCode::UNAUTHORIZED {
            heard.refused.insert(login);
        } else if status.is_success() || status.is_redirection() {
            heard.accepted.insert(login);
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::origin::Credential;

    fn request(host: &str, password: &str) -> (Request, Origin) {
        let origin = Origin::https(host).unwrap();
        let credential = Credential::basic(origin.clone(), "u", &Secret::from(password));
        let url = Url::parse(&format!("https://{host}/v2/")).unwrap();
        (Request::get(url).credential(Some(credential)), origin)
    }

    fn login(logins: &Logins, host: &str, password: &str) -> KeyedHash {
        let (request, origin) = request(host, password);
        logins.of(&request, &origin).unwrap()
    }

    fn later(logins: &Logins) -> Logins {
        Logins::new(Nonce::new([1; 32]), logins.refused())
    }

    #[test]
    fn what_was_refused_is_spared_in_the_next_run_until_it_changes() {
        let first = Logins::new(Nonce::new([1; 32]), BTreeSet::new());
        let one = login(&first, "reg.example", "canary");
        first.hear(one.clone(), StatusCode::UNAUTHORIZED);
        assert!(!first.spares(&one), "a run by itself is as it would be");
        let next = later(&first);
        assert!(next.spares(&one) && next.spared().contains(&one));
        assert!(!next.spares(&login(&next, "reg.example", "canary-2")), "it has changed");
        assert!(!next.spares(&login(&next, "other.example", "canary")), "another host");
        assert!(!format!("{next:?}{:?}", next.held()).contains("canary"));
    }

    #[test]
    fn a_login_that_is_taken_for_something_is_not_spared() {
        let logins = Logins::new(Nonce::new([1; 32]), BTreeSet::new());
        let one = login(&logins, "reg.example", "canary");
        for (status, want) in [(StatusCode::FORBIDDEN, 0), (StatusCode::UNAUTHORIZED, 1), (StatusCode::OK, 0)] {
            logins.hear(one.clone(), status);
            assert_eq!(logins.refused().len(), want, "{status}");
        }
    }

    #[test]
    fn a_token_of_the_moment_is_no_login() {
        let logins = Logins::new(Nonce::new([1; 32]), BTreeSet::new());
        let bearer = |host: &str| {
            let (request, origin) = request(host, "");
            let token = Credential::bearer(origin.clone(), &Secret::from("canary"));
            logins.of(&request.credential(Some(token)), &origin).is_some()
        };
        assert_eq!((bearer("reg.example"), bearer(ngc::API)), (false, true));
    }
}

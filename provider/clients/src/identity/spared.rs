//! Sign-ins that the directory refused, for a process that signs in again and again: the same credential is not sent
//! once more before it reads differently or the pause is over, since refusals are counted and lock accounts
//! (`tests`, `tests/tokens.rs`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mops_core::Secret;

/// By identity and scope: what was sent, when, and the directory's answer.
#[derive(Debug)]
pub struct Spared {
    pause: Duration,
    refused: Mutex<HashMap<(&'static str, String), Refused>>,
}

#[derive(Debug)]
struct Refused {
    sent: Option<Secret<String>>,
    at: Duration,
    reason: String,
}

impl Spared {
    /// None refused yet; each one is spared for this long.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        Self { pause, refused: Mutex::default() }
    }

    /// What the directory said of this very credential, while that is recent.
    pub(super) fn find(
        &self,
        (identity, scope): (&'static str, &str),
        sent: Option<&Secret<String>>,
        now: Duration,
    ) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let found = refused.get(&(identity, scope.to_owned()))?;
        let holds = found.sent.as_ref() == sent && now.saturating_sub(found.at) < self.pause;
        holds.then(|| found.reason.clone())
    }

    /// Takes a failure down when it is the directory's own, which names its code; one on the way there passes.
    pub(super) fn hear(
        &self,
        (identity, scope): (&'static str, &str),
        sent: Option<Secret<String>>,
        now: Duration,
        reason: &str,
    ) {
        if reason.contains("AADSTS") {
            let refused = Refused { sent, at: now, reason: reason.to_owned() };
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert((identity, scope.to_owned()), refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sign_in_is_spared_until_it_changes_or_the_pause_is_over() {
        let at = Duration::from_secs;
        let spared = Spared::new(at(60));
        let (who, secret) = (("service_principal", "arm"), |text: &str| Some(Secret::from(text)));
        let said = |sent: Option<Secret<String>>, now| spared.find(who, sent.as_ref(), at(now));
        assert_eq!(said(secret("canary"), 0), None);
        spared.hear(who, secret("canary"), at(0), "AADSTS7000222: expired");
        assert_eq!(said(secret("canary"), 59).as_deref(), Some("AADSTS7000222: expired"));
        assert_eq!(said(secret("another"), 59), None, "it was changed");
        assert_eq!(said(secret("canary"), 60), None, "the directory's side may have been mended");
        assert_eq!(spared.find(("service_principal", "vault"), secret("canary").as_ref(), at(1)), None);
        spared.hear(who, secret("other"), at(1), "the directory could not be reached");
        assert_eq!(said(secret("other"), 2), None, "nobody has refused it");
        assert!(!format!("{spared:?}").contains("canary"));
    }
}

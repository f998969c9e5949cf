//! Logins that were refused, and what their hosts said: a run that does not ask again tells the same (`tests`).

use std::collections::BTreeMap;
use std::time::Duration;

use mops_core::{KeyedHash, Nonce};
use mops_host::random;
use mops_probe::observation::code;
use mops_wire::Logins;
use mops_wire::logins::HELD;

use crate::observed::Observed;

/// When a refused login that has not changed is sent once more: whoever mends the service's side need not change it.
pub const BACK_OFF: Duration = Duration::from_secs(6 * 3600);

/// Hashes under a nonce of this process, with the time of the refusal, and the refusals by their ids.
#[derive(Debug)]
pub(super) struct Held {
    nonce: Nonce,
    since: BTreeMap<KeyedHash, Duration>,
    answers: BTreeMap<String, Observed>,
}

impl Default for Held {
    fn default() -> Self {
        Self { nonce: Nonce::new(random::bytes()), since: BTreeMap::new(), answers: BTreeMap::new() }
    }
}

impl Held {
    pub(super) const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// For the next run.
    pub(super) fn logins(&self, now: Duration) -> Logins {
        let held = self.since.iter().filter(|(_, at)| now.saturating_sub(**at) < BACK_OFF);
        Logins::new(self.nonce.clone(), held.map(|(login, _)| login.clone()).collect())
    }

    /// After a run: what it was allowed to send once more counts by what came of it.
    pub(super) fn hear(&mut self, logins: &Logins, now: Duration) {
        self.since.retain(|login, _| logins.held().contains(login));
        self.since.extend(logins.refused().into_iter().map(|login| (login, now)));
    }

    /// Puts what the hosts said before in place of what was answered here.
    pub(super) fn recall(&mut self, seen: &mut [Observed]) {
        for one in seen.iter_mut().filter(|one| one.code() == HELD) {
            match self.answers.get(&one.id) {
                Some(before) => {
                    (one.status, one.http_status) = (before.status, before.http_status);
                    (one.error_code, one.reason) = (before.error_code.clone(), before.reason.clone());
                    (one.content_type, one.body_excerpt) = (before.content_type.clone(), before.body_excerpt.clone());
                }
                // Another place has the same login.
                None => one.error_code = Some(code::UNAUTHORIZED.to_owned()),
            }
        }
        let refusals = seen.iter().filter(|one| one.http_status == Some(401));
        self.answers = refusals.map(|one| (one.id.clone(), one.clone())).collect();
    }
}

#[cfg(test)]
mod tests {
    use mops_probe::Observation;
    use mops_probe::observation::{check, variant};

    use super::*;
    use crate::observed::Vantage;

    fn refusal(code: &str, words: &str) -> Vec<Observed> {
        let failed = Observation::failed(check::REGISTRY_V2, variant::ENV, "reg.example", code);
        vec![Observed::at(Vantage::P, failed.status(401).detail(words)).on("cpu", "")]
    }

    #[test]
    fn what_is_not_asked_again_is_told_as_it_was() {
        let mut held = Held::default();
        let mut first = refusal("UNAUTHORIZED", "the account is locked");
        held.recall(&mut first);
        for run in 1..4 {
            let mut seen = refusal(HELD, "sign in to");
            held.recall(&mut seen);
            assert_eq!(seen, first, "run {run}");
        }
        let mut elsewhere: Vec<_> = refusal(HELD, "sign in to").into_iter().map(|o| o.on("gpu", "")).collect();
        held.recall(&mut elsewhere);
        assert_eq!(elsewhere[0].code(), code::UNAUTHORIZED, "the same login of another pool");
    }

    #[test]
    fn a_refused_login_is_sent_again_when_the_back_off_is_over() {
        let mut held = Held::default();
        let login = held.nonce.hash(&"canary".into());
        let hear = |held: &mut Held, at: Duration, refused: bool| {
            let logins = held.logins(at);
            logins.learn(refused.then(|| login.clone()), None);
            held.hear(&logins, at);
        };
        let (begun, over) = (Duration::from_secs(60), Duration::from_secs(60) + BACK_OFF);
        hear(&mut held, begun, true);
        assert!(held.logins(over - Duration::from_secs(1)).held().contains(&login));
        hear(&mut held, over - Duration::from_secs(1), false);
        assert!(!held.logins(over).held().contains(&login));
        hear(&mut held, over, true);
        assert!(held.logins(over + begun).held().contains(&login), "refused once more");
        hear(&mut held, over + BACK_OFF, false);
        assert!(!held.logins(over + BACK_OFF).held().contains(&login), "accepted by now");
        assert!(held.since.is_empty(), "what is not refused any more is forgotten, however long one watches");
    }
}

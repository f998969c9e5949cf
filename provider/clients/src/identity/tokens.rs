//! Tokens by scope, fetched once however many ask together, renewed five minutes before they expire, and at once when
//! a service refuses one. Each fetch makes its credential anew: those of the Azure crates keep tokens of their own, by
//! a clock that is not ours.
//!
//! Guarantees one fetch an expiry and one a refusal, however many callers hold the token, and that a clock that is
//! wrong or is set in mid-run costs a fetch and no call (`tests`, `tests/tokens.rs`, R19).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential};
use mops_core::Secret;
use mops_host::SharedClock;
use tokio::sync::Mutex;

use super::failure::SignInFailed;
use super::spared::Spared;
use crate::error::ClientError;

/// A token is renewed so long before its end, or at half of its life if that is shorter.
const EARLY: Duration = Duration::from_secs(300);
/// A token that has just been made is used for so long, whatever the clocks make of its end; a refusal ends it earlier.
const LEAST: Duration = Duration::from_secs(120);

/// What an identity signs in with.
pub(super) trait Make: Send + Sync {
    /// A credential without tokens.
    fn make(&self) -> Result<Arc<dyn TokenCredential>, ClientError>;

    /// What it would send now, as far as that may change while the process lives.
    fn reads(&self) -> Option<Secret<String>>;
}

/// A token and the moment, on the clock that is never set, from which it is not used any more.
struct Kept {
    token: Secret<String>,
    end: Duration,
}

/// The tokens of one identity.
pub struct Tokens {
    make: Box<dyn Make>,
    identity: &'static str,
    clock: SharedClock,
    kept: Mutex<HashMap<String, Kept>>,
    spared: OnceLock<Arc<Spared>>,
}

impl Tokens {
    pub(super) fn new(make: Box<dyn Make>, identity: &'static str, clock: SharedClock) -> Self {
        Self { make, identity, clock, kept: Mutex::default(), spared: OnceLock::new() }
    }

    /// From now on a sign-in that the directory refused is not sent again while it is spared; the first one counts.
    pub fn spare(&self, spared: Arc<Spared>) {
        self.spared.get_or_init(|| spared);
    }

    /// A token for a scope.
    ///
    /// # Errors
    /// When signing in fails; the cause is kept inside.
    pub async fn token(&self, scope: &str) -> azure_core::Result<Secret<String>> {
        // Held while fetching: the others wait for the same token instead of asking for their own.
        let mut kept = self.kept.lock().await;
        if let Some(found) = kept.get(scope).filter(|found| found.end > self.clock.monotonic()) {
            return Ok(found.token.clone());
        }
        let fetched = self.fetch(scope).await?;
        let life = Duration::try_from(fetched.expires_on - self.clock.now()).unwrap_or_default();
        let token = Secret::new(fetched.token.secret().to_owned());
        let end = self.clock.monotonic() + life.saturating_sub(EARLY).max(life / 2).max(LEAST);
        kept.insert(scope.to_owned(), Kept { token: token.clone(), end });
        Ok(token)
    }

    async fn fetch(&self, scope: &str) -> azure_core::Result<AccessToken> {
        let (who, now) = ((self.identity, scope), self.clock.monotonic());
        let spared = self.spared.get().map(|spared| (spared, self.make.reads()));
        if let Some(reason) = spared.as_ref().and_then(|(spared, sent)| spared.find(who, sent.as_ref(), now)) {
            return Err(SignInFailed { identity: self.identity, reason }.into());
        }
        let credential = self.make.make().map_err(|error| SignInFailed::unprepared(self.identity, &error))?;
        let fetched = credential.get_token(&[scope], None).await;
        fetched.map_err(|error| {
            if let Some((spared, sent)) = spared {
                spared.hear(who, sent, now, &error.to_string());
            }
            SignInFailed::wrap(self.identity, error)
        })
    }

    /// A service refused this token: the next call gets another, unless somebody has fetched one since.
    pub async fn refused(&self, scope: &str, token: &Secret<String>) {
        let mut kept = self.kept.lock().await;
        if kept.get(scope).is_some_and(|found| found.token == *token) {
            kept.remove(scope);
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("identity", &self.identity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use azure_core::credentials::TokenRequestOptions;
    use mops_host::clock::{Clock as _, ManualClock};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use time::OffsetDateTime;

    #[derive(Debug)]
    struct Counting(AtomicUsize, ManualClock);

    #[async_trait]
    impl TokenCredential for Counting {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
            tokio::task::yield_now().await;
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            Ok(AccessToken::new(format!("token-{n}"), self.1.now() + Duration::from_secs(3600)))
        }
    }

    struct Made(Arc<Counting>);

    impl Make for Made {
        fn make(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
            Ok(self.0.clone())
        }

        fn reads(&self) -> Option<Secret<String>> {
            None
        }
    }

    fn tokens() -> (Tokens, Arc<Counting>, ManualClock) {
        let clock = ManualClock::stepped(OffsetDateTime::UNIX_EPOCH);
        let inner = Arc::new(Counting(AtomicUsize::new(0), clock.clone()));
        (Tokens::new(Box::new(Made(inner.clone())), "cli", clock.shared()), inner, clock)
    }

    #[tokio::test]
    async fn one_fetch_for_many_and_renewal_before_expiry() {
        let (tokens, inner, clock) = tokens();
        let asks = (0..8).map(|_| tokens.token("a/.default"));
        assert!(futures::future::join_all(asks).await.iter().all(Result::is_ok));
        assert_eq!(inner.0.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_secs(54 * 60));
        tokens.token("a/.default").await.unwrap();
        assert_eq!(inner.0.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_secs(2 * 60));
        tokens.token("a/.default").await.unwrap();
        tokens.token("b/.default").await.unwrap();
        assert_eq!(inner.0.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_refusal_forgets_the_refused_token_only() {
        let (tokens, inner, _) = tokens();
        let first = tokens.token("a").await.unwrap();
        for _ in 0..3 {
            tokens.refused("a", &first).await;
            assert_eq!(tokens.token("a").await.unwrap().expose(), "token-1", "one new one for three refusals");
        }
        assert_eq!(inner.0.load(Ordering::SeqCst), 2);
    }
}

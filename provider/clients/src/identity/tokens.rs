//! Tokens by scope, fetched once however many ask together, renewed five minutes before they expire. Each fetch
//! makes its credential anew: those of the Azure crates keep tokens of their own, by a clock that is not ours.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use mops_host::SharedClock;
use time::Duration;
use tokio::sync::Mutex;

use super::failure::SignInFailed;
use crate::error::ClientError;

const EARLY: Duration = Duration::minutes(5);

/// Makes a credential without tokens.
pub(super) type Make = Box<dyn Fn() -> Result<Arc<dyn TokenCredential>, ClientError> + Send + Sync>;

/// A credential behind a cache.
pub(super) struct Cached {
    make: Make,
    identity: &'static str,
    clock: SharedClock,
    tokens: Mutex<HashMap<String, AccessToken>>,
}

impl Cached {
    pub(super) fn new(make: Make, identity: &'static str, clock: SharedClock) -> Self {
        Self { make, identity, clock, tokens: Mutex::default() }
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("identity", &self.identity).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for Cached {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let key = scopes.join(" ");
        // Held while fetching: the others wait for the same token instead of asking for their own.
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(&key).filter(|token| token.expires_on - EARLY > self.clock.now()) {
            return Ok(token.clone());
        }
        let credential = (self.make)().map_err(|error| SignInFailed::unprepared(self.identity, &error))?;
        let fetched = credential.get_token(scopes, options).await;
        let token = fetched.map_err(|error| SignInFailed::wrap(self.identity, error))?;
        tokens.insert(key, token.clone());
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_host::clock::ManualClock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use time::OffsetDateTime;

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl TokenCredential for Counting {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
            tokio::task::yield_now().await;
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            Ok(AccessToken::new(format!("token-{n}"), OffsetDateTime::UNIX_EPOCH + Duration::hours(1)))
        }
    }

    #[tokio::test]
    async fn one_fetch_for_many_and_renewal_before_expiry() {
        let clock = ManualClock::stepped(OffsetDateTime::UNIX_EPOCH);
        let inner = Arc::new(Counting::default());
        let made = inner.clone();
        let cached = Cached::new(Box::new(move || Ok(made.clone())), "cli", clock.shared());
        let asks = (0..8).map(|_| cached.get_token(&["a/.default"], None));
        assert!(futures::future::join_all(asks).await.iter().all(Result::is_ok));
        assert_eq!(inner.0.load(Ordering::SeqCst), 1);
        clock.advance(std::time::Duration::from_secs(54 * 60));
        cached.get_token(&["a/.default"], None).await.unwrap();
        assert_eq!(inner.0.load(Ordering::SeqCst), 1);
        clock.advance(std::time::Duration::from_secs(2 * 60));
        cached.get_token(&["a/.default"], None).await.unwrap();
        cached.get_token(&["b/.default"], None).await.unwrap();
        assert_eq!(inner.0.load(Ordering::SeqCst), 3);
    }
}

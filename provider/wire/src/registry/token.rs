//! Tokens: asked for at a realm that the policy allows, kept until shortly before they run out.
//!
//! Guarantees that a token request is never redirected, and that what comes back is short, of the
//! right shape and fit for a header (`tests/realm.rs`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use mops_core::Secret;
use serde::Deserialize;
use url::Url;

use super::client::{Auth, Client};
use super::error::{Asked, Quote, RegistryError, refusal};
use crate::origin::{Credential, Origin};
use crate::request::{Redirects, Request};
use crate::response::Response;
use crate::retry::Retry;

/// Longest answer of a realm.
const MAX_ANSWER: usize = 256 << 10;
/// A token of a realm that names no time (the specification's own figure).
const DEFAULT_LIFE: u64 = 60;
const LONGEST_LIFE: u64 = 3600;
/// A token is not used within this time of its end.
const MARGIN: Duration = Duration::from_secs(10);

/// How this client signs in, once that is known, and the tokens that it has.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<State>);

#[derive(Default)]
struct State {
    basic: bool,
    by_scope: HashMap<String, (Secret<String>, Duration)>,
    /// Whoever asks for a token of a scope holds its turn; the others wait for the same token.
    turns: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the registry has asked for Basic.
    pub(crate) fn is_basic(&self) -> bool {
        self.state().basic
    }

    pub(crate) fn set_basic(&self) {
        self.state().basic = true;
    }

    pub(crate) fn get(&self, scope: &str, now: Duration) -> Option<Secret<String>> {
        self.state().by_scope.get(scope).filter(|(_, end)| *end > now).map(|(token, _)| token.clone())
    }

    /// Forgets a token that was refused, unless there is another one by now.
    pub(crate) fn forget(&self, scope: &str, refused: &Secret<String>) {
        let mut state = self.state();
        if state.by_scope.get(scope).is_some_and(|(token, _)| token == refused) {
            state.by_scope.remove(scope);
        }
    }

    fn turn(&self, scope: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.state().turns.entry(scope.to_owned()).or_default())
    }

    fn put(&self, scope: &str, token: &Secret<String>, end: Duration) {
        self.state().by_scope.insert(scope.to_owned(), (token.clone(), end));
    }
}

#[derive(Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

/// What a realm is asked.
pub(crate) struct Wanted<'a> {
    pub(crate) realm: &'a str,
    pub(crate) service: Option<&'a str>,
    pub(crate) scope: &'a str,
}

impl Client {
    /// Asks the realm of a challenge for a token, and keeps it. Of many who ask together one does.
    pub(crate) async fn token(&self, wanted: &Wanted<'_>) -> Result<Secret<String>, RegistryError> {
        let turn = self.tokens.turn(wanted.scope);
        let _held = turn.lock().await;
        if let Some(token) = self.tokens.get(wanted.scope, self.http.clock().monotonic()) {
            return Ok(token);
        }
        let realm = self.realms.judge(&self.origin, wanted.realm)?;
        let request = match &self.auth {
            Auth::Refresh(refresh) => self.refresh_request(realm, wanted, refresh),
            Auth::Anonymous => self.query_request(realm, wanted, None),
            Auth::Basic { username, password } => self.query_request(realm, wanted, Some((username, password))),
        };
        let given = self.given(request, "get a token for").await?;
        let life = given.expires_in.unwrap_or(DEFAULT_LIFE).min(LONGEST_LIFE);
        let token = self.fit(given.token.or(given.access_token))?;
        let end = self.http.clock().monotonic() + Duration::from_secs(life).saturating_sub(MARGIN);
        self.tokens.put(wanted.scope, &token, end);
        Ok(token)
    }

    /// Docker's way: GET, the login in Basic.
    fn query_request(&self, mut realm: Url, wanted: &Wanted<'_>, login: Option<(&String, &Secret<String>)>) -> Request {
        let present = |url: &Url, name: &str| url.query_pairs().any(|(known, _)| known == name);
        if let Some(service) = wanted.service.filter(|_| !present(&realm, "service")) {
            realm.query_pairs_mut().append_pair("service", service);
        }
        if !wanted.scope.is_empty() && !present(&realm, "scope") {
            realm.query_pairs_mut().append_pair("scope", wanted.scope);
        }
        let credential =
            login.zip(Origin::of(&realm)).map(|((user, password), to)| Credential::basic(to, user, password));
        Request::get(realm).credential(credential)
    }

    /// ACR's way with an identity: POST, the refresh token in the form.
    fn refresh_request(&self, realm: Url, wanted: &Wanted<'_>, refresh: &Secret<String>) -> Request {
        let mut form = vec![("grant_type", "refresh_token"), ("service", wanted.service.unwrap_or(self.origin.host()))];
        if !wanted.scope.is_empty() {
            form.push(("scope", wanted.scope));
        }
        form.push(("refresh_token", refresh.expose()));
        form_request(realm, &form)
    }

    /// Sends a credential call and reads its answer.
    async fn given(&self, request: Request, operation: &'static str) -> Result<Given, RegistryError> {
        let mut request = self.paced(request);
        request.redirects = Redirects::Return;
        // Asking twice for a token changes nothing at the service.
        request.retry = Retry::Idempotent;
        request.max_body = MAX_ANSWER;
        let response = self.http.send(request).await?;
        if response.status != http::StatusCode::OK {
            return Err(self.token_refused(operation, &response));
        }
        serde_json::from_slice(&response.body)
            .map_err(|_| self.useless("its token answer is not the JSON that it should be"))
    }

    fn token_refused(&self, operation: &'static str, response: &Response) -> RegistryError {
        let target = self.origin.authority();
        refusal(Asked { operation, target: &target }, response, Quote::CodeOnly, self.http.clock().now())
    }

    /// A token that is there and can stand in a header.
    fn fit(&self, token: Option<String>) -> Result<Secret<String>, RegistryError> {
        let token = Secret::new(token.unwrap_or_default());
        let fits = !token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(token) } else { Err(self.useless("its token answer holds no token")) }
    }

    /// Changes a directory token into a refresh token of this registry (ACR).
    pub(crate) async fn exchange_at(
        &self,
        service: &str,
        tenant: &str,
        access: &Secret<String>,
    ) -> Result<Secret<String>, RegistryError> {
        let all = [
            ("grant_type", "access_token"),
            ("service", service),
            ("tenant", tenant),
            ("access_token", access.expose()),
        ];
        let form: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let given =
            self.given(form_request(self.url("/oauth2/exchange")?, &form), "exchange a directory token at").await?;
        self.fit(given.refresh_token)
    }
}

fn form_request(url: Url, form: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    Request::new(Method::POST, url).body("application/x-www-form-urlencoded", body)
}

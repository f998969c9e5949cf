//! A registry and a login: sends requests, answers a challenge once, at its own host only.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mops_core::{Cancel, Secret};
use url::Url;

use super::challenge::Challenge;
use super::content::pull_scope;
use super::error::{Asked, Quote, RegistryError, is_page, refusal};
use super::realm::RealmPolicy;
use super::reference::{Reference, api_host};
use super::token::{Tokens, Wanted};
use crate::origin::{Credential, Origin};
use crate::pipeline::Http;
use crate::request::{Redirects, Request};
use crate::response::Response;

/// Who signs in.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Nobody.
    Anonymous,
    /// User name and password; also a registry token or a service principal.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret<String>,
    },
    /// A refresh token (ACR with an identity).
    Refresh(Secret<String>),
}

/// How a login was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The registry asks nobody for anything.
    Open,
    /// It took user name and password.
    Basic,
    /// It took the token that its realm gave.
    Bearer,
}

/// A registry and a login; clones share tokens.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: Http,
    pub(crate) origin: Origin,
    pub(crate) auth: Auth,
    pub(crate) realms: RealmPolicy,
    pub(crate) tokens: Arc<Tokens>,
    deadline: Duration,
    tries: u32,
    cancel: Option<Cancel>,
}

/// What a request is signed with.
enum Known<'a> {
    Nothing,
    Login(&'a str, &'a Secret<String>),
    Token(Secret<String>),
}

impl Known<'_> {
    fn credential(&self, origin: &Origin) -> Option<Credential> {
        match self {
            Self::Nothing => None,
            Self::Login(username, password) => Some(Credential::basic(origin.clone(), username, password)),
            Self::Token(token) => Some(Credential::bearer(origin.clone(), token)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}, {:?})", self.origin, self.auth)
    }
}

impl Client {
    /// A client for `docker.io` or `HOST[:PORT]`; https always.
    ///
    /// # Errors
    /// [`RegistryError::Host`] when that is no host.
    pub fn new(http: Http, registry: &str, auth: Auth) -> Result<Self, RegistryError> {
        let origin = Origin::https(api_host(registry)).ok_or_else(|| RegistryError::Host(registry.to_owned()))?;
        let (realms, tokens) = (RealmPolicy::default(), Arc::default());
        Ok(Self { http, origin, auth, realms, tokens, deadline: Duration::from_secs(120), tries: 4, cancel: None })
    }

    /// Other pairs of registry and realm.
    #[must_use]
    pub fn with_realms(self, realms: RealmPolicy) -> Self {
        Self { realms, ..self }
    }

    /// Another limit for each request and its repetitions, and for their number.
    #[must_use]
    pub fn with_limits(self, deadline: Duration, tries: u32) -> Self {
        Self { deadline, tries, ..self }
    }

    /// The same client, whose requests are counted for this target; see [`Http::about`].
    #[must_use]
    pub fn about(&self, target: &str) -> Self {
        Self { http: self.http.about(target), ..self.clone() }
    }

    /// Ends requests when the run is cancelled.
    #[must_use]
    pub fn with_cancel(self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self }
    }

    /// Who signs in, for one who keeps it.
    #[must_use]
    pub fn into_auth(self) -> Auth {
        self.auth
    }

    pub(crate) fn with_auth(self, auth: Auth) -> Self {
        Self { auth, tokens: Arc::default(), ..self }
    }

    /// `HOST[:PORT]` that is spoken to.
    #[must_use]
    pub fn host(&self) -> String {
        self.origin.authority()
    }

    /// Checks the login at `/v2/`. Says nothing about any repository: login accepted and pull
    /// refused is a common pair.
    ///
    /// # Errors
    /// See [`RegistryError`]; a refused login is `Refused` with status 401 or 403.
    pub async fn ping(&self) -> Result<Login, RegistryError> {
        self.ping_with(None).await
    }

    /// As [`Client::ping`], with the token to pull from a repository when there is one.
    ///
    /// # Errors
    /// As [`Client::ping`].
    pub async fn ping_with(&self, repository: Option<&Reference>) -> Result<Login, RegistryError> {
        let target = self.host();
        let asked = Asked { operation: "sign in to", target: &target };
        let scope = repository.map(|r| pull_scope(r.repository())).unwrap_or_default();
        let (response, login) = self.signed(self.ping_request()?, &scope, asked).await?;
        match response.status {
            StatusCode::OK => self.not_a_page(&response).map(|()| login),
            _ => Err(self.refused(asked, &response, None)),
        }
    }

    /// Sends a request with the login that the registry asks for. `scope` names what a token is for.
    pub(crate) async fn send(
        &self,
        request: Request,
        scope: &str,
        asked: Asked<'_>,
    ) -> Result<Response, RegistryError> {
        self.signed(request, scope, asked).await.map(|(response, _)| response)
    }

    async fn signed(
        &self,
        request: Request,
        scope: &str,
        asked: Asked<'_>,
    ) -> Result<(Response, Login), RegistryError> {
        let request = self.paced(request);
        let (known, login) = self.known(scope);
        let credential = known.credential(&self.origin);
        let response = self.http.send(request.clone().credential(credential)).await?;
        if response.status != StatusCode::UNAUTHORIZED || self.is_elsewhere(&response) {
            return Ok((response, login));
        }
        // A token that was good before may have run out; one that is new is refused for good below.
        if let Known::Token(token) = &known {
            self.tokens.forget(scope, token);
        }
        let (known, login) = self.answer(&response, scope, asked).await?;
        let credential = known.credential(&self.origin);
        let header = credential.as_ref().map(|credential| credential.header.clone());
        let response = self.http.send(request.credential(credential)).await?;
        if response.status == StatusCode::UNAUTHORIZED && !self.is_elsewhere(&response) {
            if let Known::Token(token) = &known {
                self.tokens.forget(scope, token);
            }
            return Err(self.refused(asked, &response, header.as_ref()));
        }
        Ok((response, login))
    }

    /// What a challenge asks for.
    async fn answer(
        &self,
        response: &Response,
        scope: &str,
        asked: Asked<'_>,
    ) -> Result<(Known<'_>, Login), RegistryError> {
        match (self.challenge_in(response)?, &self.auth) {
            (Challenge::Basic, Auth::Basic { username, password }) => {
                self.tokens.set_basic();
                Ok((Known::Login(username, password), Login::Basic))
            }
            (Challenge::Basic, _) => Err(self.refused(asked, response, None)),
            (Challenge::Bearer { realm, service, scope: theirs, .. }, _) => {
                let scope = if scope.is_empty() { theirs.as_deref().unwrap_or_default() } else { scope };
                let token = self.token(&Wanted { realm: &realm, service: service.as_deref(), scope }).await?;
                Ok((Known::Token(token), Login::Bearer))
            }
        }
    }

    /// What is sent without having been asked, and how the login is called if that is taken.
    fn known(&self, scope: &str) -> (Known<'_>, Login) {
        match &self.auth {
            Auth::Basic { username, password } if self.tokens.is_basic() => {
                (Known::Login(username, password), Login::Basic)
            }
            _ => match self.tokens.get(scope, self.http.clock().monotonic()) {
                Some(token) => (Known::Token(token), Login::Bearer),
                None => (Known::Nothing, Login::Open),
            },
        }
    }

    pub(crate) async fn anonymous_ping(&self) -> Result<Response, RegistryError> {
        Ok(self.http.send(self.paced(self.ping_request()?)).await?)
    }

    /// A sign-in page of the network answers everything with 200; it is no registry.
    pub(crate) fn not_a_page(&self, response: &Response) -> Result<(), RegistryError> {
        match is_page(response) {
            true => Err(self.refused_anonymously("sign in to", response)),
            false => Ok(()),
        }
    }

    fn ping_request(&self) -> Result<Request, RegistryError> {
        let mut request = Request::get(self.url("/v2/")?);
        // Nobody redirects the base; whoever does is a portal, and its answer is the finding.
        request.redirects = Redirects::Return;
        request.max_body = 64 << 10;
        Ok(request)
    }

    /// An address of the registry itself.
    pub(crate) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        Url::parse(&format!("{}{path}", self.origin)).map_err(|_| RegistryError::Host(self.origin.authority()))
    }

    /// A request with the limits of this client.
    pub(crate) fn paced(&self, mut request: Request) -> Request {
        request.deadline = self.deadline;
        request.attempt = request.attempt.min(self.deadline);
        request.tries = self.tries;
        request.cancel.clone_from(&self.cancel);
        request
    }

    pub(crate) fn challenge_in(&self, response: &Response) -> Result<Challenge, RegistryError> {
        let registry = || self.origin.authority();
        Challenge::of(&response.headers).map_err(|why| RegistryError::Challenge { registry: registry(), why })
    }

    /// Whether the answer came from another host, after a redirect: it is never given a login.
    fn is_elsewhere(&self, response: &Response) -> bool {
        Origin::of(&response.url).as_ref() != Some(&self.origin)
    }

    pub(crate) fn refused(
        &self,
        asked: Asked<'_>,
        response: &Response,
        sent: Option<&Secret<String>>,
    ) -> RegistryError {
        refusal(asked, response, Quote::Unless(sent), self.http.clock().now())
    }

    pub(crate) fn refused_anonymously(&self, operation: &'static str, response: &Response) -> RegistryError {
        self.refused(Asked { operation, target: &self.host() }, response, None)
    }

    pub(crate) fn useless(&self, why: impl Into<String>) -> RegistryError {
        RegistryError::Answer { registry: self.origin.authority(), why: why.into() }
    }
}

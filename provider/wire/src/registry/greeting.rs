//! The first two steps of a sign-in, one by one: what a registry asks of strangers, and the token that its realm gives.

use http::StatusCode;
use time::OffsetDateTime;

use super::challenge::Challenge;
use super::client::{Auth, Client};
use super::content::pull_scope;
use super::error::RegistryError;
use super::reference::Reference;
use super::token::Wanted;
use crate::origin::Origin;
use crate::response::Response;

/// What a registry answers to somebody without a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What it asks for; none when it asks for nothing.
    pub challenge: Option<Challenge>,
    /// Its clock.
    pub date: Option<OffsetDateTime>,
    /// When its certificate ends.
    pub certificate_ends: Option<OffsetDateTime>,
}

impl Client {
    /// Whom requests go to.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the registry asks of somebody without a login; none when it asks for nothing.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn challenge(&self) -> Result<Option<Challenge>, RegistryError> {
        let response = self.anonymous_ping().await?;
        self.asked_in(&response)
    }

    /// As [`Client::challenge`], with the registry's clock; a realm that would get no login is an error already.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn greet(&self) -> Result<Greeting, RegistryError> {
        let response = self.anonymous_ping().await?;
        let challenge = self.asked_in(&response)?;
        if let Some(Challenge::Bearer { realm, .. }) = &challenge {
            self.realms.judge(&self.origin, realm)?;
        }
        Ok(Greeting { challenge, date: response.date(), certificate_ends: response.certificate_ends })
    }

    /// Gets the token that a challenge asks for, to pull from a repository, and keeps it for the requests that follow.
    /// Says whether there was one to get: nobody gives a token for Basic.
    ///
    /// # Errors
    /// See [`RegistryError`]; a refused login is `Refused`.
    pub async fn pull_token(&self, challenge: &Challenge, repository: &Reference) -> Result<bool, RegistryError> {
        match (challenge, &self.auth) {
            (Challenge::Basic, Auth::Basic { .. }) => self.tokens.set_basic(),
            (Challenge::Basic, _) => {}
            (Challenge::Bearer { realm, service, .. }, _) => {
                let scope = pull_scope(repository.repository());
                self.token(&Wanted { realm, service: service.as_deref(), scope: &scope }).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gets the token that a challenge gives to this login by itself, for no repository: that of a command which only signs
    /// in.
    ///
    /// # Errors
    /// As [`Client::pull_token`].
    pub async fn login_token(&self, challenge: &Challenge) -> Result<(), RegistryError> {
        if let Challenge::Bearer { realm, service, .. } = challenge {
            self.token(&Wanted { realm, service: service.as_deref(), scope: "" }).await?;
        }
        Ok(())
    }

    fn asked_in(&self, response: &Response) -> Result<Option<Challenge>, RegistryError> {
        match response.status {
            StatusCode::OK => self.not_a_page(response).map(|()| None),
            // A page that refuses and names no sign-in is a portal: its own words say more than what it lacks.
            StatusCode::UNAUTHORIZED => match self.challenge_in(response) {
                Err(error) => self.not_a_page(response).and(Err(error)),
                asked => asked.map(Some),
            },
            _ => Err(self.refused_anonymously("ask for the login of", response)),
        }
    }
}

//! A login shown to its registry: the one question that is asked before a key is kept or written anywhere, and of those
//! that are kept.

use super::challenge::Challenge;
use super::client::Client;
use super::error::RegistryError;

/// How a registry took a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It gave a token for it.
    Token,
    /// It took user and password themselves.
    Basic,
    /// It asks nobody, so that nothing is known of the login.
    Open,
}

impl By {
    /// In one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Basic => "basic",
            Self::Open => "open",
        }
    }
}

/// Shows the login of a client to its registry; also what the registry had asked for.
///
/// # Errors
/// See [`RegistryError`]; a refused login is `Refused`.
pub async fn shown(client: &Client) -> Result<(By, Option<Challenge>), RegistryError> {
    let greeting = client.greet().await?;
    let by = taken(client, greeting.challenge.as_ref()).await?;
    Ok((by, greeting.challenge))
}

/// The same where it is known what the registry asks for.
///
/// # Errors
/// As [`shown`].
pub async fn taken(client: &Client, challenge: Option<&Challenge>) -> Result<By, RegistryError> {
    match challenge {
        None => Ok(By::Open),
        Some(Challenge::Basic) => client.ping().await.map(|_| By::Basic),
        Some(challenge @ Challenge::Bearer { .. }) => client.login_token(challenge).await.map(|()| By::Token),
    }
}

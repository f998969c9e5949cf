//! A login shown to its registry: the one question that `mops auth login` asks before it keeps a key, and `mops auth
//! status` of those that are kept.

use mops_wire::registry::{Challenge, Client, RegistryError};

/// How a registry took a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// It gave a token for it.
    Token,
    /// It took user and password themselves.
    Basic,
    /// It asks nobody, so that nothing is known of the login.
    Open,
}

impl By {
    /// In one word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Basic => "basic",
            Self::Open => "open",
        }
    }
}

/// Shows the login of a client to its registry; also what the registry had asked for.
pub(crate) async fn shown(client: &Client) -> Result<(By, Option<Challenge>), RegistryError> {
    let greeting = client.greet().await?;
    let by = taken(client, greeting.challenge.as_ref()).await?;
    Ok((by, greeting.challenge))
}

/// The same where it is known what the registry asks for.
pub(crate) async fn taken(client: &Client, challenge: Option<&Challenge>) -> Result<By, RegistryError> {
    match challenge {
        None => Ok(By::Open),
        Some(Challenge::Basic) => client.ping().await.map(|_| By::Basic),
        Some(challenge @ Challenge::Bearer { .. }) => client.login_token(challenge).await.map(|()| By::Token),
    }
}

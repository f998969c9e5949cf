//! Applications of the directory that somebody else has made, each with one secret.

use serde::Deserialize;

use crate::arm::store::State;

/// An application and its principal.
#[derive(Clone, Debug, Deserialize)]
pub struct Principal {
    /// The application's id.
    pub client_id: String,
    /// The id that rights are given to.
    pub object_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Whether that has run out.
    #[serde(default)]
    pub expired: bool,
}

/// Why somebody may not sign in as an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The directory has no such application.
    Unknown,
    /// It has another secret.
    WrongSecret,
    /// Its secret has run out.
    SecretExpired,
}

impl State {
    /// An application with this id is there from now on, with this secret and no other.
    pub fn register(&mut self, principal: Principal) {
        self.principals.insert(principal.client_id.to_lowercase(), principal);
    }

    /// The application that somebody with this secret is.
    ///
    /// # Errors
    /// Why there is none.
    pub fn application(&self, client_id: &str, secret: &str) -> Result<&Principal, Refused> {
        let known = self.principals.get(&client_id.to_lowercase()).ok_or(Refused::Unknown)?;
        match known {
            known if known.client_secret != secret => Err(Refused::WrongSecret),
            known if known.expired => Err(Refused::SecretExpired),
            known => Ok(known),
        }
    }
}

//! A key of NGC before it is written anywhere. Guarantees that one which its registry, its API or the registry for an
//! image that is named does not take is told with its cause and the next step, and that silence is no yes
//! (`tests/ngc_credentials.rs`).

use std::time::Duration;

use mops_core::{Cancel, Class, Error, Secret, SecretInput};
use mops_wire::Http;
use mops_wire::ngc::{Api, KEYS_PAGE, NgcError, REGISTRY, USER};
use mops_wire::registry::login::{self, By};
use mops_wire::registry::{Auth, Client, LICENCE, Reference, Refusal, RegistryError};

/// One request and its repetition.
const PATIENCE: Duration = Duration::from_secs(8);

/// A key, and what it must open.
pub(crate) struct Given<'a> {
    /// The key.
    pub(crate) key: &'a Secret<String>,
    /// Where it is, for messages.
    pub(crate) source: &'a SecretInput,
    /// Images that are to be given for it.
    pub(crate) images: &'a [String],
}

/// Why NGC does not take it.
pub(crate) struct Refused {
    /// The input that stands against it.
    pub(crate) input: &'static str,
    /// Cause and next step.
    pub(crate) error: Error,
}

impl Given<'_> {
    fn place(&self) -> String {
        match self.source {
            SecretInput::Source(source) => mops_host::source::name(source),
            SecretInput::Value(_) => "`apiKey`".to_owned(),
        }
    }

    fn refused(&self, text: String) -> Option<Refused> {
        let hint = format!("make another key at {KEYS_PAGE} and put it into {}; nothing was written", self.place());
        Some(Refused { input: "apiKey", error: Error::new(Class::Auth, text).hint(hint) })
    }

    /// What no service is asked about.
    fn malformed(&self) -> Option<Refused> {
        let wrong = |c: char| c.is_whitespace() || c.is_control() || "\"'\u{feff}".contains(c);
        if !self.key.expose().contains(wrong) {
            return None;
        }
        let place = self.place();
        let text = format!("KEY_MALFORMED: the key from {place} holds a blank, a quote or a control character");
        let hint = format!("put it into {place} as it was made, without anything around it; nothing was written");
        Some(Refused { input: "apiKey", error: Error::new(Class::User, text).hint(hint) })
    }

    /// Gate 1: nodes pull images.
    async fn at_registry(&self, client: &Client) -> Result<Option<Refused>, Error> {
        match login::shown(client).await {
            Ok((By::Token | By::Basic, _)) => Ok(None),
            Ok((By::Open, _)) => Err(unknown(&format!("what answers as `{REGISTRY}` asks nobody for a login"))),
            Err(error) => match told(&error) {
                Some(refusal) if matches!(refusal.status, 401 | 403) => Ok(self.refused(format!(
                    "NGC_KEY_INVALID_OR_EXPIRED: `{REGISTRY}` refuses the key from {} ({})",
                    self.place(),
                    refusal.status
                ))),
                _ => Err(unknown(&error.to_string())),
            },
        }
    }

    /// Gate 2: programs fetch models. Which ones a key gets is known only where one is named.
    async fn at_api(&self, http: &Http) -> Result<Option<Refused>, Error> {
        match Api::new(http.clone()).organisations(self.key).await {
            Err(NgcError::Refused { status: 401, page: false }) => Ok(self.refused(format!(
                "NGC_MODEL_KEY_REFUSED: the gate of models does not know the key from {} (401)",
                self.place()
            ))),
            Err(NgcError::Wire(error)) => Err(unknown(&error.to_string())),
            _ => Ok(None),
        }
    }

    async fn for_image(&self, client: &Client, image: &str) -> Result<Option<Refused>, Error> {
        let Ok(reference) = image.parse::<Reference>() else { return Ok(None) };
        let Err(error) = client.head_manifest(&reference).await else { return Ok(None) };
        let Some(refusal) = told(&error).filter(|refusal| matches!(refusal.status, 401 | 402 | 403 | 404 | 451)) else {
            return Err(unknown(&error.to_string()));
        };
        let (place, status) = (self.place(), refusal.status);
        let (text, hint) = match refusal.message.as_deref() == Some(LICENCE) {
            true => (
                format!("NGC_LICENSE_NOT_ACCEPTED: `{image}` waits for somebody of the key's organisation"),
                "accept the licence once on the image's page at https://catalog.ngc.nvidia.com",
            ),
            false => (
                format!("`{image}` is not given for the key from {place} ({status})"),
                "`mops auth check IMAGE` tells a wrong path, a missing right and a harmful login apart",
            ),
        };
        let error = Error::new(Class::Auth, text).hint(format!("{hint}; nothing was written"));
        Ok(Some(Refused { input: "images", error }))
    }
}

/// What the registry itself said; a page is the word of somebody before it.
fn told(error: &RegistryError) -> Option<&Refusal> {
    error.refusal().filter(|refusal| !refusal.html)
}

fn unknown(why: &str) -> Error {
    let text = format!("the key of NGC could not be tried: {why}");
    Error::new(Class::Transient, text).hint("only a key that NGC takes is written: run the same command again")
}

/// Why NGC does not take a key; `None` when it does.
///
/// # Errors
/// When nobody said whether it does.
pub(crate) async fn refusal(http: &Http, cancel: &Cancel, given: &Given<'_>) -> Result<Option<Refused>, Error> {
    if let Some(refused) = given.malformed() {
        return Ok(Some(refused));
    }
    let auth = Auth::Basic { username: USER.to_owned(), password: given.key.clone() };
    let client = Client::new(http.clone(), REGISTRY, auth).map_err(Error::from)?;
    let client = client.with_limits(PATIENCE, 2).with_cancel(cancel);
    if let Some(refused) = given.at_registry(&client).await? {
        return Ok(Some(refused));
    }
    if let Some(refused) = given.at_api(http).await? {
        return Ok(Some(refused));
    }
    for image in given.images {
        if let Some(refused) = given.for_image(&client, image).await? {
            return Ok(Some(refused));
        }
    }
    Ok(None)
}

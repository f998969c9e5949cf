//! Novita's API as resources reach it: one client a key and run, two writes at a time.

use mops_clients::novita::{BASE, Base, Novita};
use mops_core::{Class, Error, Lane, Secret, SecretInput};
use sha2::{Digest as _, Sha256};

use crate::resource::{Cx, Findings, Offline};
use crate::secret_data;
use crate::services::Services;

/// The variable that has the key where nothing else is said.
const KEY: &str = "NOVITA_API_KEY";
/// What to do about one that is not there.
const MISSING: &str = "set it, or name another place by `novita.api_key` of the stack file";
/// Writes at a time.
const WRITES: usize = 2;

pub(crate) fn lanes() -> Vec<Lane> {
    vec![Lane::new("novita", WRITES)]
}

/// A key that is absent is a note in a preview, and a failure before anything is written.
pub(crate) fn check_key(key: Option<&SecretInput>, cx: &Offline<'_>, findings: &mut Findings) {
    match key {
        Some(input) => secret_data::check_source("apiKey", input, cx, findings),
        None if cx.env.has(KEY) => {}
        None if cx.preview => findings.notes.push(format!("`{KEY}` is not set, by which Novita is asked")),
        None => findings.refuse("apiKey", format!("there is no key for Novita: `{KEY}` is not set"), MISSING),
    }
}

/// The API with the key that a declaration names, else that of the environment.
pub(crate) async fn service(cx: &Cx<'_>, key: Option<&SecretInput>) -> Result<Novita, Error> {
    Ok(cx.services.novita(key).await?.with_cancel(&cx.call.cancel))
}

impl Services {
    /// Novita's API; that of one key is made once, so that all of its requests share limits and breaker.
    ///
    /// # Errors
    /// When there is no key, or NOVITA_API_BASE_URL cannot be used.
    pub async fn novita(&self, key: Option<&SecretInput>) -> Result<Novita, Error> {
        let key = match key {
            Some(input) => self.resolve(input).await?,
            None => self.novita_key()?,
        };
        let named = self.env().get("NOVITA_API_BASE_URL").unwrap_or(BASE);
        let base = Base::parse(named).map_err(|why| {
            Error::new(Class::User, format!("NOVITA_API_BASE_URL cannot be used: {why}"))
                .hint(format!("take it away, or give an address as `{BASE}`"))
        })?;
        let known: String = Sha256::digest(key.expose().as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        let cell = crate::services::cell(self.novitas(), &known);
        cell.get_or_try_init(|| async { Ok(Novita::new(self.pipeline()?, base, key)) }).await.cloned()
    }

    fn novita_key(&self) -> Result<Secret<String>, Error> {
        self.env().secret(KEY).ok_or_else(|| {
            Error::new(Class::User, format!("there is no key for Novita: `{KEY}` is not set")).hint(MISSING)
        })
    }
}

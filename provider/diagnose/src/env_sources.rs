//! What gives the variables of a container their values, in the order in which the kubelet reads it: the last one wins
//! (tests of `env_owners` and `live`). The values stay here and with who compares them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, Secret};

use crate::cluster::Trouble;
use crate::observed::code;
use crate::secret_shelf::{Shelf, value};

/// One that gives a variable its value.
pub(crate) struct Source<'a> {
    /// A secret; the container's own `env` without one.
    pub(crate) secret: Option<&'a str>,
    /// None where it is no text, or was not read.
    pub(crate) value: Option<String>,
}

/// All that give one variable, the last one last.
#[derive(Default)]
pub(crate) struct Given<'a> {
    pub(crate) sources: Vec<Source<'a>>,
    /// Something that was not read comes after all of them, and may give it too.
    open: bool,
}

impl<'a> Given<'a> {
    fn by(&mut self, secret: Option<&'a str>, value: Option<String>) {
        self.sources.push(Source { secret, value });
        self.open = false;
    }

    /// The secret from which the variable comes, and what it gives; none where that is another's, or is not known.
    pub(crate) fn winner(&self) -> Option<(&'a str, &str)> {
        let last = self.sources.last().filter(|_| !self.open)?;
        Some((last.secret?, last.value.as_deref()?))
    }
}

/// By variable.
pub(crate) fn of<'a>(container: &'a Container, shelf: &Shelf) -> BTreeMap<String, Given<'a>> {
    let mut all: BTreeMap<String, Given<'a>> = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let secret = from.secret_ref.as_ref().map(|reference| reference.name.as_str());
        match secret.map(|name| (name, shelf.get(name))) {
            Some((name, Some(Ok(secret)))) => {
                for key in keys(secret) {
                    all.entry(format!("{prefix}{key}")).or_default().by(Some(name), value(secret, key));
                }
            }
            Some((_, Some(Err(Trouble { code: code::NOT_FOUND, .. })))) => {}
            // It may set any of them.
            _ => all.values_mut().for_each(|given| given.open = true),
        }
    }
    for variable in container.env.iter().flatten() {
        let (secret, value) = own(variable, shelf);
        all.entry(variable.name.clone()).or_default().by(secret, value);
    }
    all
}

/// What an entry of `env` gives, by its text or by its secret.
fn own<'a>(variable: &'a EnvVar, shelf: &Shelf) -> (Option<&'a str>, Option<String>) {
    let key = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
    match key {
        Some(key) => (Some(key.name.as_str()), shelf.found(&key.name).and_then(|secret| value(secret, &key.key))),
        None => (None, variable.value.clone()),
    }
}

fn keys(secret: &Secret) -> impl Iterator<Item = &str> {
    secret.data.iter().flatten().map(|(key, _)| key.as_str())
}

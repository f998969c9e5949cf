//! What gives the variables of a container their values, in the order in which the kubelet reads it: the last one wins
//! (tests of `env_owners` and `live`). The values stay here and with who compares them.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvFromSource, EnvVar, Secret};

use crate::cluster::Trouble;
use crate::observed::code;
use crate::shelf::{Shelf, value};

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper<'a> {
    Secret(&'a str),
    ConfigMap(&'a str),
    /// The container's own `env`.
    Pod,
}

impl fmt::Display for Keeper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => write!(f, "secret {name}"),
            Self::ConfigMap(name) => write!(f, "config map {name}"),
            Self::Pod => f.write_str("the pod's own `env`"),
        }
    }
}

/// One that gives a variable its value.
pub(crate) struct Source<'a> {
    pub(crate) keeper: Keeper<'a>,
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
    fn by(&mut self, keeper: Keeper<'a>, value: Option<String>) {
        self.sources.push(Source { keeper, value });
        self.open = false;
    }

    /// The secret from which the variable comes, and what it gives; none where that is another's, or is not known.
    pub(crate) fn winner(&self) -> Option<(&'a str, &str)> {
        let last = self.sources.last().filter(|_| !self.open)?;
        let Keeper::Secret(secret) = last.keeper else { return None };
        Some((secret, last.value.as_deref()?))
    }
}

/// By variable.
pub(crate) fn of<'a>(container: &'a Container, shelf: &Shelf) -> BTreeMap<String, Given<'a>> {
    let mut all: BTreeMap<String, Given<'a>> = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        match whole(from, shelf) {
            Some((keeper, values)) => {
                for (key, value) in values {
                    all.entry(format!("{prefix}{key}")).or_default().by(keeper, value);
                }
            }
            // It may set any of them.
            None => all.values_mut().for_each(|given| given.open = true),
        }
    }
    for variable in container.env.iter().flatten() {
        let (keeper, value) = own(variable, shelf);
        all.entry(variable.name.clone()).or_default().by(keeper, value);
    }
    all
}

/// The values of an object by its keys; none where one is no text.
type Values<'a> = Vec<(&'a str, Option<String>)>;

/// What an entry of `envFrom` gives, by its key; nothing where it is absent, and none where nobody knows.
fn whole<'a, 's>(from: &'a EnvFromSource, shelf: &'s Shelf) -> Option<(Keeper<'a>, Values<'s>)> {
    if let Some(reference) = &from.secret_ref {
        let found = read(shelf.get(&reference.name)?)?;
        let keys = found.and_then(|secret| Some((secret, secret.data.as_ref()?)));
        let values = keys.map(|(secret, data)| data.keys().map(|key| (key.as_str(), value(secret, key))).collect());
        return Some((Keeper::Secret(&reference.name), values.unwrap_or_default()));
    }
    let reference = from.config_map_ref.as_ref()?;
    let found = read(shelf.map(&reference.name)?)?;
    let data = found.and_then(|map| map.data.as_ref());
    let values = data.into_iter().flatten().map(|(key, value)| (key.as_str(), Some(value.clone())));
    Some((Keeper::ConfigMap(&reference.name), values.collect()))
}

/// One that is absent gives nothing; of one that was not read nobody knows.
fn read<T>(found: &Result<T, Trouble>) -> Option<Option<&T>> {
    match found {
        Ok(object) => Some(Some(object)),
        Err(Trouble { code: code::NOT_FOUND, .. }) => Some(None),
        Err(_) => None,
    }
}

/// What an entry of `env` gives, by its text or by a key of an object.
fn own<'a>(variable: &'a EnvVar, shelf: &Shelf) -> (Keeper<'a>, Option<String>) {
    let Some(from) = &variable.value_from else { return (Keeper::Pod, variable.value.clone()) };
    if let Some(key) = &from.secret_key_ref {
        let secret: Option<&Secret> = shelf.found(&key.name);
        return (Keeper::Secret(&key.name), secret.and_then(|secret| value(secret, &key.key)));
    }
    let Some(key) = &from.config_map_key_ref else { return (Keeper::Pod, None) };
    let map: Option<&ConfigMap> = shelf.map(&key.name).and_then(|found| found.as_ref().ok());
    (Keeper::ConfigMap(&key.name), map.and_then(|map| map.data.as_ref()?.get(&key.key).cloned()))
}

//! Where a secret value comes from. A source is plain data: it may stand in a stack file, a plan
//! and state, because it names the secret without holding it.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::Secret;

/// The shortest secret that a fingerprint may stand for; shorter ones could be guessed from it.
pub const MIN_SOURCE_LENGTH: usize = 16;

/// A place that holds a secret, resolved inside the provider when the value is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// An environment variable of the process that applies.
    FromEnv(String),
    /// A file of mode 0600; one trailing newline is dropped.
    FromFile(String),
    /// An entry of the system's keyring.
    FromKeyring(String),
    /// The admin credential of an Azure registry, listed when needed.
    FromRegistry(RegistryCredential),
}

/// One half of the admin credential of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryCredential {
    /// ARM id of the registry.
    pub registry_id: String,
    /// Which half.
    pub field: CredentialField,
}

/// The halves of a registry credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CredentialField {
    /// The user name; not secret by itself, but it travels with the password.
    Username,
    /// The first password.
    Password,
    /// The second password, for the time in which the first one is made anew.
    Password2,
}

/// A secret given by value (encrypted in state) or by source (fingerprint in state).
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum SecretInput {
    /// The value itself.
    Value(Secret<String>),
    /// Where it is.
    Source(Source),
}

impl Serialize for SecretInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(secret) => secret.serialize(serializer),
            Self::Source(source) => source.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Through the secret's own gate, so that a secret value may come in; what is inside
        // decides which of the two it is.
        let inner = Secret::<serde_json::Value>::deserialize(deserializer)?.into_exposed();
        match inner {
            serde_json::Value::String(text) => Ok(Self::Value(Secret::new(text))),
            map @ serde_json::Value::Object(_) => {
                Source::deserialize(map).map(Self::Source).map_err(|_| D::Error::custom("not a known secret source"))
            }
            _ => Err(D::Error::custom("a secret is text or a source such as `from_env`")),
        }
    }
}

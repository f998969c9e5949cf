//! The configuration of the provider: which cloud, and who signs in. What is not said comes from the environment.

use std::path::PathBuf;
use std::sync::Arc;

use mops_core::cloud::{AuthKind, AzureAuth, Cloud};
use mops_core::convert::from_value;
use mops_core::{Class, Error, Provider, Secret, SecretInput, Value};
use mops_host::{Env, SystemClock};
use mops_resources::{Resources, Services, services};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Variable with the file that replaces the cloud.
const CLOUD_FILE: &str = "MOPS_CLOUD";
/// Variable with the secret of the application.
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";

/// A cloud of Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudName {
    /// The public cloud.
    #[default]
    Public,
    /// Azure Government.
    Government,
    /// Azure operated in China.
    China,
}

/// Which cloud, and who signs in.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The cloud; default `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudName>,
    /// File with the endpoints of another cloud, your own and of mode 0600; it replaces `cloud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_file: Option<String>,
    /// Which identity signs in; default `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthKind>,
    /// Directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Application or identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The secret of the application, or where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretInput>,
    /// PEM file with certificate and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<String>,
}

impl Config {
    /// Reads it from properties. Languages send what is no text as JSON in a text: both forms are taken.
    ///
    /// # Errors
    /// When a property is not known or of another kind.
    pub fn of(properties: &Value) -> Result<Self, Error> {
        let members = properties.as_map().into_iter().flatten().filter(|(name, _)| !is_the_engines(name));
        let members = members.map(|(name, value)| (name.clone(), plain(name, value))).collect();
        from_value(Value::Map(members))
            .map_err(|e| Error::new(Class::User, format!("the configuration of `modelops` is not valid: {e}")))
    }
}

/// Properties of every provider, which the engine reads itself.
fn is_the_engines(name: &str) -> bool {
    name.starts_with("__") || ["version", "pluginDownloadURL"].contains(&name)
}

/// What may be secret in a program although it is none here, and objects that came as text.
fn plain(name: &str, value: &Value) -> Value {
    match value {
        Value::Secret(inner) if name != "clientSecret" => plain(name, inner.expose()),
        Value::Secret(inner) => plain(name, inner.expose()).into_secret(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| value.clone(), Value::from)
        }
        other => other.clone(),
    }
}

/// A configuration in the words of the clients.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Endpoints.
    pub cloud: Cloud,
    /// Identity.
    pub auth: AzureAuth,
    /// The environment; a client secret that was given by value stands in the place of the variable.
    pub env: Env,
}

impl Settings {
    /// What follows from a configuration in an environment.
    ///
    /// # Errors
    /// When the file of the cloud cannot be used.
    pub fn of(config: &Config, env: &Env) -> Result<Self, Error> {
        let (secret, env) = match &config.client_secret {
            None => (None, env.clone()),
            Some(SecretInput::Source(source)) => (Some(source.clone()), env.clone()),
            Some(SecretInput::Value(value)) => (None, with(env, CLIENT_SECRET, value)),
        };
        let auth = AzureAuth {
            kind: config.auth.unwrap_or_default(),
            tenant_id: config.tenant_id.clone(),
            client_id: config.client_id.clone(),
            client_secret: secret,
            certificate_file: config.certificate_file.as_ref().map(PathBuf::from),
        };
        Ok(Self { cloud: cloud(config, &env)?, auth, env })
    }

    /// What the chosen identity cannot do without and nobody said: name and what it is.
    #[must_use]
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let Self { auth, env, .. } = self;
        let has = |given: bool, variable: &str| given || env.has(variable);
        let tenant = (has(auth.tenant_id.is_some(), "AZURE_TENANT_ID"), "tenantId", "directory; else AZURE_TENANT_ID");
        let client =
            (has(auth.client_id.is_some(), "AZURE_CLIENT_ID"), "clientId", "application; else AZURE_CLIENT_ID");
        let secret = (
            has(auth.client_secret.is_some(), CLIENT_SECRET),
            "clientSecret",
            "secret of the application, or where it is; else AZURE_CLIENT_SECRET",
        );
        let file = (auth.certificate_file.is_some(), "certificateFile", "PEM file with certificate and key");
        let needs = match auth.kind {
            AuthKind::ServicePrincipal => vec![tenant, client, secret],
            AuthKind::Certificate => vec![tenant, client, file],
            _ => Vec::new(),
        };
        needs.into_iter().filter(|(there, ..)| !there).map(|(_, name, what)| (name, what)).collect()
    }
}

fn with(env: &Env, name: &str, value: &Secret<String>) -> Env {
    let others = env.iter().filter(|(other, _)| *other != name);
    Env::of(others.chain([(name, value.expose().as_str())]))
}

fn cloud(config: &Config, env: &Env) -> Result<Cloud, Error> {
    if let Some(name) = config.cloud_file.as_deref().or_else(|| env.get(CLOUD_FILE)) {
        let text = mops_engine::stackfile::read_cloud_file(name, env)?;
        return mops_engine::stackfile::cloud_file(name, text.expose()).map_err(|found| {
            let said: Vec<String> = found.iter().map(ToString::to_string).collect();
            Error::new(Class::User, format!("the cloud file `{name}` cannot be used: {}", said.join("; ")))
        });
    }
    Ok(match config.cloud.unwrap_or_default() {
        CloudName::Public => Cloud::public(),
        CloudName::Government => Cloud::government(),
        CloudName::China => Cloud::china(),
    })
}

/// The product's resources over clients that open nothing before their first use.
pub(super) fn connect(settings: Settings) -> Result<Arc<dyn Provider>, Error> {
    let Settings { cloud, auth, env } = settings;
    let config = services::Config::reaching(cloud, auth, env, SystemClock::shared())?;
    Ok(Arc::new(Resources::new(Services::new(config))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Source;

    fn config(json: serde_json::Value) -> Config {
        Config::of(&Value::from(json)).unwrap()
    }

    #[test]
    fn a_secret_comes_by_value_or_by_source_and_is_never_shown() {
        let env = Env::of([("AZURE_TENANT_ID", "t")]);
        let by_text =
            config(serde_json::json!({"clientSecret": "{\"from_env\": \"X\"}", "version": "0.1.0", "__internal": {}}));
        let settings = Settings::of(&by_text, &env).unwrap();
        assert_eq!(settings.auth.client_secret, Some(Source::FromEnv("X".into())));
        let by_value = Value::Map([("clientSecret".to_owned(), Value::from("canary").into_secret())].into());
        let settings = Settings::of(&Config::of(&by_value).unwrap(), &env).unwrap();
        assert_eq!(settings.env.get("AZURE_CLIENT_SECRET"), Some("canary"));
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_an_identity_needs_is_named() {
        let env = Env::of([("AZURE_TENANT_ID", "t")]);
        let missing =
            |json| Settings::of(&config(json), &env).unwrap().missing().iter().map(|(name, _)| *name).collect();
        let found: Vec<&str> = missing(serde_json::json!({"auth": "service_principal", "clientSecret": "s"}));
        assert_eq!(found, ["clientId"]);
        let found: Vec<&str> = missing(serde_json::json!({"auth": "certificate", "clientId": "c"}));
        assert_eq!(found, ["certificateFile"]);
        assert!(Config::of(&Value::from(serde_json::json!({"tenant": "t"}))).is_err());
    }
}

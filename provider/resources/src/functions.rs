//! Functions: reads that a program may ask for without declaring a resource.

use mops_clients::novita::AuthRef;
use mops_core::convert::{from_value, to_value};
use mops_core::{Class, Error, Secret, Value};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::services::Services;

const REGISTRY_CREDENTIALS: &str = "modelops:azure:getRegistryCredentials";
const NOVITA_AUTH: &str = "modelops:novita:getRegistryAuth";
const KNOWN: [&str; 2] = [REGISTRY_CREDENTIALS, NOVITA_AUTH];

/// The declaration of a function.
pub struct Function {
    /// For example `modelops:azure:getRegistryCredentials`.
    pub token: &'static str,
    /// What it gives, in a sentence.
    pub description: String,
    /// JSON Schema of the arguments.
    pub inputs: serde_json::Value,
    /// JSON Schema of the result; secrets carry `"secret": true`.
    pub outputs: serde_json::Value,
}

/// The credential of a registry's admin user.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegistryCredentialsArgs {
    /// ARM id of the registry.
    registry_id: String,
}

/// Name and password.
#[derive(Serialize, JsonSchema)]
struct RegistryCredentials {
    /// User name.
    username: String,
    /// The first password.
    password: Secret<String>,
}

/// A registry login that Novita keeps, by its id or by its name.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NovitaAuthArgs {
    /// Its id; upper and lower case count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its name: the registry. Exactly one login may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A registry login; its password is never given.
#[derive(Serialize, JsonSchema)]
struct NovitaAuth {
    /// Its id.
    id: String,
    /// The registry.
    name: String,
    /// User.
    username: String,
}

fn function<A: JsonSchema, R: JsonSchema>(token: &'static str) -> Function {
    let inputs = schemars::schema_for!(A).to_value();
    let description = inputs["description"].as_str().unwrap_or_default().to_owned();
    Function { token, description, inputs, outputs: schemars::schema_for!(R).to_value() }
}

/// Every function.
#[must_use]
pub fn all() -> Vec<Function> {
    vec![
        function::<RegistryCredentialsArgs, RegistryCredentials>(REGISTRY_CREDENTIALS),
        function::<NovitaAuthArgs, NovitaAuth>(NOVITA_AUTH),
    ]
}

/// Calls one.
pub(crate) async fn invoke(services: &Services, token: &str, args: &Value) -> Result<Value, Error> {
    match token {
        REGISTRY_CREDENTIALS => {
            let args: RegistryCredentialsArgs = read(token, args)?;
            let login = services.registry_login(&args.registry_id).await?;
            given(token, &RegistryCredentials { username: login.username, password: login.password })
        }
        NOVITA_AUTH => {
            let args: NovitaAuthArgs = read(token, args)?;
            let wanted = match (args.id, args.name) {
                (Some(id), None) => AuthRef::Id(id),
                (None, Some(name)) => AuthRef::Name(name),
                _ => {
                    let text = format!("`{token}` needs either `id` or `name`");
                    return Err(Error::new(Class::User, text).hint("give one of them"));
                }
            };
            let found = services.novita(None).await?.resolve(&wanted).await?.auth;
            given(token, &NovitaAuth { id: found.id, name: found.name, username: found.username })
        }
        _ => {
            let known = KNOWN.map(|token| format!("`{token}`")).join(" and ");
            let text = format!("`{token}` is not a function of this version");
            Err(Error::new(Class::NotFound, text).hint(format!("there is {known}")))
        }
    }
}

fn read<T: DeserializeOwned>(token: &str, args: &Value) -> Result<T, Error> {
    from_value(args.clone())
        .map_err(|e| Error::new(Class::User, format!("the arguments of `{token}` are not valid: {e}")))
}

fn given(token: &str, found: &impl Serialize) -> Result<Value, Error> {
    to_value(found).map_err(|e| Error::new(Class::Bug, format!("the result of `{token}` has no form as a value: {e}")))
}

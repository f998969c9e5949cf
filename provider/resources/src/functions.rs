//! Functions: reads that a program may ask for without declaring a resource.

use mops_core::convert::{from_value, to_value};
use mops_core::{Class, Error, Secret, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::services::Services;

const REGISTRY_CREDENTIALS: &str = "modelops:azure:getRegistryCredentials";

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

/// Every function.
#[must_use]
pub fn all() -> Vec<Function> {
    let inputs = schemars::schema_for!(RegistryCredentialsArgs).to_value();
    let description = inputs["description"].as_str().unwrap_or_default().to_owned();
    let outputs = schemars::schema_for!(RegistryCredentials).to_value();
    vec![Function { token: REGISTRY_CREDENTIALS, description, inputs, outputs }]
}

/// Calls one.
pub(crate) async fn invoke(services: &Services, token: &str, args: &Value) -> Result<Value, Error> {
    if token != REGISTRY_CREDENTIALS {
        let text = format!("`{token}` is not a function of this version");
        return Err(Error::new(Class::NotFound, text).hint(format!("there is `{REGISTRY_CREDENTIALS}`")));
    }
    let args: RegistryCredentialsArgs = from_value(args.clone())
        .map_err(|e| Error::new(Class::User, format!("the arguments of `{token}` are not valid: {e}")))?;
    let login = services.registry_login(&args.registry_id).await?;
    let found = RegistryCredentials { username: login.username, password: login.password };
    to_value(&found).map_err(|e| Error::new(Class::Bug, format!("the result of `{token}` has no form as a value: {e}")))
}

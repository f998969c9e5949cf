//! The package schema, from which Pulumi makes its languages' libraries: what the resources declare about themselves, in
//! Pulumi's words. `schema/pulumi.schema.json` is this, byte by byte (`tests/pulumi/schema.rs`).

mod kinds;
mod secrecy;

use mops_core::schema::ResourceSchema;
use mops_resources::functions::{self, Function};
use serde_json::{Map, Value as Json, json};

use crate::construct;
use crate::provider::Config;
use kinds::Kinds;

pub(crate) use kinds::is_secret;
pub(crate) use secrecy::placed;

/// Where the configuration comes from when the program does not say: property and variable. The client's secret comes from
/// `AZURE_CLIENT_SECRET` too, but inside the provider: it may be of two types, for which Go's generator knows no default,
/// and a program that never holds it cannot lose it.
const FROM_ENVIRONMENT: [(&str, &str); 3] =
    [("cloudFile", "MOPS_CLOUD"), ("tenantId", "AZURE_TENANT_ID"), ("clientId", "AZURE_CLIENT_ID")];

/// The whole package.
#[must_use]
pub fn package() -> Json {
    let mut kinds = Kinds::default();
    let provider = provider(&mut kinds);
    let mut resources: Map<String, Json> = mops_resources::entries()
        .iter()
        .map(|entry| (entry.schema().token.to_owned(), resource(entry.schema(), &mut kinds)))
        .collect();
    resources.insert(construct::TOKEN.to_owned(), component(&mut kinds));
    let functions: Map<String, Json> =
        functions::all().iter().map(|f| (f.token.to_owned(), function(f, &mut kinds))).collect();
    json!({
        "name": crate::PACKAGE,
        "displayName": "ModelOps",
        "version": crate::VERSION,
        "description": "Registry, cluster, storage and secrets of a model-serving stack.",
        "keywords": ["kind/native", "category/infrastructure", "azure", "kubernetes"],
        "license": "Apache-2.0",
        "meta": {"moduleFormat": "(.*)", "supportPack": true},
        "language": {
            "csharp": {"respectSchemaVersion": true},
            "go": {"respectSchemaVersion": true},
            "nodejs": {"respectSchemaVersion": true},
            "python": {"respectSchemaVersion": true, "pyproject": {"enabled": true}},
        },
        "config": {"variables": provider["inputProperties"]},
        "types": kinds.into_types(),
        "provider": provider,
        "resources": resources,
        "functions": functions,
    })
}

/// The text of the published file.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", package())
}

fn provider(kinds: &mut Kinds) -> Json {
    let config = schemars::schema_for!(Config).to_value();
    let mut properties = kinds.properties("modelops:index:Provider", &config);
    for (name, variable) in FROM_ENVIRONMENT {
        properties[name]["defaultInfo"] = json!({"environment": [variable]});
    }
    json!({"description": config["description"], "inputProperties": properties})
}

fn resource(schema: &ResourceSchema, kinds: &mut Kinds) -> Json {
    let mut inputs = kinds.properties(schema.token, &schema.inputs);
    for property in schema.replace.iter().filter(|property| !property.contains('.')) {
        inputs[*property]["willReplaceOnChanges"] = json!(true);
        say(&mut inputs[*property], "Changing it replaces the resource.");
    }
    let mut properties = inputs.clone();
    properties.extend(without_id(kinds.properties(schema.token, &schema.outputs)));
    let mut required = names(&schema.inputs);
    required.extend(names(&schema.outputs).into_iter().filter(|name| name != "id"));
    required.sort();
    required.dedup();
    json!({
        "description": schema.description,
        "properties": properties,
        "required": required,
        "inputProperties": inputs,
        "requiredInputs": names(&schema.inputs),
    })
}

/// Our component: its outputs are those of the parts, under the names of the sections that ask for them.
fn component(kinds: &mut Kinds) -> Json {
    let inputs = schemars::schema_for!(construct::Inputs).to_value();
    let outputs = schemars::schema_for!(construct::Outputs).to_value();
    json!({
        "description": inputs["description"],
        "isComponent": true,
        "properties": kinds.properties(construct::TOKEN, &outputs),
        "inputProperties": kinds.properties(construct::TOKEN, &inputs),
    })
}

fn function(function: &Function, kinds: &mut Kinds) -> Json {
    json!({
        "description": function.description,
        "inputs": {"properties": kinds.properties(function.token, &function.inputs), "required": names(&function.inputs)},
        "outputs": {"properties": kinds.properties(function.token, &function.outputs), "required": names(&function.outputs)},
    })
}

/// Adds to what is said of a property what only its flags would tell: libraries show the words.
fn say(property: &mut Json, sentence: &str) {
    let said = property["description"].as_str().unwrap_or_default();
    property["description"] = json!(format!("{said} {sentence}").trim());
}

/// Pulumi has a place of its own for the id.
fn without_id(mut properties: Map<String, Json>) -> Map<String, Json> {
    properties.remove("id");
    properties
}

fn names(schema: &Json) -> Vec<String> {
    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

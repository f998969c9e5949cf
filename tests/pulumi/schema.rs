//! The published package schema is the one that the resources give, and it keeps Pulumi's rules.

use mops_host::{Env, fsx};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use serde_json::Value;

use super::wire::Wire;
use crate::stand::Stand;

#[test]
fn package_schema_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/pulumi.schema.json");
    let now = mops_pulumi::schema::text();
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&path, now.as_bytes()).unwrap();
    }
    let kept = fsx::read_text(&path).unwrap_or_default();
    assert!(kept == now, "schema/pulumi.schema.json is stale: `make golden` writes it");
}

#[tokio::test]
async fn the_provider_gives_the_published_schema() {
    let stand = Stand::new();
    let mut wire = Wire::unconfigured(std::sync::Arc::new(stand.provider()), stand.clock.clone()).await;
    let answer = wire.client.get_schema(rpc::GetSchemaRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.schema, mops_pulumi::schema::text());
    let other = rpc::GetSchemaRequest { version: 1, ..rpc::GetSchemaRequest::default() };
    assert_eq!(wire.client.get_schema(other).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref") {
                found.push(to.clone());
            }
            map.values().for_each(|below| references(below, found));
        }
        Value::Array(list) => list.iter().for_each(|below| references(below, found)),
        _ => {}
    }
}

#[test]
fn the_schema_keeps_pulumis_rules() {
    let schema = mops_pulumi::schema::package();
    let mut found = Vec::new();
    references(&schema, &mut found);
    for to in found.iter().filter(|to| *to != "pulumi.json#/Any") {
        let token = to.strip_prefix("#/types/").unwrap_or_else(|| panic!("{to}"));
        assert!(schema["types"][token].is_object(), "{to} leads nowhere");
    }
    assert!(!found.is_empty());
    let tokens = |part: &str| schema[part].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all: Vec<String> = ["types", "resources", "functions"].iter().flat_map(|p| tokens(p)).collect();
    let mut lower: Vec<String> = all.iter().map(|t| t.to_lowercase()).collect();
    lower.sort();
    lower.dedup();
    assert_eq!(lower.len(), all.len(), "two tokens differ by case only: {all:?}");
    assert!(all.iter().all(|token| token.split(':').count() == 3), "{all:?}");
    let component = &schema["resources"]["modelops:index:Workspace"];
    assert_eq!(component["isComponent"], true);
    assert_eq!(tokens("resources").len(), mops_resources::entries().len() + 1);
    for (token, resource) in schema["resources"].as_object().unwrap() {
        for list in ["required", "requiredInputs"] {
            let properties = if list == "required" { "properties" } else { "inputProperties" };
            for name in resource[list].as_array().into_iter().flatten() {
                assert!(resource[properties][name.as_str().unwrap()].is_object(), "{token}: {name}");
            }
        }
        for (name, property) in resource["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{token}.{name} has no description");
            assert!(!["id", "urn", "pulumi"].contains(&name.as_str()), "{token}.{name} is reserved");
        }
    }
}

#[test]
fn secrets_and_replacements_are_declared() {
    let schema = mops_pulumi::schema::package();
    let property = |token: &str, part: &str, name: &str| schema["resources"][token][part][name].clone();
    for (token, part, name) in [
        ("modelops:azure:BlobSasToken", "properties", "token"),
        ("modelops:azure:BlobSasToken", "properties", "connectionString"),
        ("modelops:azure:RegistryToken", "properties", "password"),
        ("modelops:kubernetes:Secret", "inputProperties", "data"),
        ("modelops:kubernetes:ImagePullSecret", "inputProperties", "password"),
        ("modelops:ngc:Credentials", "inputProperties", "apiKey"),
    ] {
        assert_eq!(property(token, part, name)["secret"], true, "{token}.{name}");
    }
    assert_ne!(property("modelops:azure:BlobSasToken", "properties", "expiry")["secret"], true);
    assert_eq!(schema["provider"]["inputProperties"]["clientSecret"]["secret"], true);
    assert_eq!(property("modelops:azure:NodePool", "inputProperties", "clusterId")["willReplaceOnChanges"], true);
    assert_ne!(property("modelops:azure:ContainerRegistry", "inputProperties", "sku")["willReplaceOnChanges"], true);
}

/// The most that the schema may weigh, in bytes: every start of a program reads it.
const WEIGHT: usize = 300 << 10;

fn undescribed(place: &str, properties: &Value, found: &mut Vec<String>) {
    for (name, property) in properties.as_object().into_iter().flatten() {
        if property["description"].as_str().is_none_or(str::is_empty) {
            found.push(format!("{place}.{name}"));
        }
    }
}

#[test]
fn everything_is_described_and_the_whole_is_small() {
    let schema = mops_pulumi::schema::package();
    let mut found = Vec::new();
    undescribed("provider", &schema["provider"]["inputProperties"], &mut found);
    for part in ["resources", "functions", "types"] {
        for (token, thing) in schema[part].as_object().unwrap() {
            if thing["description"].as_str().is_none_or(str::is_empty) {
                found.push(token.clone());
            }
            for bag in ["/properties", "/inputProperties", "/inputs/properties", "/outputs/properties"] {
                undescribed(token, thing.pointer(bag).unwrap_or(&Value::Null), &mut found);
            }
            let values = thing["enum"].as_array().into_iter().flatten();
            found.extend(values.filter(|v| !v["description"].is_string()).map(|v| format!("{token}: {}", v["value"])));
        }
    }
    assert_eq!(found, Vec::<String>::new(), "without a description");
    assert!(mops_pulumi::schema::text().len() <= WEIGHT);
}

#[test]
fn replacements_secrets_and_enumerations_are_those_of_the_types() {
    let schema = mops_pulumi::schema::package();
    for declared in mops_resources::entries().iter().map(|entry| entry.schema()) {
        for (name, property) in schema["resources"][declared.token]["inputProperties"].as_object().unwrap() {
            let place = format!("{}.{name}", declared.token);
            let said = property["description"].as_str().unwrap();
            let replaces = declared.replace.contains(&name.as_str());
            assert_eq!(property["willReplaceOnChanges"] == true, replaces, "{place}");
            assert_eq!(said.contains("Changing it replaces the resource."), replaces, "{place}");
            assert_eq!(said.contains("It is kept as a secret."), property["secret"] == true, "{place}");
        }
        for (name, of) in declared.inputs["$defs"].as_object().into_iter().flatten() {
            let words = of["enum"]
                .as_array()
                .or(of["oneOf"].as_array().filter(|all| all.iter().all(|one| one["const"].is_string())));
            let Some(words) = words else { continue };
            let types = schema["types"].as_object().unwrap().iter();
            let mut same = types.filter(|(token, _)| token.ends_with(&format!(":{name}")));
            assert!(
                same.any(|(_, made)| made["enum"].as_array().is_some_and(|all| all.len() == words.len())),
                "{name}"
            );
        }
    }
}

#[test]
fn the_configuration_is_the_providers() {
    let schema = mops_pulumi::schema::package();
    let inputs = schema["provider"]["inputProperties"].as_object().unwrap();
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&schema["config"]["variables"]), inputs.keys().cloned().collect::<Vec<_>>());
    for (name, variable) in
        [("tenantId", "AZURE_TENANT_ID"), ("clientId", "AZURE_CLIENT_ID"), ("cloudFile", "MOPS_CLOUD")]
    {
        for part in [&schema["provider"]["inputProperties"], &schema["config"]["variables"]] {
            assert!(part["clientSecret"]["defaultInfo"].is_null(), "a program must not hold it");
            assert_eq!(part[name]["defaultInfo"]["environment"][0], variable, "{name}");
        }
    }
}

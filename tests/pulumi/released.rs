//! The package schema takes nothing from a program that was written for an earlier release: [`RULE`].

use serde_json::{Value, json};

/// What a release may do to the package.
const RULE: &str = "a released package keeps its resources, functions, properties, enumerated values, types and secrets: \
                    new ones may come, but none goes, none is typed anew and no input becomes required. What needs more is \
                    a new property or a new resource";

/// The schema of the last release.
const RELEASED: &str = include_str!("../../schema/released/pulumi-0.1.0.schema.json");

fn released() -> Value {
    serde_json::from_str(RELEASED).unwrap()
}

/// Where properties stand in a resource, a function, the provider or a type, and which of them must be given. Pulumi
/// leaves a list out when it is empty.
const BAGS: [(&str, &str); 5] = [
    ("/properties", "/required"),
    ("/inputProperties", "/requiredInputs"),
    ("/inputs/properties", "/inputs/required"),
    ("/outputs/properties", "/outputs/required"),
    ("/variables", "/required"),
];

/// What a newer package takes away from an older one, a line each.
fn taken(old: &Value, new: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for part in ["resources", "functions", "types"] {
        for (token, then) in members(&old[part]) {
            match &new[part][token] {
                Value::Null => broken.push(format!("`{token}` is gone")),
                now => thing(token, then, now, part == "types", &mut broken),
            }
        }
    }
    for part in ["provider", "config"] {
        thing(part, &old[part], &new[part], false, &mut broken);
    }
    broken
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn thing(token: &str, old: &Value, new: &Value, given: bool, broken: &mut Vec<String>) {
    for value in old["enum"].as_array().into_iter().flatten() {
        let kept = new["enum"].as_array().into_iter().flatten().any(|now| now["value"] == value["value"]);
        if !kept {
            broken.push(format!("`{token}`: value {} is gone", value["value"]));
        }
    }
    for (properties, required) in BAGS {
        let at = |whole: &Value, path: &str| whole.pointer(path).cloned().unwrap_or_default();
        let (then, now) = (at(old, properties), at(new, properties));
        for (name, property) in members(&then) {
            match &now[name] {
                Value::Null => broken.push(format!("`{token}.{name}` is gone from {properties}")),
                now => retyped(&format!("{token}.{name}"), property, now, broken),
            }
        }
        let (then, now) = (at(old, required), at(new, required));
        let has = |list: &Value, name: &Value| list.as_array().is_some_and(|all| all.contains(name));
        // A type serves both ways, so of its properties none may come to be required and none may cease to be.
        if given || properties.to_lowercase().contains("input") {
            let more = now.as_array().into_iter().flatten().filter(|name| !has(&then, name));
            broken.extend(more.map(|name| format!("`{token}`: {name} is required now")));
        }
        if given || !properties.to_lowercase().contains("input") {
            let less = then.as_array().into_iter().flatten().filter(|name| !has(&now, name));
            broken.extend(less.map(|name| format!("`{token}`: {name} may be absent now")));
        }
    }
}

fn retyped(place: &str, old: &Value, new: &Value, broken: &mut Vec<String>) {
    for word in ["type", "$ref", "items", "additionalProperties", "oneOf", "const"] {
        if old[word] != new[word] {
            broken.push(format!("`{place}`: {word} {} became {}", old[word], new[word]));
        }
    }
    if old["secret"] == true && new["secret"] != true {
        broken.push(format!("`{place}` is no secret any more"));
    }
}

#[test]
fn no_program_for_the_last_release_breaks() {
    let broken = taken(&released(), &mops_pulumi::schema::package());
    assert!(broken.is_empty(), "{RULE}:\n{}", broken.join("\n"));
}

type Edit = fn(&mut Value);

#[test]
fn what_would_break_a_program_is_noticed() {
    const TOKEN: &str = "modelops:azure:BlobSasToken";
    const REGISTRY: &str = "modelops:azure:ContainerRegistry";
    let remove = |whole: &mut Value, path: &str, name: &str| {
        drop(whole.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name));
    };
    let old = released();
    let mut cases: Vec<(&str, Value)> = Vec::new();
    for (want, path, name) in [
        ("`modelops:kubernetes:Secret` is gone", "/resources", "modelops:kubernetes:Secret"),
        ("`modelops:azure:getRegistryCredentials` is gone", "/functions", "modelops:azure:getRegistryCredentials"),
        ("`provider.tenantId` is gone", "/provider/inputProperties", "tenantId"),
        (
            "`modelops:azure:ContainerRegistry.sku` is gone",
            "/resources/modelops:azure:ContainerRegistry/inputProperties",
            "sku",
        ),
        (
            "`modelops:azure:BlobSasToken.token` is no secret",
            "/resources/modelops:azure:BlobSasToken/properties/token",
            "secret",
        ),
    ] {
        let mut new = old.clone();
        remove(&mut new, path, name);
        cases.push((want, new));
    }
    let edits: [(&str, Edit); 4] = [
        ("`modelops:azure:BlobSasToken.lifetimeSeconds`: type", |s| {
            s["resources"][TOKEN]["inputProperties"]["lifetimeSeconds"]["type"] = json!("string");
        }),
        ("`modelops:azure:BlobSasToken`: \"policy\" is required now", |s| {
            s["resources"][TOKEN]["requiredInputs"].as_array_mut().unwrap().push("policy".into());
        }),
        ("`modelops:azure:ContainerRegistry`: \"loginServer\" may be absent", |s| {
            s["resources"][REGISTRY]["required"].as_array_mut().unwrap().retain(|name| name != "loginServer");
        }),
        ("`modelops:azure:RoleMode`: value", |s| {
            drop(s["types"]["modelops:azure:RoleMode"]["enum"].as_array_mut().unwrap().pop());
        }),
    ];
    for (want, edit) in edits {
        let mut new = old.clone();
        edit(&mut new);
        cases.push((want, new));
    }
    for (want, new) in cases {
        let broken = taken(&old, &new);
        assert!(broken.iter().any(|line| line.starts_with(want)), "{want} is not in {broken:?}");
    }
}

#[test]
fn what_is_new_breaks_no_program() {
    let old = released();
    let mut more = old.clone();
    more["resources"]["modelops:index:New"] = json!({"isComponent": true});
    more["resources"]["modelops:azure:ContainerRegistry"]["inputProperties"]["more"] = json!({"type": "string"});
    more["types"]["modelops:azure:RoleMode"]["enum"].as_array_mut().unwrap().push(json!({"value": "New"}));
    assert_eq!(taken(&old, &more), Vec::<String>::new());
}

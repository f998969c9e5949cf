//! From JSON Schema, as types declare themselves, to Pulumi's types. Objects and enumerations with a name go to a table
//! of their own; everything else is said where it stands.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

/// Where values of any form are described.
const ANY: &str = "pulumi.json#/Any";

/// The named types that were met.
#[derive(Default)]
pub(super) struct Kinds(BTreeMap<String, Json>);

/// One declaration: its definitions, and the module that its names go to.
struct Place<'a> {
    root: &'a Json,
    token: &'a str,
}

/// Whether a property is secret as a whole.
pub(crate) fn is_secret(node: &Json) -> bool {
    node["secret"] == true
}

/// The alternatives of a node, null left out; the node itself when it has none.
fn alternatives(node: &Json) -> Vec<&Json> {
    let listed = node["anyOf"].as_array().or(node["oneOf"].as_array());
    listed.map_or_else(|| vec![node], |list| list.iter().filter(|one| one["type"] != "null").collect())
}

/// What a node refers to, by name.
pub(super) fn target<'a>(root: &'a Json, node: &'a Json) -> Option<(&'a str, &'a Json)> {
    let name = node["$ref"].as_str()?.strip_prefix("#/$defs/")?;
    Some((name, &root["$defs"][name]))
}

impl Kinds {
    /// The table, sorted by name.
    pub(super) fn into_types(self) -> Json {
        Json::Object(self.0.into_iter().collect())
    }

    /// The properties of an object.
    pub(super) fn properties(&mut self, token: &str, schema: &Json) -> Map<String, Json> {
        self.members(&Place { root: schema, token }, schema)
    }

    fn members(&mut self, place: &Place<'_>, object: &Json) -> Map<String, Json> {
        let properties = object["properties"].as_object().into_iter().flatten();
        properties.map(|(name, node)| (name.clone(), self.property(place, node))).collect()
    }

    fn property(&mut self, place: &Place<'_>, node: &Json) -> Json {
        let mut made = self.kind(place, node);
        if let Some(description) = node["description"].as_str() {
            made["description"] = json!(description);
        }
        if node["default"].is_string() || node["default"].is_boolean() || node["default"].is_number() {
            made["default"] = node["default"].clone();
        }
        if holds_secret(place.root, node) {
            made["secret"] = json!(true);
            super::say(&mut made, "It is kept as a secret.");
        }
        made
    }

    fn kind(&mut self, place: &Place<'_>, node: &Json) -> Json {
        if let Some((name, of)) = target(place.root, node) {
            return self.named(place, name, of);
        }
        match alternatives(node).as_slice() {
            [one] if !std::ptr::eq(*one, node) => return self.kind(place, one),
            [_] => {}
            several => return json!({"oneOf": several.iter().map(|one| self.kind(place, one)).collect::<Vec<_>>()}),
        }
        let word = node["type"].as_str().or_else(|| node["type"].as_array()?.iter().find(|t| *t != "null")?.as_str());
        match word {
            Some("array") => json!({"type": "array", "items": self.kind(place, &node["items"])}),
            Some("object") => {
                json!({"type": "object", "additionalProperties": self.kind(place, &node["additionalProperties"])})
            }
            Some(scalar) => json!({"type": scalar}),
            None => json!({"$ref": ANY}),
        }
    }

    fn named(&mut self, place: &Place<'_>, name: &str, of: &Json) -> Json {
        let made = if let Some(values) = values(of) {
            json!({"type": "string", "description": of["description"], "enum": values})
        } else {
            let objects = alternatives(of);
            if !objects.iter().all(|one| one["properties"].is_object()) {
                return self.kind(place, of);
            }
            self.object(place, of, &objects)
        };
        let module = place.token.rsplit_once(':').map_or("", |(module, _)| module);
        let token = match self.0.get(&format!("{module}:{name}")) {
            Some(other) if *other != made => format!("{}{name}", place.token),
            _ => format!("{module}:{name}"),
        };
        self.0.insert(token.clone(), made);
        json!({"$ref": format!("#/types/{token}")})
    }

    /// One object, or several of which one is to be given: then all properties in one, none of them required.
    fn object(&mut self, place: &Place<'_>, of: &Json, objects: &[&Json]) -> Json {
        let mut properties = Map::new();
        for object in objects {
            let mut members = self.members(place, object);
            if let (1, [only]) = (members.len(), members.values_mut().collect::<Vec<_>>().as_mut_slice())
                && only["description"].is_null()
            {
                only["description"] = object["description"].clone();
            }
            properties.extend(members);
        }
        let required = if objects.len() == 1 { super::names(objects[0]) } else { Vec::new() };
        json!({"type": "object", "description": of["description"], "properties": properties, "required": required})
    }
}

/// The words of an enumeration.
fn values(of: &Json) -> Option<Vec<Json>> {
    if let Some(plain) = of["enum"].as_array() {
        return Some(plain.iter().map(|value| json!({"value": value})).collect());
    }
    let words = of["oneOf"].as_array()?;
    let word = |one: &Json| {
        one["const"].is_string().then(|| json!({"value": one["const"], "description": one["description"]}))
    };
    words.iter().map(word).collect()
}

/// Whether a secret may stand there or in it.
fn holds_secret(root: &Json, node: &Json) -> bool {
    if is_secret(node) {
        return true;
    }
    let node = target(root, node).map_or(node, |(_, of)| of);
    is_secret(node)
        || ["items", "additionalProperties"]
            .iter()
            .any(|below| node[*below].is_object() && holds_secret(root, &node[*below]))
        || alternatives(node).iter().any(|one| !std::ptr::eq(*one, node) && holds_secret(root, one))
}

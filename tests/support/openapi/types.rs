//! The official resource types of newer versions: which properties a resource has beyond the documents.

use std::collections::BTreeMap;
use std::path::Path;

use mops_host::fsx;
use serde_json::Value;

use super::documents::json_files;

/// The bit of a property that only the service writes.
const READ_ONLY: u64 = 2;

/// The newest description of each type, by its name in lower case.
pub(super) struct Types {
    lists: Vec<Value>,
    newest: BTreeMap<String, (String, usize, usize)>,
}

/// One type of resource.
#[derive(Clone, Copy)]
pub(super) struct Kind<'a> {
    list: &'a Value,
    body: &'a Value,
}

impl Types {
    pub(super) fn load(folder: &Path) -> Self {
        let read = |path: &Path| serde_json::from_str(&fsx::read_text(path).expect("a list of types")).expect("JSON");
        let lists: Vec<Value> = json_files(folder).iter().map(|path| read(path)).collect();
        let mut newest: BTreeMap<String, (String, usize, usize)> = BTreeMap::new();
        for (number, list) in lists.iter().enumerate() {
            for (index, entry) in list.as_array().into_iter().flatten().enumerate() {
                let Some((kind, version)) = resource(entry) else { continue };
                let known = newest.get(&kind).is_some_and(|(other, ..)| *other >= version);
                if !known {
                    newest.insert(kind, (version, number, index));
                }
            }
        }
        Self { lists, newest }
    }

    /// The newest description of a type; its name in any case.
    pub(super) fn of(&self, kind: &str) -> Option<Kind<'_>> {
        let (_, list, index) = self.newest.get(&kind.to_lowercase())?;
        let list = &self.lists[*list];
        Some(Kind { list, body: target(list, &list[*index]["body"]) })
    }
}

fn resource(entry: &Value) -> Option<(String, String)> {
    let name = entry["name"].as_str().filter(|_| entry["$type"] == "ResourceType")?;
    let (kind, version) = name.split_once('@')?;
    Some((kind.to_lowercase(), version.to_owned()))
}

/// `{"$ref": "#/12"}` is the twelfth entry of its list.
fn target<'a>(list: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference["$ref"].as_str().unwrap_or_default().trim_start_matches('#');
    list.pointer(pointer).unwrap_or(&Value::Null)
}

impl Kind<'_> {
    /// What is wrong with a property that the older document does not have.
    pub(super) fn faults(&self, place: &str, value: &Value) -> Vec<String> {
        let mut at = self.body;
        let mut flags = 0;
        for name in place.split('/').skip(1) {
            let Some((next, own)) = self.member(at, name) else { return vec![format!("`{place}` is unknown")] };
            (at, flags) = (next, own);
        }
        if flags & READ_ONLY != 0 {
            return vec![format!("`{place}` is read-only")];
        }
        let members = value.as_object().into_iter().flatten().map(|(name, member)| (name.clone(), member));
        let items = value.as_array().into_iter().flatten().enumerate().map(|(n, item)| (n.to_string(), item));
        let below = members.chain(items).filter(|(_, member)| !member.is_null());
        below.flat_map(|(name, member)| self.faults(&format!("{place}/{name}"), member)).collect()
    }

    fn member<'a>(&'a self, at: &'a Value, name: &str) -> Option<(&'a Value, u64)> {
        match at["$type"].as_str()? {
            "ObjectType" => {
                let property = &at["properties"][name];
                let free = &at["additionalProperties"];
                let (reference, flags) =
                    if property.is_object() { (&property["type"], &property["flags"]) } else { (free, free) };
                reference.is_object().then(|| (target(self.list, reference), flags.as_u64().unwrap_or_default()))
            }
            "ArrayType" => Some((target(self.list, &at["itemType"]), 0)),
            _ => None,
        }
    }
}

/// The type of the resource that a path names: `namespace/type/child type`.
#[must_use]
pub fn kind_of(path: &str) -> String {
    let below = path.rsplit_once("/providers/").map_or("", |(_, below)| below);
    let parts: Vec<&str> = below.split('/').collect();
    let kinds = parts.iter().skip(1).step_by(2);
    let group = if below.is_empty() { "Microsoft.Resources/resourceGroups" } else { parts[0] };
    kinds.fold(group.to_owned(), |name, kind| format!("{name}/{kind}"))
}

//! An answer in words that do not change from run to run and from server to server.

use std::cmp::Reverse;

use serde_json::{Map, Value as Json};

/// What every answer has anew: shown by its kind, so that its presence is compared.
const ANEW: [(&str, &str); 14] = [
    ("uid", "UID"),
    ("resourceVersion", "RV"),
    ("creationTimestamp", "TIME"),
    ("deletionTimestamp", "TIME"),
    ("lastTransitionTime", "TIME"),
    ("lastUpdateTime", "TIME"),
    ("lastProbeTime", "TIME"),
    ("startTime", "TIME"),
    ("continue", "TOKEN"),
    ("pod-template-hash", "HASH"),
    ("controller-uid", "UID"),
    ("batch.kubernetes.io/controller-uid", "UID"),
    ("clusterIP", "IP"),
    ("time", "TIME"),
];
/// Who writes at a time of their own: what they hold is compared where a test waits for it.
const CONTROLLERS: [&str; 3] = ["kube-controller-manager", "kube-scheduler", "kubelet"];
/// What the controllers say of an object, at a time of their own.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The token that admission mounts into every pod: only the real server has it.
const TOKEN_VOLUME: &str = "kube-api-access-";
/// Held as such whenever something in them is held, or was.
const MAPS: [&str; 3] = [".data", ".metadata.labels", ".metadata.annotations"];

/// The words for what was seen so far: names and identities that the server chose.
#[derive(Default)]
pub(crate) struct Words(Vec<(String, String)>);

impl Words {
    /// A `Status` or an object on one line.
    pub(crate) fn object(&mut self, object: &Json) -> String {
        self.learn(object);
        self.in_words(&plain("", object).to_string())
    }

    pub(crate) fn in_words(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (found, word)| text.replace(found, word))
    }

    fn learn(&mut self, value: &Json) {
        match value {
            Json::Object(map) => {
                for (key, below) in map {
                    if let (Some(word), Some(text)) = (anew(key), below.as_str()) {
                        self.add(text, word);
                    }
                    self.learn(below);
                }
                if let (Some(prefix), Some(name)) = (map.get("generateName"), map.get("name").and_then(Json::as_str)) {
                    self.add(name, &format!("{}RANDOM", prefix.as_str().unwrap_or_default()));
                }
            }
            Json::Array(list) => list.iter().for_each(|below| self.learn(below)),
            _ => {}
        }
    }

    /// The longest first: a name may end in what has a word of its own.
    fn add(&mut self, found: &str, word: &str) {
        if found.len() > 4 && self.0.iter().all(|(known, _)| known != found) {
            self.0.push((found.to_owned(), word.to_owned()));
            self.0.sort_by_key(|(known, _)| Reverse(known.len()));
        }
    }
}

fn anew(key: &str) -> Option<&'static str> {
    ANEW.iter().find(|(name, _)| *name == key).map(|(_, word)| *word)
}

/// Keys in order, without what is new every time and what only the controllers say.
fn plain(key: &str, value: &Json) -> Json {
    match value {
        Json::String(_) if anew(key).is_some() => Json::from(anew(key)),
        Json::String(text) => Json::from(without_versions(text.split("\n@@").next().unwrap_or_default())),
        Json::Array(list) if key == "managedFields" => managers(list),
        Json::Array(list) => {
            let mut list: Vec<Json> =
                list.iter().filter(|item| !is_token_volume(item)).map(|item| plain("", item)).collect();
            match key {
                "conditions" => list.sort_by_key(|condition| condition["type"].to_string()),
                // The real server has the conflicts of an apply in any order.
                "causes" => list.sort_by_key(|cause| cause["field"].to_string()),
                _ => {}
            }
            Json::Array(list)
        }
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().filter(|key| *key != REVISION && !map[*key].is_null()).collect();
            keys.sort();
            let below = keys.into_iter().map(|key| (key.clone(), plain(key, &map[key])));
            Json::Object(below.filter(|(key, below)| !is_emptied(key, below)).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn is_token_volume(item: &Json) -> bool {
    item["name"].as_str().is_some_and(|name| name.starts_with(TOKEN_VOLUME))
}

/// A list or map of which nothing was left.
fn is_emptied(key: &str, below: &Json) -> bool {
    let empty = below.as_array().is_some_and(Vec::is_empty) || below.as_object().is_some_and(Map::is_empty);
    empty && matches!(key, "managedFields" | "volumes" | "volumeMounts" | "annotations")
}

/// A message names versions in parentheses.
fn without_versions(text: &str) -> String {
    let mut parts = text.split('(');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = rest.len() < part.len() && rest.starts_with(')');
        if number { format!("{done}(N{rest}") } else { format!("{done}({part}") }
    })
}

/// `mops Apply v1: .data.a`, one a manager.
fn managers(list: &[Json]) -> Json {
    let theirs = |manager: &&Json| CONTROLLERS.iter().all(|name| manager["manager"] != *name);
    let mut lines: Vec<String> = list.iter().filter(theirs).filter_map(fields_of).collect();
    lines.sort();
    Json::from(lines)
}

/// `None` when nothing is held.
fn fields_of(manager: &Json) -> Option<String> {
    let mut fields = Vec::new();
    collect(&manager["fieldsV1"], "", &mut fields);
    if fields.is_empty() {
        return None;
    }
    fields.sort();
    let word = |name: &str| manager[name].as_str().unwrap_or_default();
    let part = if word("subresource").is_empty() { String::new() } else { format!(" {}", word("subresource")) };
    Some(format!("{} {} {}{part}: {}", word("manager"), word("operation"), word("apiVersion"), fields.join(" ")))
}

/// The leaves.
fn collect(fields: &Json, path: &str, out: &mut Vec<String>) {
    let Some(map) = fields.as_object().filter(|m| m.keys().any(|k| k != ".")) else {
        if !MAPS.contains(&path) {
            out.push(path.to_owned());
        }
        return;
    };
    for (step, below) in map.iter().filter(|(step, _)| *step != ".") {
        let step = step.strip_prefix("f:").map_or_else(|| format!("[{}]", &step[2..]), |name| format!(".{name}"));
        collect(below, &format!("{path}{step}"), out);
    }
}

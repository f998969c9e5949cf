//! The published schema of the lines of `--json` is the one that the program's own types give, and it breaks no
//! consumer of an earlier release: [`RULE`]. So is that of a saved plan.

use mops_engine::plan::saved;
use mops_host::{Env, fsx};
use serde_json::{Value, json};

/// What a release may do to a line.
const RULE: &str = "a line of a released version keeps its fields: new fields and new types of lines may come, but none \
                    goes, none becomes optional and none changes its type. A change that needs more is a new `type`";

/// The schema of the last release.
const RELEASED: &str = include_str!("../schema/released/events-0.1.0.schema.json");

fn released() -> Value {
    serde_json::from_str(RELEASED).unwrap()
}

fn is_current(name: &str, schema: &Value) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name);
    let now = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&path, now.as_bytes()).unwrap();
    }
    let kept = fsx::read_text(&path).unwrap_or_default();
    assert!(kept == now, "schema/{name} is stale: `make schema` writes it");
}

#[test]
fn lines_schema_is_current() {
    is_current("events.schema.json", &mops::lines_schema());
}

#[test]
fn saved_plan_schema_is_current() {
    is_current("plan.schema.json", &saved::json_schema());
}

/// What a newer schema takes away from an older one.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    broken: Vec<String>,
}

impl<'a> Comparison<'a> {
    /// Every line of the older schema, looked for in the newer one.
    fn of(old: &'a Value, new: &'a Value) -> Vec<String> {
        let mut comparison = Self { old, new, broken: Vec::new() };
        for choice in old["oneOf"].as_array().into_iter().flatten() {
            let kind = choice["$ref"].as_str().unwrap().trim_start_matches("#/$defs/");
            match &new["$defs"][kind] {
                Value::Null => comparison.broken.push(format!("`{kind}` is gone")),
                line => comparison.compare(&old["$defs"][kind], line, kind, 0),
            }
        }
        comparison.broken
    }

    fn compare(&mut self, old: &'a Value, new: &'a Value, place: &str, depth: usize) {
        let (old, new) = (resolved(self.old, old), resolved(self.new, new));
        if depth > 16 {
            return;
        }
        for word in ["type", "const", "format"] {
            if old[word] != new[word] {
                self.broken.push(format!("`{place}`: {word} {} became {}", old[word], new[word]));
            }
        }
        for (name, field) in old["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            match &new["properties"][name] {
                Value::Null => self.broken.push(format!("`{place}` is gone")),
                now => self.compare(field, now, &place, depth + 1),
            }
        }
        for list in ["required", "enum"] {
            let has = |word: &Value| new[list].as_array().is_some_and(|all| all.contains(word));
            let lost = old[list].as_array().into_iter().flatten().filter(|word| !has(word));
            self.broken.extend(lost.map(|word| format!("`{place}`: {word} left {list}")));
        }
        for part in ["items", "additionalProperties"] {
            if old[part].is_object() {
                self.compare(&old[part], &new[part], &format!("{place}[]"), depth + 1);
            }
        }
        for choices in ["oneOf", "anyOf"] {
            for (i, choice) in old[choices].as_array().into_iter().flatten().enumerate() {
                let kept = new[choices].as_array().into_iter().flatten().any(|now| {
                    let mut apart = Comparison { old: self.old, new: self.new, broken: Vec::new() };
                    apart.compare(choice, now, place, depth + 1);
                    apart.broken.is_empty()
                });
                if !kept {
                    self.broken.push(format!("`{place}`: choice {i} is gone"));
                }
            }
        }
    }
}

/// A reference is what it refers to.
fn resolved<'a>(whole: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
        Some(name) => resolved(whole, &whole["$defs"][name]),
        None => part,
    }
}

#[test]
fn no_consumer_of_the_last_release_breaks() {
    let broken = Comparison::of(&released(), &mops::lines_schema());
    assert!(broken.is_empty(), "{RULE}:\n{}", broken.join("\n"));
}

type Edit = fn(&mut Value);

#[test]
fn what_would_break_a_consumer_is_noticed() {
    let old = released();
    let edits: [(&str, Edit); 8] = [
        ("`removed` is gone", |s| drop(s["$defs"].as_object_mut().unwrap().remove("removed"))),
        ("`status.lineage` is gone", |s| {
            drop(s["$defs"]["status"]["properties"].as_object_mut().unwrap().remove("lineage"));
        }),
        ("`valid.resources`: type", |s| s["$defs"]["valid"]["properties"]["resources"] = json!({"type": "string"})),
        ("`cloud`: \"arm\" left required", |s| s["$defs"]["cloud"]["required"] = json!(["type", "version", "name"])),
        ("`init.version`: const 1 became 2", |s| s["$defs"]["init"]["properties"]["version"]["const"] = json!(2)),
        ("`status.open[].urn` is gone", |s| {
            drop(s["$defs"]["StatusOpen"]["properties"].as_object_mut().unwrap().remove("urn"));
        }),
        ("`diagnostic.severity`: choice 0 is gone", |s| {
            s["$defs"]["DiagnosticSeverity"]["oneOf"][0]["const"] = json!("loud")
        }),
        ("`run_finished.totals.failed`: type", |s| {
            s["$defs"]["Totals"]["properties"]["failed"]["type"] = json!("string");
        }),
    ];
    for (want, edit) in edits {
        let mut new = old.clone();
        edit(&mut new);
        let broken = Comparison::of(&old, &new);
        assert!(broken.iter().any(|b| b.starts_with(want)), "{want} is not in {broken:?}");
    }
    let mut more = old.clone();
    more["$defs"]["status"]["properties"]["news"] = json!({"type": "string"});
    more["$defs"]["status"]["required"].as_array_mut().unwrap().push("news".into());
    more["$defs"]["arrival"] = json!({"type": "object"});
    assert_eq!(Comparison::of(&old, &more), Vec::<String>::new(), "what is new breaks nobody");
}

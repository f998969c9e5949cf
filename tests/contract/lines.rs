//! Each line on standard output under `--json` is one object that the published schema takes, in a life of a stack
//! with everything that can go wrong on the way, and for every verb that the parser knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use boon::{Compiler, SchemaIndex, Schemas};
use mops_host::fsx;
use mops_host::proc::Output;
use serde_json::{Value, json};

use mops_tests::job::Job;

/// The published schema, read by a validator that is not ours. Consumers may meet fields that they do not know; here
/// every field must stand in the schema.
pub(crate) struct Published {
    schemas: Schemas,
    line: SchemaIndex,
    /// By type, for a short complaint.
    types: BTreeMap<String, SchemaIndex>,
    /// The types of lines that were seen.
    seen: BTreeSet<String>,
    count: usize,
}

impl Published {
    pub(crate) fn load() -> Self {
        let text = include_str!("../../schema/events.schema.json");
        Self::of(serde_json::from_str(text).expect("the schema"))
    }

    fn of(mut schema: Value) -> Self {
        const URL: &str = "https://schema.test/line";
        close(&mut schema);
        let names = types(&schema);
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(URL, schema).expect("a schema");
        let mut compiled = |at: &str| compiler.compile(at, &mut schemas).expect("the schema compiles");
        let line = compiled(URL);
        let types = names.into_iter().map(|name| (name.clone(), compiled(&format!("{URL}#/$defs/{name}")))).collect();
        Self { schemas, line, types, seen: BTreeSet::new(), count: 0 }
    }

    fn takes(&self, line: &Value) -> Result<(), String> {
        let kind = line["type"].as_str().unwrap_or_default();
        let one = self.types.get(kind).ok_or_else(|| format!("`{kind}` is no type of a line"))?;
        self.schemas.validate(line, *one).map_err(|e| format!("{e:#}"))?;
        self.schemas.validate(line, self.line).map_err(|e| format!("{e:#}"))
    }

    /// Holds all of standard output against the schema.
    pub(crate) fn check(&mut self, words: &[&str], output: &Output) {
        let out = std::str::from_utf8(&output.stdout).expect("UTF-8");
        for line in out.lines() {
            let json: Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{words:?}: `{line}` is not one object: {e}"));
            self.takes(&json).unwrap_or_else(|why| panic!("{words:?}: `{line}` is outside the schema:\n{why}"));
            self.seen.insert(json["type"].as_str().unwrap_or_default().to_owned());
            self.count += 1;
        }
    }
}

/// Takes no field that the schema does not name, wherever it names some.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) && !members.contains_key("additionalProperties")
            {
                members.insert("additionalProperties".into(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The types of lines of the last release.
fn released() -> BTreeSet<String> {
    let text = include_str!("../../schema/released/events-0.1.0.schema.json");
    types(&serde_json::from_str(text).expect("the schema of the last release"))
}

fn types(schema: &Value) -> BTreeSet<String> {
    let name = |choice: &Value| choice["$ref"].as_str().unwrap().trim_start_matches("#/$defs/").to_owned();
    schema["oneOf"].as_array().unwrap().iter().map(name).collect()
}

/// Mistakes and questions that need no stack.
const BEFORE: &[&str] = &[
    "infra upp",
    "infra",
    "",
    "auth login",
    "infra up --bogus",
    "infra up --parallelism 0",
    "infra kubeconfig a b",
    "infra up --help",
    "--version",
    "version",
    "completions bash",
    "infra init -",
    "infra init started.yaml",
    "infra init started.yaml",
    "infra validate started.yaml",
    "infra validate broken.yaml",
    "infra validate missing.yaml",
    "infra list",
    "infra status",
    "infra validate",
    "infra graph",
    "infra graph --format dot",
    "infra preview",
    "infra up -c registry --yes",
];

/// A stack that is there.
const THERE: &[&str] = &[
    "infra up --yes",
    "infra preview --refresh",
    "infra status",
    "auth status",
    "infra list",
    "infra outputs",
    "infra outputs --show-secrets",
    "infra kubeconfig",
    "infra kubeconfig --merge",
    "infra refresh",
    "infra export",
    "infra export --show-secrets",
    "infra export -o moved.json",
    "infra import --state moved.json",
    "infra unlock",
    "infra passphrase rotate --generate",
    "infra state show",
    "infra state show resource-group",
    "infra state show nothing",
    "infra state forget resource-group",
    "infra state unprotect resource-group",
    "infra state forget sas-bundle-blobs --yes",
    "infra import nothing=at-all",
    "diagnose-auth",
    "diagnose-auth --cleanup",
    "smoke-test",
];

/// A stack on its way out.
const AFTER: &[&str] = &[
    "infra down --plan",
    "infra down --destroy-all --delete-rg",
    "infra down --destroy-all --delete-rg --yes",
    "infra list",
    "infra remove",
    "infra remove --yes",
    "infra list",
];

/// A write that a power cut ended early: the next run drops it with a note.
fn tear(job: &Job) {
    let journal = job.place.path().join("home/.modelops/state/modelops/dev/journal");
    fsx::append(&journal).expect("the journal").write_all(&[7, 0]).expect("two bytes");
}

async fn run(job: &Job, line: &str, published: &mut Published) -> Output {
    let mut words = vec!["mops"];
    words.extend(line.split_whitespace());
    words.push("--json");
    let output = job.run(&words).await;
    published.check(&words, &output);
    output
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts are printed")]
async fn every_line_of_every_verb_has_the_published_schema() {
    let job = Job::new().await;
    job.place.write("broken.yaml", "registry: {nmae: x}\ncluster: {aks: 7}\n");
    let mut published = Published::load();
    for line in BEFORE {
        run(&job, line, &mut published).await;
    }
    job.push_images().await;
    job.tell("POST", "/doom", &json!({"resource": "/agentPools/gpu", "code": "OutOfQuota", "message": "no quota"}));
    let failed = run(&job, "infra up --yes", &mut published).await;
    assert_eq!(failed.code, Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    for line in THERE {
        run(&job, line, &mut published).await;
    }
    // Bare: with the default file, or short of what the verb needs.
    let verbs = mops::verbs();
    for verb in &verbs {
        run(&job, &verb.join(" "), &mut published).await;
    }
    tear(&job);
    for line in AFTER {
        run(&job, line, &mut published).await;
    }
    let unseen: Vec<String> = released().difference(&published.seen).cloned().collect();
    let (lines, types) = (published.count, published.seen.len());
    println!("contract verbs={} lines={lines} types={types} outside=0 unseen={unseen:?}", verbs.len());
    assert_eq!(unseen, Vec::<String>::new(), "nobody has seen these lines");
}

#[test]
fn the_validator_can_refuse() {
    let published = Published::load();
    let good = json!({"type": "valid", "version": 1, "stack": "p.s", "resources": 3});
    assert_eq!(published.takes(&good), Ok(()));
    let edits: [(&str, Value); 6] = [
        ("another version", json!({"version": 2})),
        ("another word", json!({"type": "valued"})),
        ("a wrong type", json!({"resources": "3"})),
        ("a number that cannot be", json!({"resources": -1})),
        ("a field that nobody published", json!({"news": 1})),
        ("a field that lacks", json!({"stack": null})),
    ];
    for (what, edit) in edits {
        let mut bad = good.clone();
        for (name, value) in edit.as_object().unwrap() {
            bad[name] = value.clone();
            if value.is_null() {
                bad.as_object_mut().unwrap().remove(name);
            }
        }
        assert!(published.takes(&bad).is_err(), "{what} is taken");
    }
    let deep = json!({"type": "status", "version": 1, "stack": "p.s", "lineage": "l", "resources": [], "open": [{"name": "n", "urn": "u", "action": "sing"}]});
    assert!(published.takes(&deep).is_err(), "a word that no enum has is taken");
}

//! Every line that `--json` can print: one list gives each type its word, its version and its place in the published
//! schema. Guarantees that nothing else is printed: the printer takes a [`Line`], and only this list makes one. The
//! schema is `schema/events.schema.json` (`tests/schema.rs`); every verb's lines are held against it
//! (`tests/contract.rs`).

use mops_engine::event::{self, Body, Event};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// One line on standard output under `--json`: an object with `type` and `version`, without a line break.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no schema, so it is not a line of `--json`",
    note = "write a struct with `Serialize` and `JsonSchema` beside the verb, and add it to `lines!` in `line.rs`"
)]
pub(crate) trait Line: sealed::Listed {
    /// The object as one line.
    fn text(&self) -> serde_json::Result<String>;
}

mod sealed {
    /// Stands in the list of this file.
    pub(crate) trait Listed {}
}

/// What every line begins with.
#[derive(Serialize)]
struct Headed<'a, L> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
    #[serde(flatten)]
    body: &'a L,
}

macro_rules! lines {
    ($($kind:literal $version:expr => $line:ty,)*) => {
        $(
            impl sealed::Listed for $line {}
            impl Line for $line {
                fn text(&self) -> serde_json::Result<String> {
                    serde_json::to_string(&Headed { kind: $kind, version: $version, body: self })
                }
            }
        )*

        fn listed(generator: &mut SchemaGenerator) -> Vec<(String, Json)> {
            vec![$(headed($kind, $version, <$line>::json_schema(generator))),*]
        }
    };
}

// The word of a line, its version, its type. A version is raised when a field goes or changes its meaning.
lines! {
    "bundle_env" 1 => crate::commands::BundleEnvLine,
    "cause" 1 => crate::commands::CauseLine,
    "cleaned" 1 => crate::commands::CleanedLine,
    "change" 1 => mops_diagnose::watch::Change,
    "container" 1 => crate::commands::ContainerLine,
    "cloud" 1 => crate::pointed::CloudLine,
    "completions" 1 => crate::commands::CompletionsLine,
    "diagnostic" 1 => mops_core::Diagnostic,
    "down" 1 => crate::commands::DownLine,
    "ended" 1 => crate::commands::EndedLine,
    "environment" 1 => crate::commands::EnvironmentLine,
    "error" 1 => crate::printer::ErrorLine,
    "export" 1 => crate::commands::ExportLine,
    "forgotten" 1 => crate::commands::ForgottenLine,
    "graph" 1 => crate::commands::GraphLine,
    "help" 1 => crate::app::HelpLine,
    "identity" 1 => crate::commands::IdentityLine,
    "imported" 1 => crate::commands::ImportedLine,
    "adopted" 1 => crate::commands::AdoptedLine,
    "init" 1 => crate::commands::InitLine,
    "key_rotated" 1 => crate::commands::KeyRotatedLine,
    "job" 1 => crate::commands::JobLine,
    "job_log" 1 => crate::commands::JobLogLine,
    "kubeconfig" 1 => crate::commands::KubeconfigLine,
    "kubeconfig_merged" 1 => crate::commands::MergedLine,
    "loader" 1 => crate::commands::LoaderLine,
    "logged_in" 1 => crate::commands::LoggedInLine,
    "logged_out" 1 => crate::commands::LoggedOutLine,
    "migrated" 1 => crate::commands::MigratedLine,
    "mock_serving" 1 => crate::commands::MockServingLine,
    "mock_switched" 1 => crate::commands::MockSwitchedLine,
    "ngc_fix_plan" 1 => crate::commands::NgcFixPlanLine,
    "ngc_fixed" 1 => crate::commands::NgcFixedLine,
    "novita_auth" 1 => crate::commands::NovitaAuthLine,
    "novita_auth_created" 1 => crate::commands::NovitaAuthCreatedLine,
    "novita_auth_deleted" 1 => crate::commands::NovitaAuthDeletedLine,
    "novita_check" 1 => crate::commands::NovitaCheckLine,
    "novita_instance" 1 => crate::commands::NovitaInstanceLine,
    "novita_instance_created" 1 => crate::commands::NovitaInstanceCreatedLine,
    "novita_instance_done" 1 => crate::commands::NovitaInstanceDoneLine,
    "novita_rotated" 1 => crate::commands::NovitaRotatedLine,
    "novita_step" 1 => crate::commands::NovitaStepLine,
    "output" 1 => crate::commands::OutputLine,
    "outputs" 1 => crate::commands::OutputsLine,
    "passphrase_rotated" 1 => crate::commands::RotatedLine,
    "permissions" 1 => crate::commands::PermissionsLine,
    "pullable" 1 => crate::commands::PullableLine,
    "pulled" 1 => crate::commands::PulledLine,
    "pushed" 1 => crate::commands::PushedLine,
    "registry_logins" 1 => crate::commands::RegistryLoginsLine,
    "removed" 1 => crate::commands::RemovedLine,
    "report" mops_diagnose::report::SCHEMA_VERSION => mops_diagnose::Report,
    "resource" 1 => crate::commands::ResourceLine,
    "rotated" 1 => crate::commands::RotationLine,
    "saved_plan" 1 => crate::approval::SavedPlanLine,
    "stack" 1 => crate::commands::StackLine,
    "starter" 1 => crate::commands::StarterLine,
    "status" 1 => crate::commands::StatusLine,
    "submitted" 1 => crate::commands::SubmittedLine,
    "tokens_applied" 1 => crate::commands::TokensAppliedLine,
    "tokens_checked" 1 => crate::commands::TokensCheckedLine,
    "tokens_here" 1 => crate::commands::TokensHereLine,
    "tokens_in_cluster" 1 => crate::commands::TokensInClusterLine,
    "tokens_sent" 1 => crate::commands::TokensSentLine,
    "unlocked" 1 => crate::commands::UnlockedLine,
    "unprotected" 1 => crate::commands::UnprotectedLine,
    "valid" 1 => crate::commands::ValidLine,
    "version" 1 => crate::commands::VersionLine,
    "watching" 1 => crate::commands::WatchingLine,
}

impl sealed::Listed for Event {}

/// The engine's events carry their word and version themselves.
impl Line for Event {
    fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// A definition with the two members of every line in front.
fn headed(kind: &str, version: u32, body: Schema) -> (String, Json) {
    let mut json = body.to_value();
    let members = json["properties"].take();
    let mut properties = Map::from_iter([
        ("type".to_owned(), json!({"type": "string", "const": kind})),
        ("version".to_owned(), json!({"type": "integer", "const": version})),
    ]);
    properties.extend(members.as_object().cloned().into_iter().flatten().filter(|(name, _)| name != "type"));
    let needed = json["required"].as_array().cloned().unwrap_or_default();
    let head = [Json::from("type"), Json::from("version")];
    let needed: Vec<Json> = head.into_iter().chain(needed.into_iter().filter(|n| n != "type")).collect();
    json["properties"] = Json::Object(properties);
    json["required"] = Json::Array(needed);
    (kind.to_owned(), json)
}

/// One definition an event.
fn events(generator: &mut SchemaGenerator) -> Vec<(String, Json)> {
    let bodies = Body::json_schema(generator).to_value()["oneOf"].take();
    let one = |body: Json| {
        let kind = body["properties"]["type"]["const"].as_str()?.to_owned();
        Some(headed(&kind, event::VERSION, body.try_into().ok()?))
    };
    bodies.as_array().cloned().into_iter().flatten().filter_map(one).collect()
}

/// The schema of a line: one definition a `type`, by its word; what they share stands beside them.
pub(crate) fn schema() -> Json {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut lines = listed(&mut generator);
    lines.extend(events(&mut generator));
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let choices: Vec<Json> = lines.iter().map(|(kind, _)| json!({"$ref": format!("#/$defs/{kind}")})).collect();
    let mut shared: Vec<(String, Json)> = generator.take_definitions(true).into_iter().collect();
    shared.sort_by(|(a, _), (b, _)| a.cmp(b));
    let definitions: Map<String, Json> = lines.into_iter().chain(shared).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of `mops … --json`",
        "description": "Choose the definition by `type`. Fields may be added within a version: ignore those that you do not know.",
        "oneOf": choices,
        "$defs": definitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_one_definition_with_its_word_and_version() {
        let schema = schema();
        let definitions = schema["$defs"].as_object().unwrap();
        let choices = schema["oneOf"].as_array().unwrap();
        for choice in choices {
            let kind = choice["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            let line = &definitions[kind];
            assert_eq!(line["properties"]["type"]["const"], kind);
            assert!(line["properties"]["version"]["const"].is_u64(), "{kind}");
            assert_eq!((&line["required"][0], &line["required"][1]), (&"type".into(), &"version".into()), "{kind}");
            assert!(line["description"].is_string(), "{kind} is not documented");
        }
        let mut words: Vec<String> = choices.iter().map(ToString::to_string).collect();
        words.dedup();
        assert_eq!(words.len(), choices.len(), "a word stands for two lines");
    }

    #[test]
    fn the_head_comes_first() {
        let line = mops_core::Diagnostic::error(None, "x").text().unwrap();
        assert_eq!(line, r#"{"type":"diagnostic","version":1,"severity":"error","summary":"x"}"#);
    }
}

//! The inputs of the component, and the program that they ask for.

use mops_core::{Diagnostic, Severity, Value};
use mops_engine::program::{Program, expand};
use mops_engine::stackfile;
use mops_host::Env;
use schemars::JsonSchema;
use serde_json::{Map, Value as Json, json};

use super::later::Later;
use crate::monitor::{options, unfit};

/// Registry, storage, cluster and workers of one workspace, as a stack file of `mops` asks for them: each input takes what
/// the section of that name takes there, in the same words.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the declaration for the schema; the values are read as a stack file")]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Inputs {
    /// The container registry.
    registry: Option<Json>,
    /// The storage account with its containers and signatures.
    storage: Option<Json>,
    /// The cluster with its node pools.
    cluster: Option<Json>,
    /// Scheduler, workers and their scaling.
    workspace: Option<Json>,
    /// Subscription without a `cluster`; default AZURE_SUBSCRIPTION_ID.
    subscription_id: Option<String>,
}

/// What became of the sections, by the names that `mops infra outputs` has for it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the declaration for the schema; the values come from the program")]
pub(crate) struct Outputs {
    /// Of the registry, for example its `login_server`.
    registry: Option<Json>,
    /// Of the storage account, for example its `account_name`.
    storage: Option<Json>,
    /// Of the cluster, for example its `cluster_name`.
    cluster: Option<Json>,
    /// Of scheduler and workers, for example their `namespace`.
    workspace: Option<Json>,
}

/// The sections that inputs give, as they are called in a stack file.
const SECTIONS: [&str; 4] = ["registry", "storage", "cluster", "workspace"];

/// What the inputs ask for, and what is worth saying of them although nothing is wrong.
///
/// # Errors
/// Everything that is wrong with them, without places: there is no file.
pub(super) fn program(
    inputs: &Value,
    project: &str,
    stack: &str,
    env: &Env,
) -> Result<(Program, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut later = Later::default();
    let file = file(inputs, &mut later)?;
    let loaded = stackfile::load("inputs", &file.to_string());
    let (mut wrong, mut warnings) = told(loaded.diagnostics);
    let Some(file) = loaded.file else { return Err(wrong) };
    let (missing, more) = told(stackfile::unsupported(&file));
    wrong.extend(missing);
    wrong.extend(unfit(project, stack));
    warnings.extend(more);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut program = expand(&file, &options(project, stack, env)).map_err(|found| told(found).0)?;
    for declared in &mut program.resources {
        declared.inputs = later.restored(declared.inputs.clone());
    }
    for output in &mut program.outputs {
        output.value = later.restored(output.value.clone());
    }
    Ok((program, warnings))
}

/// The text of the stack file: JSON is a form of YAML.
fn file(inputs: &Value, later: &mut Later) -> Result<Json, Vec<Diagnostic>> {
    let mut file = Map::new();
    for (name, value) in inputs.as_map().into_iter().flatten() {
        if SECTIONS.contains(&name.as_str()) {
            file.insert(name.clone(), later.marked(name, value));
        } else if name == "subscriptionId" {
            file.insert("azure".to_owned(), json!({"subscription_id": later.marked("subscription_id", value)}));
        } else {
            let hint = format!("use `{}` or `subscriptionId`", SECTIONS.join("`, `"));
            return Err(vec![Diagnostic::error(None, format!("`{name}` is not an input")).hint(hint)]);
        }
    }
    Ok(Json::Object(file))
}

/// What stands in the way, and what does not; places are those of a text that nobody has seen.
fn told(found: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let without_place = found.into_iter().map(|finding| Diagnostic { place: None, ..finding });
    without_place.partition(|finding| finding.severity == Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_engine::program::Expr;

    fn of(inputs: Json) -> Result<Program, Vec<String>> {
        let made = program(&Value::from(inputs), "shop", "dev", &Env::of::<String, String>([]));
        made.map(|(program, _)| program).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";

    #[test]
    fn sections_of_a_stack_file_are_inputs() {
        let storage = json!({"resource_group": "rg", "location": "eastus2"});
        let made = of(json!({"subscriptionId": SUBSCRIPTION, "registry": {"name": "shopacr"}, "storage": storage}));
        let made = made.expect("a program");
        let tokens: Vec<&str> = made.resources.iter().map(|r| r.urn.token()).collect();
        assert!(tokens.contains(&"modelops:azure:ContainerRegistry"), "{tokens:?}");
        assert!(tokens.contains(&"modelops:azure:StorageAccount"), "{tokens:?}");
    }

    #[test]
    fn what_is_wrong_is_said_without_a_place_in_a_file() {
        let registry = json!({"name": "shopacr", "sku": "Huge"});
        let told = of(json!({"subscriptionId": SUBSCRIPTION, "registry": registry})).expect_err("refused");
        assert!(told[0].contains("Huge") && !told[0].starts_with("inputs:"), "{told:?}");
        let told = of(json!({"workers": 3})).expect_err("refused");
        assert!(told[0].contains("`workers` is not an input"), "{told:?}");
    }

    #[test]
    fn a_name_that_is_not_known_yet_is_an_input_that_is_not_known_yet() {
        let registry = Value::Map([("name".to_owned(), Value::Unknown)].into());
        let storage = Value::from(json!({"resource_group": "rg", "location": "eastus2"}));
        let inputs = [
            ("registry".to_owned(), registry),
            ("storage".to_owned(), storage),
            ("subscriptionId".to_owned(), Value::from(SUBSCRIPTION)),
        ];
        let made = program(&Value::Map(inputs.into()), "shop", "dev", &Env::of::<String, String>([]));
        let (made, _) = made.expect("a program");
        let registry =
            made.resources.iter().find(|r| r.urn.token().ends_with("ContainerRegistry")).expect("a registry");
        let Expr::Map(inputs) = &registry.inputs else { panic!("no inputs") };
        assert_eq!(inputs["name"], Expr::Value(Value::Unknown));
    }
}

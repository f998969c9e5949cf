//! A declared resource in the form in which Pulumi takes it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mops_core::{Urn, Value};
use mops_engine::program::{Declared, Expr};
use pulumi_gestalt_proto::pulumi::pulumirpc::register_resource_request::{CustomTimeouts, PropertyDependencies};
use pulumi_gestalt_proto::pulumi::pulumirpc::{RegisterResourceRequest, RegisterResourceResponse};

use crate::value;

/// What became of a resource.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    /// Empty in the preview of something that is not there yet.
    id: String,
    outputs: Value,
    /// Nothing is made: an output that is missing will be known later.
    preview: bool,
}

impl Registered {
    /// Takes the engine's answer.
    ///
    /// # Errors
    /// Outputs that have no meaning.
    pub(super) fn of(answer: RegisterResourceResponse, preview: bool) -> Result<Self, String> {
        let outputs = value::decode(&answer.object.unwrap_or_default()).map_err(|e| e.to_string())?;
        Ok(Self { id: answer.id, outputs, preview })
    }

    fn at(&self, path: &[String]) -> Value {
        if let Some(found) = self.outputs.at(path) {
            return found;
        }
        match path {
            [name] if name == "id" && !self.id.is_empty() => Value::from(self.id.as_str()),
            _ if self.preview => Value::Unknown,
            _ => Value::Null,
        }
    }
}

/// What became of the resources that something is made from.
pub(super) type Answers = BTreeMap<Urn, Registered>;

/// An expression with its references answered.
pub(super) fn resolved(expr: &Expr, answers: &Answers) -> Value {
    expr.resolve(&|urn, path| answers.get(urn).map_or(Value::Unknown, |registered| registered.at(path)))
}

/// Where everything of a run belongs.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    /// URN of the stack.
    pub(super) stack: String,
    /// Reference to the provider that the file configures; empty for the project's own.
    pub(super) provider: String,
}

/// What Pulumi has to know of a resource below the stack.
///
/// # Errors
/// Inputs without a form in Pulumi.
pub(super) fn request(declared: &Declared, root: &Root, answers: &Answers) -> Result<RegisterResourceRequest, String> {
    let inputs = resolved(&declared.inputs, answers);
    Ok(RegisterResourceRequest {
        r#type: declared.urn.token().to_owned(),
        name: declared.urn.name().to_owned(),
        parent: root.stack.clone(),
        provider: root.provider.clone(),
        custom: true,
        object: Some(value::encode(&inputs).map_err(|e| e.to_string())?),
        version: crate::VERSION.to_owned(),
        dependencies: texts(declared.dependencies()),
        property_dependencies: by_property(&declared.inputs),
        protect: Some(declared.protect),
        retain_on_delete: Some(declared.retain_on_delete),
        import_id: declared.import.clone().unwrap_or_default(),
        deleted_with: declared.deleted_with.as_ref().map(ToString::to_string).unwrap_or_default(),
        custom_timeouts: declared.timeout.map(timeouts),
        accept_secrets: true,
        accept_resources: true,
        supports_partial_values: true,
        supports_result_reporting: true,
        alias_specs: true,
        ..RegisterResourceRequest::default()
    })
}

fn texts(urns: impl IntoIterator<Item = Urn>) -> Vec<String> {
    urns.into_iter().map(|urn| urn.to_string()).collect()
}

/// What each input is made from; without this Pulumi takes every input to be made from everything.
fn by_property(inputs: &Expr) -> HashMap<String, PropertyDependencies> {
    let Expr::Map(members) = inputs else { return HashMap::new() };
    let of = |expr: &Expr| PropertyDependencies { urns: texts(expr.references()) };
    members.iter().map(|(name, expr)| (name.clone(), of(expr))).collect()
}

/// In the form of Go, `1800s`.
fn timeouts(longest: Duration) -> CustomTimeouts {
    let text = format!("{}s", longest.as_secs());
    CustomTimeouts { create: text.clone(), update: text.clone(), delete: text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::StackId;
    use mops_engine::program::Component;

    fn urn(name: &str) -> Urn {
        Urn::new(&StackId { project: "p".into(), stack: "s".into() }, "modelops:t:T", name)
    }

    fn answered(id: &str, outputs: Value, preview: bool) -> Answers {
        let object = Some(value::encode(&outputs).expect("a form"));
        let answer = RegisterResourceResponse { id: id.into(), object, ..RegisterResourceResponse::default() };
        Answers::from([(urn("a"), Registered::of(answer, preview).expect("outputs"))])
    }

    fn declared() -> Declared {
        let inputs = [
            ("name", Expr::from("x")),
            ("from", Expr::output(&urn("a"), "id")),
            ("key", Expr::output(&urn("a"), "key")),
        ];
        let inputs = Expr::Map(inputs.map(|(name, expr)| (name.to_owned(), expr)).into());
        let mut declared = Declared::new(urn("b"), Component::Registry, inputs);
        declared.depends_on.push(urn("c"));
        declared
    }

    fn made(answers: &Answers) -> RegisterResourceRequest {
        let root = Root { stack: "root".into(), provider: "azure::id".into() };
        request(&declared(), &root, answers).expect("a request")
    }

    fn secret_outputs() -> Value {
        Value::Map([("key".to_owned(), Value::from("canary").into_secret())].into())
    }

    #[test]
    fn what_a_resource_is_made_from_is_said_as_a_whole_and_input_by_input() {
        let made = made(&answered("id-of-a", secret_outputs(), false));
        assert_eq!(made.dependencies, [urn("a").to_string(), urn("c").to_string()]);
        let of = |input: &str| made.property_dependencies[input].urns.clone();
        assert_eq!((of("name"), of("from")), (Vec::new(), vec![urn("a").to_string()]));
        assert_eq!((made.r#type.as_str(), made.name.as_str(), made.parent.as_str()), ("modelops:t:T", "b", "root"));
        assert_eq!(made.provider, "azure::id");
    }

    #[test]
    fn a_secret_stays_one_and_the_id_is_an_output() {
        let made = made(&answered("id-of-a", secret_outputs(), false));
        let inputs = value::decode(&made.object.expect("inputs")).expect("a value");
        assert_eq!(inputs.get("from"), Some(&Value::from("id-of-a")));
        assert_eq!(inputs.get("key"), Some(&Value::from("canary").into_secret()));
    }

    #[test]
    fn what_is_not_made_yet_is_unknown_in_a_preview_and_absent_after_a_run() {
        let inputs = |preview| resolved(&declared().inputs, &answered("", Value::map(), preview));
        assert_eq!(inputs(true).get("key"), Some(&Value::Unknown));
        assert_eq!(inputs(true).get("from"), Some(&Value::Unknown));
        assert_eq!(inputs(false).get("key"), None);
    }
}

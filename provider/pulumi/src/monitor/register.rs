//! A declared resource in the form in which Pulumi takes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use mops_core::{Urn, Value};
use mops_engine::program::{Declared, Expr};
use pulumi_gestalt_proto::pulumi::pulumirpc::register_resource_request::{CustomTimeouts, PropertyDependencies};
use pulumi_gestalt_proto::pulumi::pulumirpc::{RegisterResourceRequest, RegisterResourceResponse};

use crate::value;

/// What became of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// Its name in the engine, which has the types of its parents in it.
    urn: String,
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
        Ok(Self { urn: answer.urn, id: answer.id, outputs, preview })
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
pub(crate) type Answers = BTreeMap<Urn, Registered>;

/// An expression with its references answered.
pub(super) fn resolved(expr: &Expr, answers: &Answers) -> Value {
    expr.resolve(&|urn, path| answers.get(urn).map_or(Value::Unknown, |registered| registered.at(path)))
}

/// Where everything that is declared together belongs, and what holds for all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Root {
    /// URN of the stack or the component.
    pub(crate) parent: String,
    /// What their names begin with, so that two components have no name in common.
    pub(crate) prefix: String,
    /// Reference to the provider of all; empty for the project's own.
    pub(crate) provider: String,
    /// What every one of them waits for.
    pub(crate) dependencies: Vec<String>,
    /// None of them is deleted until unprotected.
    pub(crate) protect: bool,
    /// None of them is deleted when it leaves the program.
    pub(crate) retain_on_delete: bool,
    /// Something whose deletion takes all of them along.
    pub(crate) deleted_with: String,
    /// The longest their writes may take, where a declaration says nothing.
    pub(crate) timeouts: Option<CustomTimeouts>,
}

/// What Pulumi has to know of a resource below the stack.
///
/// # Errors
/// Inputs without a form in Pulumi.
pub(super) fn request(declared: &Declared, root: &Root, answers: &Answers) -> Result<RegisterResourceRequest, String> {
    let inputs = resolved(&declared.inputs, answers);
    Ok(RegisterResourceRequest {
        r#type: declared.urn.token().to_owned(),
        name: format!("{}{}", root.prefix, declared.urn.name()),
        parent: root.parent.clone(),
        provider: root.provider.clone(),
        custom: true,
        object: Some(value::encode(&inputs).map_err(|e| e.to_string())?),
        version: crate::VERSION.to_owned(),
        dependencies: dependencies(declared, root, answers),
        property_dependencies: by_property(&declared.inputs, root, answers),
        protect: Some(declared.protect || root.protect),
        retain_on_delete: Some(declared.retain_on_delete || root.retain_on_delete),
        import_id: declared.import.clone().unwrap_or_default(),
        deleted_with: declared
            .deleted_with
            .as_ref()
            .map_or_else(|| root.deleted_with.clone(), |urn| named(urn, answers)),
        custom_timeouts: declared.timeout.map(timeouts).or_else(|| root.timeouts.clone()),
        accept_secrets: true,
        accept_resources: true,
        supports_partial_values: true,
        supports_result_reporting: true,
        alias_specs: true,
        ..RegisterResourceRequest::default()
    })
}

/// What the engine calls a resource of ours.
pub(crate) fn named(urn: &Urn, answers: &Answers) -> String {
    answers.get(urn).map_or_else(|| urn.to_string(), |registered| registered.urn.clone())
}

/// Sorted, each once.
fn dependencies(declared: &Declared, root: &Root, answers: &Answers) -> Vec<String> {
    let own = declared.dependencies().into_iter().map(|urn| named(&urn, answers));
    let all: BTreeSet<String> = own.chain(root.dependencies.iter().cloned()).collect();
    all.into_iter().collect()
}

/// What each input is made from; without this Pulumi takes every input to be made from everything.
fn by_property(inputs: &Expr, root: &Root, answers: &Answers) -> HashMap<String, PropertyDependencies> {
    let Expr::Map(members) = inputs else { return HashMap::new() };
    let of = |expr: &Expr| {
        let own = expr.references().into_iter().map(|urn| named(&urn, answers));
        PropertyDependencies { urns: own.chain(root.dependencies.iter().cloned()).collect() }
    };
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
        let answer = RegisterResourceResponse {
            urn: urn("a").to_string(),
            id: id.into(),
            object,
            ..RegisterResourceResponse::default()
        };
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
        let root = Root { parent: "root".into(), provider: "azure::id".into(), ..Root::default() };
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

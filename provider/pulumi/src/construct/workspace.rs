//! Construct: the component is registered, its children below it, and its outputs at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mops_core::{Diagnostic, Value};
use mops_engine::program::Program;
use mops_host::Env;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::construct_response::PropertyDependencies as StateDependencies;
use rpc::register_resource_request::{CustomTimeouts, PropertyDependencies};
use tonic::Status;

use super::{TOKEN, inputs};
use crate::monitor::{Answers, Monitor, Refused, Root, named, outputs, play};
use crate::value;

/// Makes the component of a request; `warn` takes what is worth saying.
///
/// # Errors
/// When the component is not known, the inputs are not valid, or a child failed.
pub(crate) async fn construct(
    request: rpc::ConstructRequest,
    env: &Env,
    warn: impl Fn(String),
) -> Result<rpc::ConstructResponse, Status> {
    if request.r#type != TOKEN {
        return Err(Status::not_found(format!(
            "`{}` is not a component of this version, only `{TOKEN}`",
            request.r#type
        )));
    }
    let wire = request.inputs.clone().unwrap_or_default();
    let given =
        value::decode(&wire).map_err(|e| Status::invalid_argument(format!("the inputs cannot be read: {e}")))?;
    let (program, warnings) = inputs::program(&given, &request.project, &request.stack, env).map_err(|found| {
        let lines: Vec<String> = found.iter().map(line).collect();
        Status::invalid_argument(format!("`{}` cannot be made like this: {}", request.name, lines.join("\n")))
    })?;
    warnings.iter().map(line).for_each(warn);
    let monitor = Monitor::at(&request.monitor_endpoint).await.map_err(Status::unavailable)?;
    made(&monitor, &request, &given, &program).await.map_err(|refused| match refused {
        Refused::Told => Status::aborted(format!("a part of `{}` failed", request.name)),
        Refused::Untold(why) => Status::failed_precondition(why),
    })
}

fn line(finding: &Diagnostic) -> String {
    let hint = finding.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{finding}{hint}")
}

async fn made(
    monitor: &Monitor,
    request: &rpc::ConstructRequest,
    given: &Value,
    program: &Program,
) -> Result<rpc::ConstructResponse, Refused> {
    let unsayable = |e: value::CodecError| Refused::Untold(format!("`{}`: {e}", request.name));
    let urn = monitor.register(component(request, given).map_err(unsayable)?).await?.urn;
    let answers = play(monitor, program, &root(request, &urn), request.dry_run).await?;
    let state = value::encode(&outputs(program, &answers)).map_err(unsayable)?;
    let told = rpc::RegisterResourceOutputsRequest { urn: urn.clone(), outputs: Some(state.clone()) };
    monitor.outputs(told).await?;
    Ok(rpc::ConstructResponse { urn, state: Some(state), state_dependencies: made_from(program, &answers) })
}

/// The component itself: no service knows it.
fn component(
    request: &rpc::ConstructRequest,
    given: &Value,
) -> Result<rpc::RegisterResourceRequest, value::CodecError> {
    let of = |(name, from): (&String, &rpc::construct_request::PropertyDependencies)| {
        (name.clone(), PropertyDependencies { urns: from.urns.clone() })
    };
    Ok(rpc::RegisterResourceRequest {
        r#type: TOKEN.to_owned(),
        name: request.name.clone(),
        parent: request.parent.clone(),
        custom: false,
        object: Some(value::encode(given)?),
        protect: request.protect,
        dependencies: dependencies(request),
        property_dependencies: request.input_dependencies.iter().map(of).collect(),
        providers: request.providers.clone(),
        additional_secret_outputs: request.additional_secret_outputs.clone(),
        deleted_with: request.deleted_with.clone(),
        delete_before_replace: request.delete_before_replace.unwrap_or_default(),
        delete_before_replace_defined: request.delete_before_replace.is_some(),
        ignore_changes: request.ignore_changes.clone(),
        replace_on_changes: request.replace_on_changes.clone(),
        retain_on_delete: request.retain_on_delete,
        aliases: request.aliases.clone(),
        alias_specs: true,
        accept_secrets: true,
        accept_resources: true,
        supports_result_reporting: true,
        ..rpc::RegisterResourceRequest::default()
    })
}

/// What the component waits for: what the program says, and what its inputs are made from.
fn dependencies(request: &rpc::ConstructRequest) -> Vec<String> {
    let of_inputs = request.input_dependencies.values().flat_map(|from| &from.urns);
    let all: BTreeSet<&String> = request.dependencies.iter().chain(of_inputs).collect();
    all.into_iter().cloned().collect()
}

/// What holds for all children.
fn root(request: &rpc::ConstructRequest, urn: &str) -> Root {
    let timeouts = request.custom_timeouts.as_ref().map(|given| CustomTimeouts {
        create: given.create.clone(),
        update: given.update.clone(),
        delete: given.delete.clone(),
    });
    Root {
        parent: urn.to_owned(),
        prefix: format!("{}-", request.name),
        provider: request.providers.get(crate::PACKAGE).cloned().unwrap_or_default(),
        dependencies: dependencies(request),
        protect: request.protect.unwrap_or_default(),
        retain_on_delete: request.retain_on_delete.unwrap_or_default(),
        deleted_with: request.deleted_with.clone(),
        timeouts,
    }
}

/// What each output is made from, by the names that the engine has for it.
fn made_from(program: &Program, answers: &Answers) -> HashMap<String, StateDependencies> {
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for output in &program.outputs {
        let from = output.value.references().into_iter().map(|urn| named(&urn, answers));
        all.entry(output.component.as_str()).or_default().extend(from);
    }
    let of = |urns: BTreeSet<String>| StateDependencies { urns: urns.into_iter().collect() };
    all.into_iter().map(|(name, urns)| (name.to_owned(), of(urns))).collect()
}

//! From a stack file to the resources that it asks for.
//!
//! Guarantees: what a file does not mention is not declared; derived names are the same on every machine
//! (`names::tests`); the program is free of cycles and strangers; everything inside the cluster leaves with it.
//! `tests/expand.rs` in the test crate holds the whole of an example.

mod builder;
mod cluster;
mod dask;
mod gpu;
mod monitor;
mod names;
mod ngc;
mod novita;
mod object;
mod outputs;
mod registry;
mod storage;
mod tokens;
mod workspace;

pub(crate) use gpu::PLUGIN as DEVICE_PLUGIN;
pub(crate) use ngc::NGC;
pub(crate) use novita::NOVITA;
pub use registry::service_principal::RIGHT as PRINCIPAL_PULL;
pub(crate) use tokens::TOKENS;

use mops_core::{Diagnostic, StackId};

use super::{Program, Scope};
use crate::stackfile::{EnvironmentName, RegistryAuth, StackFile};
use builder::Builder;
use names::Names;

/// What a file leaves to the command line and the environment.
#[derive(Clone, Debug, Default)]
pub struct ExpandOptions {
    /// The user, part of names that the file does not give.
    pub user: Option<String>,
    /// `--env`: the name of the stack.
    pub env_name: Option<String>,
    /// The project, where another program than the file names it.
    pub project: Option<String>,
    /// The subscription of the environment, for a stack whose file names none.
    pub subscription: Option<String>,
    /// The user's home folder, for `~/` in the path of a kubeconfig.
    pub home: Option<String>,
    /// A way to sign in to the registry that stays open beside the file's, while a stack moves from one to the other.
    pub beside: Option<RegistryAuth>,
}

/// Declares everything that a file asks for.
///
/// # Errors
/// A name that cannot be derived, an `--env` that contradicts the file, an import of something that the file does not
/// declare, dependencies that go round in a circle.
pub fn expand(file: &StackFile, options: &ExpandOptions) -> Result<Program, Vec<Diagnostic>> {
    let stack = stack_id(file, options).map_err(|d| vec![d])?;
    let names = Names::derive(file, options, &stack)?;
    let mut builder = Builder::new(file, options, &stack, &names);
    registry::declare(&mut builder);
    storage::declare(&mut builder);
    cluster::declare(&mut builder);
    builder.made.nodes_pull = registry::workload_identity::nodes(&mut builder);
    workspace::declare(&mut builder);
    ngc::declare(&mut builder);
    registry::finish(&mut builder);
    novita::declare(&mut builder);
    tokens::declare(&mut builder);
    outputs::declare(&mut builder);
    let (mut resources, outputs) = builder.finish();
    depends_on(file, &mut resources);
    import(file, &mut resources)?;
    let scope = Scope {
        subscription: names.subscription.clone(),
        resource_group: names.resource_group.clone(),
        cluster: names.cluster.clone(),
        registry: names.registry.clone(),
    };
    let program = Program { stack, scope, resources, outputs };
    program.validate()?;
    Ok(program)
}

/// Project and environment; `--env` and the file must agree when both speak.
fn stack_id(file: &StackFile, options: &ExpandOptions) -> Result<StackId, Diagnostic> {
    let given = options.env_name.as_deref();
    let stack = match (&file.environment, given) {
        (Some(own), Some(given)) if own.as_str() != given => {
            let summary = format!("the file says `environment: {}`, `--env` says `{given}`", own.as_str());
            return Err(Diagnostic::error(Some(own.place.clone()), summary)
                .hint("leave out `--env`, or delete `environment` from the file to use it for several stacks"));
        }
        (Some(own), _) => own.as_str().to_owned(),
        (None, Some(given)) if EnvironmentName::new(given).is_none() => {
            return Err(Diagnostic::error(None, format!("`--env {given}` is not the name of an environment"))
                .hint("an environment is 1 to 30 lower-case letters, digits and `-`, a letter first"));
        }
        (None, given) => given.unwrap_or("dev").to_owned(),
    };
    let project = options.project.as_deref().unwrap_or_else(|| file.project());
    Ok(StackId { project: project.to_owned(), stack })
}

/// Lets every resource of a component wait for all resources of those named under `dependsOn`.
fn depends_on(file: &StackFile, resources: &mut [super::Declared]) {
    for (component, targets) in &file.depends_on.0 {
        let wanted: Vec<_> = resources
            .iter()
            .filter(|r| targets.iter().any(|t| t.as_str() == r.component.as_str()))
            .map(|r| r.urn.clone())
            .collect();
        for resource in resources.iter_mut().filter(|r| r.component.as_str() == component.value) {
            resource.depends_on.extend(wanted.iter().cloned());
        }
    }
}

/// Notes the ids of what exists; it is given back, not deleted, when it leaves the stack.
fn import(file: &StackFile, resources: &mut [super::Declared]) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Vec::new();
    for import in &file.import {
        let known: Vec<String> = resources.iter().map(|r| format!("`{}`", r.urn.name())).collect();
        let Some(resource) = resources.iter_mut().find(|r| r.urn.name() == import.to.as_str()) else {
            let summary = format!("`{}` is not a resource of this stack", import.to.as_str());
            let hint = format!("resources are {}", known.join(", "));
            errors.push(Diagnostic::error(Some(import.to.place.clone()), summary).hint(hint));
            continue;
        };
        let (own, given) = (name_of(resource), import.id.rsplit('/').next().unwrap_or_default());
        if let Some(own) = own.filter(|own| !own.eq_ignore_ascii_case(given)) {
            let summary =
                format!("`{}` is called `{own}` in this file, the imported one `{given}`", import.to.as_str());
            let hint = "give the resource the name of what exists, or correct the id";
            errors.push(Diagnostic::error(Some(import.id.place.clone()), summary).hint(hint));
        }
        resource.import = Some(import.id.as_str().to_owned());
        resource.retain_on_delete = true;
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The name that a resource has at Azure, as far as it is declared.
fn name_of(resource: &super::Declared) -> Option<String> {
    let super::Expr::Map(inputs) = &resource.inputs else { return None };
    match inputs.get("name") {
        Some(super::Expr::Value(mops_core::Value::String(name))) => Some(name.clone()),
        _ => None,
    }
}

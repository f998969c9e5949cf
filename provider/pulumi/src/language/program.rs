//! From the folder of a Pulumi project to what its stack file asks for.

use std::path::{Path, PathBuf};

use mops_core::{Diagnostic, Severity};
use mops_engine::program::{Program, expand};
use mops_engine::stackfile::{self, StackFile};
use mops_host::{Env, fsx};
use prost_types::value::Kind;

use super::protocol::{ProgramInfo, RunRequest};
use super::sign_in::{self, Configuration};
use crate::monitor::{options, unfit};

/// The stack file of a project that names none.
const DEFAULT_FILE: &str = "infra.yaml";

/// A stack file and what it asks for.
pub(super) struct Declared {
    pub(super) program: Program,
    /// Of the provider, when the file says anything of it.
    pub(super) config: Option<Configuration>,
    /// Worth saying although nothing is wrong.
    pub(super) warnings: Vec<Diagnostic>,
}

/// Where the stack file is: `runtime.options.file` of the project, else `infra.yaml` beside it.
fn path(info: &ProgramInfo) -> PathBuf {
    let options = info.options.as_ref();
    let named = options.and_then(|o| o.fields.get("file")).and_then(|value| match &value.kind {
        Some(Kind::StringValue(file)) => Some(file.as_str()),
        _ => None,
    });
    Path::new(&info.root_directory).join(named.unwrap_or(DEFAULT_FILE))
}

/// Reads the stack file of a run.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub(super) fn declared(request: &RunRequest, env: &Env) -> Result<Declared, Vec<Diagnostic>> {
    let info = request.info.clone().unwrap_or_default();
    let path = path(&info);
    let shown = path.strip_prefix(&info.root_directory).unwrap_or(&path).display().to_string();
    let text = fsx::read_text(&path).map_err(|error| {
        let hint = "write it there, or name another one under `runtime.options.file` of `Pulumi.yaml`";
        vec![Diagnostic::error(None, format!("the stack file `{shown}` cannot be read: {error}")).hint(hint)]
    })?;
    let loaded = stackfile::load(&shown, &text);
    let Some(file) = loaded.file else { return Err(loaded.diagnostics) };
    let mut warnings = loaded.diagnostics;
    let missing = stackfile::unsupported(&file);
    if missing.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(missing);
    }
    warnings.extend(missing);
    agree(&file, request)?;
    let config = sign_in::config(&file).map_err(|finding| vec![finding])?;
    let program = expand(&file, &options(&request.project, &request.stack, env))?;
    Ok(Declared { program, config, warnings })
}

/// Pulumi names project and stack, as what exists is marked with them; a file that names them too must agree.
fn agree(file: &StackFile, request: &RunRequest) -> Result<(), Vec<Diagnostic>> {
    let (project, stack) = (request.project.as_str(), request.stack.as_str());
    let mut found = Vec::new();
    if let Some(own) = file.project.as_ref().filter(|own| own.as_str() != project) {
        let text = format!("the file says `project: {}`, `Pulumi.yaml` says `name: {project}`", own.as_str());
        found.push(Diagnostic::error(Some(own.place.clone()), text).hint("delete `project` from the file"));
    }
    if let Some(own) = file.environment.as_ref().filter(|own| own.as_str() != stack) {
        let text = format!("the file says `environment: {}`, this is the stack `{stack}`", own.as_str());
        let hint = "delete `environment` from the file to use it for several stacks";
        found.push(Diagnostic::error(Some(own.place.clone()), text).hint(hint));
    }
    found.extend(unfit(project, stack));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: Option<&str>, options: &[(&str, &str)], stack: &str) -> Result<Declared, String> {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(text) = text {
            fsx::replace(&folder.path().join("infra.yaml"), text.as_bytes()).expect("written");
        }
        let value = |text: &str| prost_types::Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let fields = options.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        let info = ProgramInfo {
            root_directory: folder.path().display().to_string(),
            options: Some(prost_types::Struct { fields }),
            ..ProgramInfo::default()
        };
        let request =
            RunRequest { project: "team".into(), stack: stack.into(), info: Some(info), ..RunRequest::default() };
        declared(&request, &Env::of::<String, String>([]))
            .map_err(|found| found.iter().map(|d| format!("{d}\n")).collect())
    }

    const FILE: &str = "azure: {subscription_id: 00000000-1111-2222-3333-444444444444}\n\
                        registry: {name: modelopsdevacr}\nstorage: {resource_group: rg, location: eastus2}\n";

    #[test]
    fn pulumi_names_project_and_stack() {
        let made = project(Some(FILE), &[], "prod").expect("a program").program;
        let urns: Vec<String> = made.resources.iter().map(|r| r.urn.to_string()).collect();
        assert!(urns.iter().all(|urn| urn.starts_with("urn:pulumi:prod::team::modelops:azure:")), "{urns:?}");
    }

    #[test]
    fn a_file_that_names_others_is_refused_at_its_place() {
        let text = format!("project: mine\nenvironment: dev\n{FILE}");
        let told = project(Some(&text), &[], "prod").err().expect("refused");
        assert!(
            told.contains("infra.yaml:1:10: the file says `project: mine`, `Pulumi.yaml` says `name: team`"),
            "{told}"
        );
        assert!(told.contains("infra.yaml:2:14: the file says `environment: dev`, this is the stack `prod`"), "{told}");
        let told = project(Some(FILE), &[], "Prod_1").err().expect("refused");
        assert!(told.contains("`Prod_1` cannot be the name of a stack here"), "{told}");
    }

    #[test]
    fn another_file_can_be_named() {
        let told = project(None, &[("file", "stacks/a.yaml")], "dev").err().expect("refused");
        assert!(told.starts_with("the stack file `stacks/a.yaml` cannot be read"), "{told}");
        let told = project(None, &[], "dev").err().expect("refused");
        assert!(told.starts_with("the stack file `infra.yaml` cannot be read"), "{told}");
    }
}

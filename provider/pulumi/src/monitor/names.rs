//! What Pulumi says of a stack in place of a stack file.

use mops_core::Diagnostic;
use mops_engine::program::ExpandOptions;
use mops_engine::stackfile::{EnvironmentName, ProjectName};
use mops_host::Env;

/// Project and stack that nothing can be marked with.
pub(crate) fn unfit(project: &str, stack: &str) -> Vec<Diagnostic> {
    let names = [
        ("project", project, ProjectName::new(project).is_some()),
        ("stack", stack, EnvironmentName::new(stack).is_some()),
    ];
    let told = |(what, name, _): (&str, &str, bool)| {
        let text = format!("`{name}` cannot be the name of a {what} here: resources are marked with it");
        Diagnostic::error(None, text).hint("use 1 to 30 lower-case letters, digits and `-`, a letter first")
    };
    names.into_iter().filter(|(_, _, fits)| !fits).map(told).collect()
}

/// Whose a program is that Pulumi runs.
pub(crate) fn options(project: &str, stack: &str, env: &Env) -> ExpandOptions {
    ExpandOptions {
        project: Some(project.to_owned()),
        env_name: Some(stack.to_owned()),
        user: env.get("USER").map(ToOwned::to_owned),
        home: env.user_home().map(|home| home.display().to_string()),
        subscription: env.get("AZURE_SUBSCRIPTION_ID").map(ToOwned::to_owned),
        beside: None,
    }
}

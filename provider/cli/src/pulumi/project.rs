//! The project that a stack file is to Pulumi: its folder, with `Pulumi.yaml` in it.

use std::path::{Path, PathBuf};

use mops_core::StackId;
use mops_host::fsx;
use mops_host::fsx::reason;

use super::command::plugins;
use crate::app::App;
use crate::exit::Failure;

/// The folder of the project: the stack file's own when a `Pulumi.yaml` stands there, so that its settings count; else
/// one below the home folder, where Pulumi keeps the settings of the stack between runs.
///
/// # Errors
/// A `Pulumi.yaml` of another project; a folder that cannot be written.
pub(super) fn folder(app: &App, stack: &StackId, file: &Path) -> Result<PathBuf, Failure> {
    let file = std::path::absolute(file).map_err(|error| {
        Failure::usage(format!("`{}` has no absolute path: {}", file.display(), reason(&error)), "give one")
    })?;
    let beside = file.parent().unwrap_or(Path::new("/"));
    if let Ok(text) = fsx::read_text(&beside.join("Pulumi.yaml")) {
        return own(beside, &text, stack);
    }
    let plugins = plugins()?;
    let folder = app.home()?.join("pulumi").join(&stack.project).join(&stack.stack);
    let written = fsx::create_dir_all(&folder)
        .and_then(|()| fsx::replace(&folder.join("Pulumi.yaml"), project(stack, &file, &plugins).as_bytes()));
    match written {
        Ok(()) => Ok(folder),
        Err(error) => {
            let text = format!("`{}` cannot be written: {}", folder.display(), reason(&error));
            Err(Failure::usage(text, "check the folder, or move it with MODELOPS_HOME"))
        }
    }
}

/// A JSON text is a YAML text.
fn project(stack: &StackId, file: &Path, plugins: &Path) -> String {
    let [file, plugins] = [file, plugins].map(|path| serde_json::Value::from(path.display().to_string()));
    let plugin = format!("[{{name: modelops, path: {plugins}}}]");
    format!(
        "name: {}\nruntime:\n  name: modelops\n  options: {{file: {file}}}\nplugins:\n  languages: {plugin}\n  providers: \
         {plugin}\n",
        stack.project
    )
}

fn own(folder: &Path, text: &str, stack: &StackId) -> Result<PathBuf, Failure> {
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("name:"))
        .map_or("", |name| name.trim().trim_matches(['"', '\'']));
    if name == stack.project {
        return Ok(folder.to_owned());
    }
    let text =
        format!("`Pulumi.yaml` beside the stack file is project `{name}`, the stack file is `{}`", stack.project);
    Err(Failure::usage(text, format!("write `project: {name}` into the stack file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_beside_the_stack_file_count_when_they_are_of_its_project() {
        let stack = StackId { project: "team".into(), stack: "dev".into() };
        let here = Path::new("/somewhere");
        assert_eq!(own(here, "name: \"team\"\nruntime: modelops\n", &stack).unwrap(), here);
        let Err(Failure::Error(_, error)) = own(here, "runtime: modelops\nname: other\n", &stack) else {
            panic!("taken")
        };
        assert!(error.summary().contains("is project `other`, the stack file is `team`"), "{error}");
        let odd = project(&stack, Path::new("/a b/\"c\".yaml"), here);
        assert!(odd.contains("options: {file: \"/a b/\\\"c\\\".yaml\"}\n"), "{odd}");
    }
}

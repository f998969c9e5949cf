//! The file that hands a stack's registry and storage to tools on this machine: 0600, with the SAS, never an account
//! key or a registry password. It exists only while the stack has both, and a file that is not ours is never touched
//! (`tests`, `tests/cli.rs`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mops_core::{Class, Error, Secret, StackId, Value};
use mops_host::fsx;
use mops_host::fsx::reason;

/// What goes into the file.
#[derive(Debug)]
pub(crate) struct BundleEnv {
    /// Name and value, in the order of the file.
    pairs: Vec<(&'static str, Secret<String>)>,
}

/// Variable, component, output.
const KEYS: [(&str, &str, &str); 4] = [
    ("MODELOPS_BUNDLE_REGISTRY", "registry", "bundle_repo"),
    ("REGISTRY_SERVER", "registry", "login_server"),
    ("REGISTRY_USERNAME", "registry", "bundles_pull_username"),
    ("AZURE_STORAGE_CONNECTION_STRING", "storage", "connection_string"),
];

/// The name under which a stack's file is written when the stack file names none.
pub(crate) fn default_path(home: &Path, stack: &StackId) -> PathBuf {
    home.join("bundle-env").join(format!("{}.yaml", stack.stack))
}

fn header(stack: &StackId) -> String {
    format!("# written by mops for stack {stack}; `mops infra up` renews it\n")
}

impl BundleEnv {
    /// From outputs with their secrets opened; `None` unless registry and storage are both there. A secret that cannot
    /// be opened is an error, not an output that is not there.
    pub(crate) fn of<E>(output: impl Fn(&str, &str) -> Result<Option<Value>, E>) -> Result<Option<Self>, E> {
        if output("registry", "login_server")?.is_none() || output("storage", "connection_string")?.is_none() {
            return Ok(None);
        }
        let mut pairs = Vec::new();
        for (key, component, name) in KEYS {
            pairs.extend(output(component, name)?.and_then(text).map(|value| (key, value)));
        }
        Ok(Some(Self { pairs }))
    }

    /// Writes it; gives `false` when it said the same already.
    pub(crate) fn write(&self, path: &Path, stack: &StackId) -> Result<bool, Error> {
        let text = self.render(path, stack);
        let failed = |error: std::io::Error| {
            Error::new(Class::User, format!("`{}` cannot be written: {}", path.display(), reason(&error)))
                .hint("mend the path in `outputs.env_file`, then run the same command again")
        };
        match fsx::read_text(path) {
            Ok(before) if before == *text.expose() => return Ok(false),
            Ok(before) if !before.starts_with("# written by mops") => {
                let text = format!("`{}` exists and was not written by mops", path.display());
                return Err(Error::new(Class::User, text).hint("name another file in `outputs.env_file`"));
            }
            _ => {}
        }
        if let Some(folder) = path.parent() {
            fsx::create_dir_all(folder).map_err(failed)?;
        }
        fsx::replace(path, text.expose().as_bytes()).map_err(failed)?;
        Ok(true)
    }

    /// A YAML map, or lines for a shell when the name does not end in `.yaml`.
    fn render(&self, path: &Path, stack: &StackId) -> Secret<String> {
        let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        let mut text = header(stack);
        for (name, value) in &self.pairs {
            let value = value.expose();
            if yaml {
                // A JSON text is a YAML text.
                text += &format!("{name}: {}\n", serde_json::Value::from(value.as_str()));
            } else {
                text += &format!("{name}='{}'\n", value.replace('\'', "'\\''"));
            }
        }
        Secret::new(text)
    }
}

/// What a file says, in either of its forms; nothing when it is not there or of another kind.
pub(crate) fn read(path: &Path) -> Option<Vec<(String, String)>> {
    let text = fsx::read_text(path).ok()?;
    let map: Result<BTreeMap<String, String>, _> = serde_saphyr::from_str(&text);
    if let Ok(map) = map {
        return Some(map.into_iter().collect());
    }
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let inside = value.strip_prefix('\'')?.strip_suffix('\'')?;
        Some((name.to_owned(), inside.replace("'\\''", "'")))
    };
    lines.map(pair).collect()
}

/// Removes the file of a stack that lost its registry or storage; a file of somebody else stays.
pub(crate) fn remove(path: &Path, stack: &StackId) -> Result<bool, Error> {
    match fsx::read_text(path) {
        Ok(text) if text.starts_with(&header(stack)) => {
            let failed = |e: std::io::Error| {
                Error::new(Class::User, format!("`{}` cannot be removed: {}", path.display(), reason(&e)))
            };
            fsx::remove(path).map_err(failed)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn text(value: Value) -> Option<Secret<String>> {
    match value {
        Value::String(text) => Some(Secret::new(text)),
        Value::Secret(inner) => text(*inner.into_exposed()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(component: &str, name: &str) -> Result<Option<Value>, &'static str> {
        Ok(match (component, name) {
            ("registry", "login_server" | "bundle_repo") => Some("r.azurecr.io".into()),
            ("registry", "bundles_pull_username") => Some("r".into()),
            ("storage", "connection_string") => {
                Some(Value::from("BlobEndpoint=https://a/;SharedAccessSignature=sv=1&sig=it's").into_secret())
            }
            _ => None,
        })
    }

    #[test]
    fn the_suffix_decides_the_form() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let env = BundleEnv::of(outputs).unwrap().unwrap();
        let yaml = env.render(Path::new("a/dev.yaml"), &stack);
        let head =
            "# written by mops for stack p.s; `mops infra up` renews it\nMODELOPS_BUNDLE_REGISTRY: \"r.azurecr.io\"\n";
        assert!(yaml.expose().starts_with(head), "{}", yaml.expose());
        let shell = env.render(Path::new(".env"), &stack);
        assert!(shell.expose().contains("sig=it'\\''s'\n"), "{}", shell.expose());
        assert!(!format!("{env:?}").contains("sig="));
    }

    #[test]
    fn without_storage_there_is_no_file() {
        let registry_alone = |c: &str, n: &str| outputs(c, n).map(|found| found.filter(|_| c == "registry"));
        assert!(BundleEnv::of(registry_alone).unwrap().is_none());
    }

    #[test]
    fn a_secret_that_cannot_be_opened_is_not_an_output_that_is_gone() {
        let sealed = |c: &str, n: &str| if n == "connection_string" { Err("wrong passphrase") } else { outputs(c, n) };
        assert_eq!(BundleEnv::of(sealed).unwrap_err(), "wrong passphrase");
    }
}

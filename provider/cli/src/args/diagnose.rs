//! What a diagnosis is about beyond the workers of a stack, and what it leaves out.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use mops_diagnose::Chosen;
use mops_wire::registry::Reference;

use super::{CheckArgs, FixArgs, StackArgs, WatchArgs, value};

/// Options of `mops diagnose-auth`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiagnoseArgs {
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
    #[command(flatten)]
    pub(crate) fix: FixArgs,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
}

/// Which stack, where words without a flag name what is looked at.
#[derive(Clone, Debug, Args)]
pub(crate) struct NamedStackArgs {
    /// The stack file (default: the stack of state).
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
}

impl NamedStackArgs {
    pub(crate) fn stack(&self) -> StackArgs {
        StackArgs { file: self.file.clone(), env: self.env.clone() }
    }
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SubjectArgs {
    /// pod/NAME, deployment/NAME, an image, oci://HOST/REPOSITORY.
    #[arg(value_name = "TARGET", conflicts_with = "from")]
    pub(crate) targets: Vec<Target>,
    /// The pods of this deployment (repeatable).
    #[arg(long, value_name = "NAME", value_parser = value::object_name, conflicts_with = "from")]
    pub(crate) deployment: Vec<String>,
    /// What workers fetch with their own credential.
    #[arg(long, value_name = "REF", value_parser = value::image, conflicts_with = "from")]
    pub(crate) bundle_ref: Option<String>,
    /// A blob container that the pods read, VARIABLE=NAME for one by another variable; what `monitor:` says of its stack.
    #[arg(long, value_name = "NAME", hide = true, conflicts_with = "from")]
    pub(crate) storage: Vec<String>,
    /// Where an absent secret may be (repeatable).
    #[arg(long, value_name = "NS", value_parser = value::object_name, conflicts_with = "from")]
    pub(crate) search_namespace: Vec<String>,
    /// Send the registry no invented login.
    #[arg(long, conflicts_with = "from")]
    pub(crate) no_negative_probe: bool,
    /// Read files only; ask nobody.
    #[arg(long, conflicts_with = "from")]
    pub(crate) offline: bool,
}

impl SubjectArgs {
    /// The pods that are named.
    pub(crate) fn chosen(&self) -> Vec<Chosen> {
        let named = self.targets.iter().filter_map(|target| match target {
            Target::Workload(chosen) => Some(chosen.clone()),
            Target::Image(_) => None,
        });
        named.chain(self.deployment.iter().cloned().map(Chosen::Deployment)).collect()
    }

    /// The images and repositories that are named.
    pub(crate) fn images(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| match target {
            Target::Image(image) => Some(image.as_str()),
            Target::Workload(_) => None,
        })
    }
}

/// A word that names what is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Pods.
    Workload(Chosen),
    /// An image, or a whole repository as `oci://HOST/REPOSITORY`.
    Image(String),
}

/// Kinds of Kubernetes that are no target, and would be read as images.
const OTHER_KINDS: [&str; 11] = [
    "pods",
    "po",
    "deployments",
    "deploy",
    "statefulset",
    "daemonset",
    "replicaset",
    "job",
    "cronjob",
    "service",
    "secret",
];

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_file = [".yaml", ".yml"].iter().any(|end| text.ends_with(end));
        match text.split_once('/') {
            _ if is_file => Err(format!("a stack file has its flag: --file {text}")),
            Some(("pod", name)) => Ok(Self::Workload(Chosen::Pod(value::object_name(name)?))),
            Some(("deployment", name)) => Ok(Self::Workload(Chosen::Deployment(value::object_name(name)?))),
            Some((kind, _)) if OTHER_KINDS.contains(&kind) => Err(format!("{FORM}, not {kind}/NAME")),
            _ => match text.strip_prefix("oci://") {
                None => value::image(text).map(Self::Image),
                Some(rest) => repository(rest).map(Self::Image),
            },
        }
    }
}

const FORM: &str = "a target is pod/NAME, deployment/NAME, an image or oci://HOST/REPOSITORY";

/// Without tag and digest it is the repository that is meant, and not its latest image.
fn repository(rest: &str) -> Result<String, String> {
    let reference: Reference = value::image(rest)?.parse().map_err(|_| FORM.to_owned())?;
    let whole = reference.tag().is_none() && reference.digest().is_none();
    Ok(if whole { format!("oci://{rest}") } else { rest.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_workload_an_image_or_a_repository() {
        let image = |text: &str| Ok(Target::Image(text.to_owned()));
        let rows = [
            ("pod/nim-0", Ok(Target::Workload(Chosen::Pod("nim-0".into())))),
            ("deployment/nim", Ok(Target::Workload(Chosen::Deployment("nim".into())))),
            ("nvcr.io/nim/x:1", image("nvcr.io/nim/x:1")),
            ("python:3.12", image("python:3.12")),
            ("oci://r.azurecr.io/team/x", image("oci://r.azurecr.io/team/x")),
            ("oci://r.azurecr.io/team/x:1", image("r.azurecr.io/team/x:1")),
        ];
        for (text, want) in rows {
            assert_eq!(text.parse::<Target>(), want, "{text}");
        }
        let refused = [
            ("dev.yaml", "--file dev.yaml"),
            ("statefulset/x", "pod/NAME, deployment/NAME"),
            ("pod/Not_A_Name", "lower-case"),
            ("https://r.azurecr.io/x", "scheme"),
            ("oci://", "repository"),
            ("r.azurecr.io/X:1", "lower-case"),
        ];
        for (text, said) in refused {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

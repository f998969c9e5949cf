//! The whole stack file.

use mops_core::Place;

use super::azure::AzureSection;
use super::cloud::CloudChoice;
use super::cluster::Cluster;
use super::extra::{Import, Monitor, OutputsSection};
use super::ngc::Ngc;
use super::novita::Novita;
use super::reader::{Check, Context, Mapping, Spanned, section};
use super::registry::Registry;
use super::requires::Requirement;
use super::rule::{EnvironmentName, ProjectName};
use super::scalar::{Whole, words};
use super::storage::Storage;
use super::tokens::Tokens;
use super::workspace::Workspace;

words! {
    /// A part of a stack, in `dependsOn` and behind `-c`.
    ComponentName {
        /// The registry.
        "registry" Registry,
        /// The storage account.
        "storage" Storage,
        /// The cluster.
        "cluster" Cluster,
        /// What runs in the cluster.
        "workspace" Workspace,
        /// Credentials for NVIDIA's registry.
        "ngc" Ngc,
        /// Novita.
        "novita" Novita,
        /// Tokens of tools.
        "tokens" Tokens,
        /// The resource group.
        "resource_group" ResourceGroup,
    }
}

/// A list of components.
pub(super) type ComponentList = super::list::ItemList<ComponentName>;

section! {
    /// A stack file of mops: registry, cluster, storage and workspace of one environment.
    Strict StackFile {
        /// Version of this format.
        "schemaVersion" schema_version: Option<Spanned<Whole<1, 1>>>,
        /// Versions of mops that may run this file, for example `">=0.1"`.
        "requires" requires: Option<Spanned<Requirement>>,
        /// Name of the project; default `modelops`.
        "project" project: Option<Spanned<ProjectName>>,
        /// Name of the stack; `--env` says the same or the file says nothing; neither: `dev`.
        "environment" environment: Option<Spanned<EnvironmentName>>,
        /// Which cloud: `public`, `government`, `china`, or the endpoints of another one.
        "cloud" cloud: Option<Spanned<CloudChoice>>,
        /// How to sign in.
        "azure" azure: Option<Spanned<AzureSection>>,
        /// Resources that exist already and are taken over.
        "import" import: Vec<Spanned<Import>>,
        /// The container registry.
        "registry" registry: Option<Spanned<Registry>>,
        /// The cluster with its node pools.
        "cluster" cluster: Option<Spanned<Cluster>>,
        /// The storage account.
        "storage" storage: Option<Spanned<Storage>>,
        /// What runs in the cluster.
        "workspace" workspace: Option<Spanned<Workspace>>,
        /// Repeated diagnosis inside the cluster.
        "monitor" monitor: Option<Spanned<Monitor>>,
        /// Credentials for NVIDIA's registry.
        "ngc" ngc: Option<Spanned<Ngc>>,
        /// Tokens of tools, by name of their variable.
        "tokens" tokens: Option<Spanned<Tokens>>,
        /// Novita's GPU cloud.
        "novita" novita: Option<Spanned<Novita>>,
        /// What is written after a run.
        "outputs" outputs: Option<Spanned<OutputsSection>>,
        /// After a failure: `false` starts no further component, `true` stops only what depends on it.
        "continueOnError" continue_on_error: Option<Spanned<bool>>,
        /// Further dependencies between components.
        "dependsOn" depends_on: Mapping<ComponentList>,
    }
}

impl Check for StackFile {
    fn check(&self, place: &Place, cx: &mut Context) {
        self.check_registry_places(cx);
        self.check_depends_on(cx);
        super::schedule::check(self, cx);
        let built = [self.registry.is_some(), self.cluster.is_some(), self.storage.is_some(), self.workspace.is_some()];
        if !built.contains(&true) && self.ngc.is_none() && self.tokens.is_none() && self.novita.is_none() {
            cx.error(
                place,
                "the file declares nothing",
                "add a `registry`, `cluster`, `storage` or `workspace` section",
            );
        }
        if let (Some(workspace), None) = (&self.workspace, &self.cluster) {
            cx.error(&workspace.place, "`workspace` needs a cluster", "add a `cluster` section");
        }
        self.check_ngc(cx);
        self.check_novita(cx);
        self.check_tokens(cx);
        if let (Some(monitor), None) = (self.monitor.as_ref().filter(|m| m.is_enabled()), &self.workspace) {
            let hint = "add a `workspace` section, or watch any workload with `mops diagnose-auth --watch`";
            cx.error(&monitor.place, "`monitor` needs a workspace to watch", hint);
        }
    }
}

impl StackFile {
    /// The registry may stand in `registry` or, as in older files, in `cluster.acr`; not in both with different values.
    fn check_registry_places(&self, cx: &mut Context) {
        let (Some(registry), Some(acr)) = (&self.registry, self.cluster.as_ref().and_then(|c| c.acr.as_ref())) else {
            return;
        };
        if registry.provider() != super::registry::RegistryProvider::Azure {
            let summary = "`registry` and `cluster.acr` describe different registries";
            cx.error(
                &acr.place,
                summary,
                "delete `cluster.acr`: the stack uses the registry of the `registry` section",
            );
            return;
        }
        let same_name = match (&registry.name, &acr.name) {
            (Some(a), Some(b)) => a.value == b.as_str(),
            _ => true,
        };
        let same_sku = match (&registry.sku, &acr.sku) {
            (Some(a), Some(b)) => a.value == b.value,
            _ => true,
        };
        if !same_name || !same_sku {
            let summary = "`registry` and `cluster.acr` describe different registries";
            cx.error(&acr.place, summary, "`cluster.acr` is the older place: delete it, or make both equal");
        }
    }

    /// The key goes into namespaces of a cluster: those that are named, else the workspace's.
    fn check_ngc(&self, cx: &mut Context) {
        let Some(ngc) = &self.ngc else { return };
        if self.cluster.is_none() {
            cx.error(&ngc.place, "`ngc` needs a cluster", "add a `cluster` section");
        } else if ngc.namespaces.is_empty() && self.workspace.is_none() {
            let hint = "add `namespaces`, for example `[research-ops]`";
            cx.error(
                &ngc.place,
                "`ngc` names no namespace, and there is no workspace whose namespace it could be",
                hint,
            );
        }
    }

    /// `registry: self` needs one that the stack makes.
    fn check_novita(&self, cx: &mut Context) {
        let own = match &self.registry {
            Some(registry) => registry.provider() == super::registry::RegistryProvider::Azure,
            None => self.cluster.as_ref().is_some_and(|cluster| cluster.acr.is_some()),
        };
        let first = self.novita.as_ref().and_then(|novita| novita.registry_auths.first());
        if let (Some(first), false) = (first, own) {
            let hint = "add a `registry` section with `provider: azure`, or name the login of another registry by `mops novita`";
            cx.error(&first.registry.place, "`registry: self` needs a registry that this stack makes", hint);
        }
    }

    /// Tokens go into the workspace's namespace, to a host, or both.
    fn check_tokens(&self, cx: &mut Context) {
        let Some(tokens) = &self.tokens else { return };
        if tokens.sources.0.is_empty() {
            let hint = "add one, for example `HF_TOKEN: {from_env: HF_TOKEN}`";
            cx.error(&tokens.place, "`tokens` names no variable", hint);
        }
        if self.workspace.is_none() && tokens.slurm.is_none() {
            let hint = "add `slurm` with a login node, or a `workspace` section";
            cx.error(&tokens.place, "`tokens` has neither a login node nor a workspace that would get them", hint);
        }
    }

    fn check_depends_on(&self, cx: &mut Context) {
        const WORDS: [&str; 8] =
            ["registry", "storage", "cluster", "workspace", "ngc", "novita", "tokens", "resource_group"];
        for (component, targets) in &self.depends_on.0 {
            if !WORDS.contains(&component.as_str()) {
                let summary = format!("`dependsOn.{}` is not a component", super::tree::clip(component));
                cx.error(&component.place, summary, format!("components are {}", WORDS.join(", ")));
            }
            for target in &targets.0 {
                if target.as_str() == component.value {
                    let summary = format!("`{}` depends on itself", component.value);
                    cx.error(&target.place, summary, "delete this entry");
                }
            }
        }
    }
}

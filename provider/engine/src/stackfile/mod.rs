//! The stack file: read once, with the place of every value.
//!
//! Guarantees: a file gives either a [`StackFile`] or errors that all have place and hint, never a panic
//! (`tests/malformed.rs`); every row of the format is taken and refused as described (`tests/stackfile.rs`); a secret
//! written into the file is refused without being quoted (`tests/stackfile.rs::literal_secrets_are_not_quoted`).

mod azure;
mod capacity;
mod cloud;
mod cluster;
mod extra;
mod list;
mod ngc;
mod novita;
mod phase;
mod pool;
mod reader;
mod registry;
mod requires;
mod root;
mod rule;
mod sas;
mod scalar;
mod schedule;
mod source;
mod storage;
mod subscription;
mod taint;
mod tokens;
mod toleration;
mod tree;
mod unsupported;
mod workload;
mod workspace;

use std::sync::Arc;

use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::{Class, Diagnostic, Error, Place, Secret, Severity};
use mops_host::{Env, fsx};

use reader::{Context, Read};

pub use azure::{AuthWord, AzureSection};
pub use cloud::{CloudChoice, Endpoints, Loopback};
pub use cluster::{Aks, Cluster, ClusterProvider, KubernetesVersion, OldRegistry};
pub use extra::{Import, Monitor, OutputsSection};
pub use list::ItemList;
pub use ngc::Ngc;
pub use novita::{Novita, NovitaAuth, NovitaInstance};
pub use phase::Phase;
pub use pool::{Eviction, Gpu, GpuDriver, GpuPlugin, MigProfile, Pool, PoolMode, Upgrade};
pub use reader::{Mapping, OneOrMany, Spanned};
pub use registry::{
    AuthMap, PrincipalAuth, RealmPair, Registry, RegistryAuth, RegistryProvider, RegistrySku, RoleMode,
};
pub use requires::Requirement;
pub use root::{ComponentName, StackFile};
pub use rule::*;
pub use sas::{Sas, SasKind, SigningKey};
pub use scalar::{Literal, Whole};
pub use source::SecretSource;
pub use storage::{CONTAINERS, Storage, StorageProvider, StorageSku};
pub use subscription::SubscriptionId;
pub use taint::{Effect, Taint, TaintMap};
pub use tokens::{Slurm, Tokens};
pub use toleration::{PullSecretRef, SecretName, Toleration, TolerationOperator};
pub use unsupported::unsupported;
pub use workload::{Environment, Resources, Scheduler, Variable, Workers};
pub use workspace::{
    Autoscaling, AutoscalingType, Metadata, Scaling, Workspace, WorkspaceApi, WorkspaceKind, WorkspaceSpec,
};

/// A first stack file with comments; valid but for the placeholder of the subscription.
pub const STARTER: &str = include_str!("starter.yaml");

/// What reading a file gave.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file; `None` when there is at least one error.
    pub file: Option<StackFile>,
    /// Errors and warnings in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a stack file; `name` is how the user called it.
#[must_use]
pub fn load(name: &str, text: &str) -> Loaded {
    let (file, diagnostics) = read::<StackFile>(name, text, |root, cx| {
        if let Some(newer) = root.get("schema_version") {
            let hint = "write `schemaVersion: 1` and the sections of that version: `mops infra init` shows them";
            cx.error(
                &newer.place,
                "this is a `schema_version: 2` file of the original ModelOps; mops reads version 1",
                hint,
            );
            return false;
        }
        true
    });
    Loaded { file, diagnostics }
}

/// Reads the file of `--cloud`; it has the members of a `cloud:` map.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn cloud_file(path: &str, text: &str) -> Result<Cloud, Vec<Diagnostic>> {
    let (endpoints, diagnostics) = read::<Endpoints>(path, text, |_, _| true);
    endpoints.map(|e| CloudChoice::Custom(Box::new(e)).cloud(path)).ok_or(diagnostics)
}

/// JSON Schema of the stack file, for editors; made from the same tables that read it.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = StackFile::schema();
    if let serde_json::Value::Object(members) = &mut schema {
        members.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
        members.insert("title".into(), "mops stack file".into());
    }
    schema
}

/// The text of such a file.
///
/// # Errors
/// When it cannot be read, is not the user's own, or others may read it.
pub fn read_cloud_file(name: &str, env: &Env) -> Result<Secret<String>, Error> {
    fsx::read_private(&env.path(name)).map_err(|error| {
        Error::new(Class::User, format!("the cloud file `{name}` cannot be used: {error}"))
            .hint("it must be your own file without rights for others: `chmod 600 FILE`")
    })
}

fn read<T: Read>(
    name: &str,
    text: &str,
    before: impl FnOnce(&tree::Node, &mut Context) -> bool,
) -> (Option<T>, Vec<Diagnostic>) {
    let file: Arc<str> = name.into();
    let parsed = tree::parse(&file, text);
    let mut cx = Context::new();
    let value = parsed.root.as_ref().filter(|root| before(root, &mut cx)).and_then(|root| T::read(root, &mut cx));
    let mut diagnostics = parsed.faults;
    diagnostics.append(&mut cx.found);
    diagnostics.sort_by_key(|d| d.place.as_ref().map(|p| (p.line, p.column)));
    let broken = diagnostics.iter().any(|d| d.severity == Severity::Error);
    (value.filter(|_| !broken), diagnostics)
}

impl StackFile {
    /// The cloud that the file names; the public one when it names none.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        let name = |place: &Place| place.file.to_string();
        self.cloud.as_ref().map_or_else(Cloud::public, |c| c.value.cloud(&name(&c.place)))
    }

    /// How to sign in.
    #[must_use]
    pub fn azure_auth(&self) -> AzureAuth {
        self.azure.as_ref().map(|a| a.azure_auth()).unwrap_or_default()
    }

    /// The name of the stack that the file gives, if it does.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_ref().map(|e| e.as_str())
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &str {
        self.project.as_ref().map_or("modelops", |p| p.as_str())
    }
}

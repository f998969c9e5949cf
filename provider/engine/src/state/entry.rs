//! One resource as text: in Pulumi's form, with our component beside it. The journal uses the same form without
//! parent and provider.

use std::borrow::Cow;

use mops_core::{Urn, Value};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::codec::{AsJson, FromJson};
use super::model::ResourceState;
use crate::program::Component;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(b: &bool) -> bool {
    !*b
}

/// Written by reference: nothing of the state is copied.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryOut<'a> {
    urn: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    custom: bool,
    #[serde(skip_serializing_if = "is_false")]
    delete: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    inputs: AsJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<AsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    protect: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Urn]>::is_empty")]
    dependencies: Cow<'a, [Urn]>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    init_errors: &'a [String],
    #[serde(skip_serializing_if = "is_false")]
    retain_on_delete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_with: Option<&'a str>,
    #[serde(rename = "importID", skip_serializing_if = "Option::is_none")]
    import_id: Option<&'a str>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    created: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    modified: Option<OffsetDateTime>,
    #[serde(rename = "mops:component", skip_serializing_if = "Option::is_none")]
    component: Option<Component>,
}

/// Where an entry goes.
pub(crate) enum Form<'a> {
    /// Into the journal: no more than is needed.
    Journal,
    /// Into a deployment: with the stack it hangs below, its provider, and only the dependencies that are there.
    Deployment { parent: &'a str, provider: &'a str, dependencies: Vec<Urn>, component: bool },
}

impl<'a> EntryOut<'a> {
    pub(crate) fn new(r: &'a ResourceState, form: Form<'a>) -> Self {
        let (parent, provider, dependencies, deployed, component) = match form {
            Form::Journal => (None, None, Cow::Borrowed(&r.dependencies[..]), false, true),
            Form::Deployment { parent, provider, dependencies, component } => {
                (Some(parent), Some(provider), Cow::Owned(dependencies), true, component)
            }
        };
        let empty = matches!(&r.outputs, Value::Map(map) if map.is_empty()) || r.outputs == Value::Null;
        Self {
            urn: r.urn.as_str(),
            custom: deployed,
            delete: r.pending_delete,
            id: &r.id,
            kind: deployed.then(|| r.urn.token()),
            inputs: AsJson(&r.inputs),
            outputs: (!empty).then_some(AsJson(&r.outputs)),
            parent,
            protect: r.protect,
            provider,
            dependencies,
            init_errors: &r.init_errors,
            retain_on_delete: r.retain_on_delete,
            deleted_with: r.deleted_with.as_ref().map(Urn::as_str),
            import_id: r.adopted_from.as_deref(),
            created: r.created,
            modified: r.modified,
            component: component.then_some(r.component),
        }
    }
}

/// Read; what is not known here is ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryIn {
    pub(crate) urn: String,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    id: String,
    inputs: Option<FromJson>,
    pub(crate) outputs: Option<FromJson>,
    #[serde(default)]
    protect: bool,
    #[serde(default)]
    dependencies: Vec<Urn>,
    #[serde(default)]
    init_errors: Vec<String>,
    #[serde(default)]
    retain_on_delete: bool,
    #[serde(default)]
    deleted_with: Option<Urn>,
    #[serde(default, rename = "importID")]
    import_id: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    created: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    modified: Option<OffsetDateTime>,
    #[serde(default, rename = "mops:component")]
    component: Option<Component>,
}

impl EntryIn {
    /// The resource, or why the text is none.
    pub(crate) fn into_state(self) -> Result<ResourceState, String> {
        let urn = Urn::parse(&self.urn).ok_or_else(|| format!("`{}` is not a URN", self.urn))?;
        let component = self.component.unwrap_or_else(|| component_of(urn.token()));
        Ok(ResourceState {
            component,
            urn,
            id: self.id,
            inputs: self.inputs.map_or_else(Value::map, |v| v.0),
            outputs: self.outputs.map_or_else(Value::map, |v| v.0),
            dependencies: self.dependencies,
            protect: self.protect,
            retain_on_delete: self.retain_on_delete,
            deleted_with: self.deleted_with.filter(|u| !u.as_str().is_empty()),
            adopted_from: self.import_id.filter(|id| !id.is_empty()),
            init_errors: self.init_errors,
            pending_delete: self.delete,
            created: self.created,
            modified: self.modified,
        })
    }
}

/// The component of a resource that came from somebody else's deployment.
fn component_of(token: &str) -> Component {
    match token.rsplit(':').next().unwrap_or_default() {
        "ResourceGroup" => Component::ResourceGroup,
        "ContainerRegistry" | "RegistryToken" => Component::Registry,
        "StorageAccount" | "BlobContainer" | "StorageLifecycle" | "BlobSasToken" => Component::Storage,
        "ManagedCluster" | "NodePool" => Component::Cluster,
        _ => Component::Workspace,
    }
}

//! One resource as text: in Pulumi's form, with our component beside it. The journal uses the same form without
//! parent and provider.

use std::borrow::Cow;

use mops_core::{Urn, Value};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::codec::{AsJson, FromJson};
use super::frame::Fields;
use super::model::ResourceState;
use crate::program::{Component, DEVICE_PLUGIN, NGC, NOVITA, TOKENS};

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
    #[serde(flatten)]
    extra: Cow<'a, Fields>,
}

/// Where an entry goes.
pub(crate) enum Form<'a> {
    /// Into the journal: no more than is needed.
    Journal,
    /// Into a deployment: with the stack it hangs below, its provider, and only the references that are there.
    Deployment {
        parent: &'a str,
        provider: &'a str,
        dependencies: Vec<Urn>,
        deleted_with: Option<&'a Urn>,
        component: bool,
    },
}

impl<'a> EntryOut<'a> {
    pub(crate) fn new(r: &'a ResourceState, form: Form<'a>) -> Self {
        let extra = match &form {
            Form::Deployment { dependencies, .. } if r.extra.contains_key(PROPERTIES) => {
                Cow::Owned(only_present(&r.extra, dependencies))
            }
            _ => Cow::Borrowed(&r.extra),
        };
        let (parent, provider, dependencies, deleted_with, deployed, component) = match form {
            Form::Journal => (None, None, Cow::Borrowed(&r.dependencies[..]), r.deleted_with.as_ref(), false, true),
            Form::Deployment { parent, provider, dependencies, deleted_with, component } => {
                (Some(parent), Some(provider), Cow::Owned(dependencies), deleted_with, true, component)
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
            deleted_with: deleted_with.map(Urn::as_str),
            import_id: r.adopted_from.as_deref(),
            created: r.created,
            modified: r.modified,
            component: component.then_some(r.component),
            extra,
        }
    }
}

/// Which dependencies each property has: kept as it came, without those that are not there any more.
const PROPERTIES: &str = "propertyDependencies";

fn only_present(extra: &Fields, dependencies: &[Urn]) -> Fields {
    let mut extra = extra.clone();
    let properties = extra.get_mut(PROPERTIES).and_then(serde_json::Value::as_object_mut);
    for list in properties.into_iter().flat_map(|p| p.values_mut()).filter_map(serde_json::Value::as_array_mut) {
        list.retain(|urn| dependencies.iter().any(|d| urn == d.as_str()));
    }
    extra
}

/// Read; what is not known here is kept in `extra`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryIn {
    urn: String,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    id: String,
    inputs: Option<FromJson>,
    outputs: Option<FromJson>,
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
    // Written anew each time, so that nobody reads them.
    #[serde(default, rename = "custom")]
    _custom: IgnoredAny,
    #[serde(default, rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "parent")]
    _parent: IgnoredAny,
    #[serde(default, rename = "provider")]
    _provider: IgnoredAny,
    #[serde(flatten)]
    extra: Fields,
}

impl EntryIn {
    /// The resource, or why the text is none.
    pub(crate) fn into_state(self) -> Result<ResourceState, String> {
        let urn = Urn::parse(&self.urn).ok_or_else(|| format!("`{}` is not a URN", self.urn))?;
        let component = self.component.unwrap_or_else(|| component_of(&urn));
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
            extra: self.extra,
        })
    }
}

/// The component of a resource that came from somebody else's deployment.
fn component_of(urn: &Urn) -> Component {
    if urn.name().starts_with(NOVITA) {
        return Component::Novita;
    }
    if urn.name().starts_with(TOKENS) {
        return Component::Tokens;
    }
    match urn.token().rsplit(':').next().unwrap_or_default() {
        "ResourceGroup" => Component::ResourceGroup,
        "ContainerRegistry" | "RegistryToken" => Component::Registry,
        "StorageAccount" | "BlobContainer" | "StorageLifecycle" | "BlobSasToken" => Component::Storage,
        "ManagedCluster" | "NodePool" => Component::Cluster,
        "Manifest" if urn.name().starts_with(DEVICE_PLUGIN) => Component::Cluster,
        _ if urn.name().starts_with(NGC) => Component::Ngc,
        _ => Component::Workspace,
    }
}

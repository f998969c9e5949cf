//! What state knows, as values. No I/O here.

use std::collections::{BTreeMap, BTreeSet};

use mops_core::provider::Known;
use mops_core::{Lineage, StackId, Urn, Value};
use time::OffsetDateTime;

use super::frame::{Fields, Frame};
use crate::program::Component;

/// One resource as state knows it. Secrets in it are sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceState {
    /// Its name.
    pub urn: Urn,
    /// The identity given by the service.
    pub id: String,
    /// The inputs of the last create or update that succeeded.
    pub inputs: Value,
    /// The outputs of the last create, update or read.
    pub outputs: Value,
    /// What it was made from; must be deleted after it.
    pub dependencies: Vec<Urn>,
    /// The part of the stack.
    pub component: Component,
    /// Refused to be deleted.
    pub protect: bool,
    /// Leaves the state without a call when it is no longer wanted.
    pub retain_on_delete: bool,
    /// Something whose deletion takes this along.
    pub deleted_with: Option<Urn>,
    /// The id under which it was taken over, unmarked, from somebody else; such a thing is never deleted.
    pub adopted_from: Option<String>,
    /// Why it is not ready; the next run updates it.
    pub init_errors: Vec<String>,
    /// Replaced already, still to be deleted.
    pub pending_delete: bool,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// When it was last changed.
    pub modified: Option<OffsetDateTime>,
    /// Fields of an imported deployment that this engine has no use for; they are written again as they came.
    pub extra: Fields,
}

impl ResourceState {
    /// A resource with nothing special about it.
    #[must_use]
    pub fn new(urn: Urn, component: Component, id: impl Into<String>) -> Self {
        Self {
            urn,
            id: id.into(),
            inputs: Value::map(),
            outputs: Value::map(),
            dependencies: Vec::new(),
            component,
            protect: false,
            retain_on_delete: false,
            deleted_with: None,
            adopted_from: None,
            init_errors: Vec::new(),
            pending_delete: false,
            created: None,
            modified: None,
            extra: Fields::new(),
        }
    }

    /// The form in which a provider sees it; secrets are still sealed.
    #[must_use]
    pub fn known(&self) -> Known {
        Known { id: self.id.clone(), inputs: self.inputs.clone(), outputs: self.outputs.clone() }
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes it, or takes over what is ours.
    Create,
    /// Makes the new one of a replacement while the old one is still there.
    CreateReplacement,
    /// Changes it in place.
    Update,
    /// Removes it.
    Delete,
    /// Removes the old one of a replacement.
    DeleteOld,
}

/// An operation that was begun and whose end is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOperation {
    /// The sequence number of its Begin.
    pub begin: u64,
    /// What it does.
    pub action: Action,
    /// The resource as it will be; for deletions only its name and id matter.
    pub resource: ResourceState,
    /// When it was begun.
    pub at: OffsetDateTime,
    /// The sealed URL by which it can be resumed.
    pub operation: Option<Value>,
}

/// Outputs of a stack: component → name → value.
pub type Outputs = BTreeMap<String, BTreeMap<String, Value>>;

/// A state: what exists, and what is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Whose.
    pub stack: StackId,
    /// The random id of this state.
    pub lineage: Lineage,
    /// Lineages that this state has taken over.
    pub predecessors: BTreeSet<String>,
    /// No state existed before this run, so that what carries our marks may be taken over.
    pub is_new: bool,
    /// Everything that exists, dependencies first as far as possible.
    pub resources: Vec<ResourceState>,
    /// Outputs of the last run.
    pub outputs: Outputs,
    /// Operations without an end.
    pub open: Vec<OpenOperation>,
    /// The last record that this covers.
    pub sequence: u64,
    /// Salt text of the passphrase, once there is a secret.
    pub salt: Option<String>,
    /// Things worth a note to the user: a torn record that was dropped.
    pub notes: Vec<String>,
    /// What stands around the resources.
    pub frame: Frame,
}

/// The random id of a new state: the digits of a UUID, see [`Frame`].
pub(super) fn lineage() -> Lineage {
    let id = uuid::Builder::from_random_bytes(mops_host::random::bytes()).into_uuid();
    Lineage(id.simple().to_string())
}

impl Snapshot {
    /// The state of a stack that does not exist yet.
    #[must_use]
    pub fn none(stack: &StackId) -> Self {
        Self {
            stack: stack.clone(),
            lineage: lineage(),
            predecessors: BTreeSet::new(),
            is_new: true,
            resources: Vec::new(),
            outputs: Outputs::new(),
            open: Vec::new(),
            sequence: 0,
            salt: None,
            notes: Vec::new(),
            frame: Frame::default(),
        }
    }

    /// The resource of that name that is not about to be deleted.
    #[must_use]
    pub fn get(&self, urn: &Urn) -> Option<&ResourceState> {
        self.resources.iter().find(|r| !r.pending_delete && r.urn == *urn)
    }

    /// Whether nothing exists and nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.open.is_empty()
    }
}

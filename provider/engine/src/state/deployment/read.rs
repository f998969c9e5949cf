//! Reading a snapshot file of ours.

use std::collections::BTreeSet;
use std::fmt;

use mops_core::{Lineage, StackId, Value};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};

use super::super::codec::FromJson;
use super::super::entry::EntryIn;
use super::super::frame::{Fields, Frame};
use super::super::model::{OpenOperation, Outputs, ResourceState, Snapshot};
use super::super::verify::verify;
use super::{DEPLOYMENT, FORMAT, Open, PREFIX, hex};
use crate::error::StateError;

#[derive(Deserialize)]
struct HeadIn {
    format: u64,
    sequence: u64,
    lineage: String,
    #[serde(default)]
    predecessors: BTreeSet<String>,
    #[serde(default)]
    open: Vec<Open>,
}

#[derive(Deserialize)]
struct FileIn {
    mops: HeadIn,
    version: u64,
    deployment: DeploymentIn,
    #[serde(flatten)]
    extra: Fields,
}

#[derive(Deserialize)]
pub(crate) struct DeploymentIn {
    #[serde(default)]
    manifest: Fields,
    #[serde(default)]
    secrets_providers: Option<SecretsIn>,
    #[serde(default)]
    resources: Entries,
    #[serde(default, rename = "pending_operations")]
    _pending: IgnoredAny,
    #[serde(flatten)]
    extra: Fields,
}

/// The entries: those of the stack and its providers stand in front of all others.
#[derive(Default)]
struct Entries {
    frame: Frame,
    outputs: Outputs,
    resources: Vec<EntryIn>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries, A::Error> {
        let mut found = Entries::default();
        while let Some(entry) = seq.next_element::<Fields>()? {
            match found.frame.take(entry) {
                Ok(outputs) => found.outputs.extend(outputs.into_iter().flat_map(stack_outputs)),
                Err(entry) => {
                    let entry = EntryIn::deserialize(serde_json::Value::Object(entry));
                    found.resources.push(entry.map_err(serde::de::Error::custom)?);
                    break;
                }
            }
        }
        while let Some(entry) = seq.next_element()? {
            found.resources.push(entry);
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct SecretsIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    state: SecretsState,
}

#[derive(Default, Deserialize)]
struct SecretsState {
    #[serde(default)]
    salt: Option<String>,
}

/// Reads a file of ours.
pub(crate) fn read(file: &str, bytes: &[u8], stack: &StackId) -> Result<Snapshot, StateError> {
    let damaged = |offset: usize, reason: &str| StateError::Damaged {
        file: file.into(),
        offset: offset as u64,
        reason: reason.into(),
    };
    if bytes.is_empty() {
        return Err(damaged(0, "the file is empty"));
    }
    let body = PREFIX.len() + 64 + 3;
    if bytes.len() < body || !bytes.starts_with(PREFIX.as_bytes()) || &bytes[body - 3..body] != b"\",\n" {
        return Err(damaged(0, "the first line is not that of a snapshot"));
    }
    if hex(&Sha256::digest(&bytes[body..])).as_bytes() != &bytes[PREFIX.len()..body - 3] {
        return Err(damaged(body, "the content does not match its checksum"));
    }
    let parsed: FileIn = serde_json::from_slice(bytes)
        .map_err(|e| damaged(0, &format!("line {} column {}: {:?} error", e.line(), e.column(), e.classify())))?;
    if parsed.mops.format > FORMAT {
        return Err(StateError::Newer { file: file.into(), found: parsed.mops.format, known: FORMAT });
    }
    if parsed.version > DEPLOYMENT {
        return Err(StateError::Newer { file: file.into(), found: parsed.version, known: DEPLOYMENT });
    }
    let snapshot = assemble(parsed, stack).map_err(|reason| damaged(0, &reason))?;
    verify(&snapshot.resources).map_err(|reason| damaged(0, &reason))?;
    Ok(snapshot)
}

fn assemble(parsed: FileIn, stack: &StackId) -> Result<Snapshot, String> {
    let head = parsed.mops;
    let mut snapshot = parsed.deployment.into_snapshot(stack, parsed.extra)?;
    snapshot.lineage = Lineage(head.lineage);
    snapshot.predecessors = head.predecessors;
    snapshot.sequence = head.sequence;
    snapshot.frame.forget_own_provider(&snapshot.lineage);
    snapshot.open = head
        .open
        .into_iter()
        .map(|o| OpenOperation {
            begin: o.begin,
            action: o.action,
            resource: o.resource,
            at: o.at,
            operation: o.operation.map(|u| u.0),
        })
        .collect();
    Ok(snapshot)
}

impl DeploymentIn {
    /// The state that the deployment describes, of a lineage of its own; `file` is what stands beside the deployment.
    pub(crate) fn into_snapshot(self, stack: &StackId, file: Fields) -> Result<Snapshot, String> {
        let mut snapshot = Snapshot { is_new: false, ..Snapshot::none(stack) };
        if let Some(secrets) = self.secrets_providers {
            if secrets.kind != "passphrase" {
                return Err(format!("secrets are kept by `{}`, which the embedded engine cannot open", secrets.kind));
            }
            snapshot.salt = secrets.state.salt;
        }
        let Entries { frame, outputs, resources } = self.resources;
        let mut manifest = self.manifest;
        for ours in ["time", "magic", "version"] {
            manifest.shift_remove(ours);
        }
        snapshot.frame = Frame { file, deployment: self.extra, manifest, ..frame };
        snapshot.outputs = outputs;
        snapshot.resources =
            resources.into_iter().map(EntryIn::into_state).collect::<Result<Vec<ResourceState>, _>>()?;
        Ok(snapshot)
    }
}

/// Outputs are kept by component; what a program of another engine put there in another shape is not for us.
fn stack_outputs(json: serde_json::Value) -> Outputs {
    let Ok(FromJson(Value::Map(components))) = FromJson::deserialize(json) else { return Outputs::new() };
    let inner = |v| if let Value::Map(map) = v { Some(map) } else { None };
    components.into_iter().filter_map(|(k, v)| Some((k, inner(v)?))).collect()
}

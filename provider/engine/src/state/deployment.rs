//! The snapshot file: a Pulumi deployment v3 with a first line of ours.
//!
//! `{"mops":{"sum":"…",` is the first line; the sum covers every byte after it. Guarantees that a snapshot that was
//! altered or cut is refused (`tests/state.rs`), and that resources stand after what they depend on.

use std::collections::{BTreeSet, HashMap};

use mops_core::{Lineage, StackId, Urn, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::codec::{AsJson, field};
use super::entry::{EntryIn, EntryOut, Form};
use super::model::{Action, OpenOperation, ResourceState, Snapshot};
use crate::error::StateError;

/// The format of our part of the file.
const FORMAT: u64 = 1;
/// The version of the deployment that we read and write.
const DEPLOYMENT: u64 = 3;
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct HeadOut<'a> {
    format: u64,
    sequence: u64,
    lineage: &'a str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    predecessors: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "<[Open]>::is_empty")]
    open: Vec<Open>,
}

#[derive(Serialize, Deserialize)]
struct Open {
    begin: u64,
    action: Action,
    resource: ResourceState,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Url>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Url(#[serde(with = "field")] Value);

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
}

#[derive(Deserialize)]
struct DeploymentIn {
    #[serde(default)]
    secrets_providers: Option<SecretsIn>,
    #[serde(default)]
    resources: Vec<EntryIn>,
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

/// The file's bytes. With `ours` false: a plain deployment for `pulumi stack import`.
pub(crate) fn write(snapshot: &Snapshot, now: OffsetDateTime, ours: bool) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(1024 + snapshot.resources.len() * 768);
    out.extend_from_slice(if ours { PREFIX.as_bytes() } else { b"{" });
    if ours {
        out.extend_from_slice(&[b'0'; 64]);
        out.extend_from_slice(b"\",\n");
        let body = out.len();
        write_head(snapshot, &mut out)?;
        write_deployment(snapshot, now, ours, &mut out)?;
        let sum = hex(&Sha256::digest(&out[body..]));
        out[PREFIX.len()..PREFIX.len() + 64].copy_from_slice(sum.as_bytes());
    } else {
        write_deployment(snapshot, now, ours, &mut out)?;
    }
    Ok(out)
}

const PREFIX: &str = "{\"mops\":{\"sum\":\"";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn write_head(snapshot: &Snapshot, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let open = snapshot
        .open
        .iter()
        .map(|o| Open {
            begin: o.begin,
            action: o.action,
            resource: o.resource.clone(),
            at: o.at,
            operation: o.operation.clone().map(Url),
        })
        .collect();
    let head = HeadOut {
        format: FORMAT,
        sequence: snapshot.sequence,
        lineage: &snapshot.lineage.0,
        predecessors: &snapshot.predecessors,
        open,
    };
    let start = out.len();
    serde_json::to_writer(&mut *out, &head)?;
    // The object was opened on the first line already.
    out.remove(start);
    out.extend_from_slice(b",\n");
    Ok(())
}

fn write_deployment(snapshot: &Snapshot, now: OffsetDateTime, ours: bool, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let names = Names::of(&snapshot.stack, &snapshot.lineage);
    let time = now.replace_nanosecond(0).unwrap_or(now);
    let time = time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    out.extend_from_slice(b"\"version\":3,\"deployment\":{\"manifest\":");
    let magic = hex(&Sha256::digest(VERSION));
    json(out, &serde_json::json!({"time": time, "magic": magic, "version": VERSION}))?;
    if let Some(salt) = &snapshot.salt {
        out.extend_from_slice(b",\"secrets_providers\":");
        json(out, &serde_json::json!({"type": "passphrase", "state": {"salt": salt}}))?;
    }
    out.extend_from_slice(b",\"resources\":[\n");
    write_root(snapshot, &names, out)?;
    for (resource, dependencies) in in_order(&snapshot.resources) {
        out.extend_from_slice(b",\n");
        let form = Form::Deployment { parent: &names.root, provider: &names.reference, dependencies, component: ours };
        json(out, &EntryOut::new(resource, form))?;
    }
    out.extend_from_slice(b"\n]");
    if !ours && !snapshot.open.is_empty() {
        out.extend_from_slice(b",\"pending_operations\":");
        let all: Vec<_> = snapshot
            .open
            .iter()
            .map(|o| serde_json::json!({"resource": EntryJson(o, &names).value(), "type": word(o.action)}))
            .collect();
        json(out, &all)?;
    }
    out.extend_from_slice(b",\"metadata\":{}}}\n");
    Ok(())
}

struct EntryJson<'a>(&'a OpenOperation, &'a Names);

impl EntryJson<'_> {
    fn value(&self) -> serde_json::Value {
        let form = Form::Deployment {
            parent: &self.1.root,
            provider: &self.1.reference,
            dependencies: Vec::new(),
            component: false,
        };
        serde_json::to_value(EntryOut::new(&self.0.resource, form)).unwrap_or_default()
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Create | Action::CreateReplacement => "creating",
        Action::Update => "updating",
        Action::Delete | Action::DeleteOld => "deleting",
    }
}

fn json<T: Serialize>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    serde_json::to_writer(out, value)
}

/// The two resources that Pulumi expects in front of all others.
struct Names {
    root: String,
    provider: String,
    id: String,
    reference: String,
}

impl Names {
    fn of(stack: &StackId, lineage: &Lineage) -> Self {
        let StackId { project, stack } = stack;
        let root = format!("urn:pulumi:{stack}::{project}::pulumi:pulumi:Stack::{project}-{stack}");
        let provider = format!(
            "urn:pulumi:{stack}::{project}::pulumi:providers:modelops::default_{}",
            VERSION.replace(['.', '-'], "_")
        );
        let hex = format!("{:0<32.32}", lineage.0);
        let id = format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]);
        Self { reference: format!("{provider}::{id}"), root, provider, id }
    }
}

fn write_root(snapshot: &Snapshot, names: &Names, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"urn\":");
    json(out, &names.root)?;
    out.extend_from_slice(b",\"custom\":false,\"type\":\"pulumi:pulumi:Stack\"");
    if !snapshot.outputs.is_empty() {
        let all = Value::Map(snapshot.outputs.iter().map(|(k, v)| (k.clone(), Value::Map(v.clone()))).collect());
        out.extend_from_slice(b",\"outputs\":");
        json(out, &AsJson(&all))?;
    }
    out.extend_from_slice(b"}");
    if !snapshot.resources.is_empty() {
        out.extend_from_slice(b",\n");
        let version = serde_json::json!({"version": VERSION});
        json(
            out,
            &serde_json::json!({"urn": names.provider, "custom": true, "id": names.id,
                "type": "pulumi:providers:modelops", "inputs": version, "outputs": version, "parent": names.root}),
        )?;
    }
    Ok(())
}

/// Resources after what they depend on, with the dependencies that are there.
fn in_order(all: &[ResourceState]) -> Vec<(&ResourceState, Vec<Urn>)> {
    let mut place: HashMap<&Urn, usize> = HashMap::with_capacity(all.len());
    for (i, r) in all.iter().enumerate() {
        // The living one answers for a name; one that is about to go only when there is no other.
        if !r.pending_delete || !place.contains_key(&r.urn) {
            place.insert(&r.urn, i);
        }
    }
    let mut waits = vec![0_usize; all.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut kept: Vec<Vec<Urn>> = Vec::with_capacity(all.len());
    for (i, r) in all.iter().enumerate() {
        let there = |u: &&Urn| place.get(u).is_some_and(|j| *j != i);
        let dependencies: Vec<Urn> = r.dependencies.iter().filter(there).cloned().collect();
        for target in dependencies.iter().chain(&r.deleted_with).filter(there) {
            waits[i] += 1;
            feeds[place[target]].push(i);
        }
        kept.push(dependencies);
    }
    let mut order: Vec<usize> = (0..all.len()).filter(|i| waits[*i] == 0).collect();
    let mut next = 0;
    while let Some(&i) = order.get(next) {
        next += 1;
        for &j in &feeds[i] {
            waits[j] -= 1;
            if waits[j] == 0 {
                order.push(j);
            }
        }
    }
    // A cycle cannot be made by this engine; the record of what exists matters more than its beauty.
    order.extend((0..all.len()).filter(|i| waits[*i] > 0));
    order.into_iter().map(|i| (&all[i], std::mem::take(&mut kept[i]))).collect()
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
    super::verify::verify(&snapshot.resources).map_err(|reason| damaged(0, &reason))?;
    Ok(snapshot)
}

fn assemble(parsed: FileIn, stack: &StackId) -> Result<Snapshot, String> {
    let mut snapshot = Snapshot { is_new: false, ..Snapshot::none(stack) };
    let head = parsed.mops;
    snapshot.lineage = Lineage(head.lineage);
    snapshot.predecessors = head.predecessors;
    snapshot.sequence = head.sequence;
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
    if let Some(secrets) = parsed.deployment.secrets_providers {
        if secrets.kind != "passphrase" {
            return Err(format!("secrets are kept by `{}`, which the embedded engine cannot open", secrets.kind));
        }
        snapshot.salt = secrets.state.salt;
    }
    for entry in parsed.deployment.resources {
        let urn = Urn::parse(&entry.urn).ok_or_else(|| format!("`{}` is not a URN", entry.urn))?;
        match urn.token() {
            "pulumi:pulumi:Stack" => snapshot.outputs = stack_outputs(entry.outputs.map(|o| o.0)),
            "pulumi:providers:modelops" => {}
            _ => snapshot.resources.push(entry.into_state()?),
        }
    }
    Ok(snapshot)
}

fn stack_outputs(value: Option<Value>) -> super::model::Outputs {
    let Some(Value::Map(components)) = value else { return super::model::Outputs::new() };
    let inner = |v| if let Value::Map(map) = v { Some(map) } else { None };
    components.into_iter().filter_map(|(k, v)| Some((k, inner(v)?))).collect()
}

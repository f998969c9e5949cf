//! The snapshot file: a Pulumi deployment v3 with a first line of ours.
//!
//! `{"mops":{"sum":"…",` is the first line; the sum covers every byte after it. Guarantees that a snapshot that was
//! altered or cut is refused (`tests/state.rs`), and that resources stand after what they depend on.

use std::collections::{BTreeSet, HashMap, HashSet};

use mops_core::{Urn, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::codec::{AsJson, field};
use super::entry::{EntryOut, Form};
use super::frame::{Fields, Names, PROVIDER};
use super::model::{Action, OpenOperation, ResourceState, Snapshot};

mod read;

pub(crate) use read::{DeploymentIn, read};

/// The format of our part of the file.
const FORMAT: u64 = 1;
/// The version of the deployment that we read and write.
pub(crate) const DEPLOYMENT: u64 = 3;
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

/// What a manifest says to prove its version.
pub(crate) fn magic(version: &str) -> String {
    if version.is_empty() { String::new() } else { hex(&Sha256::digest(version)) }
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
    let frame = &snapshot.frame;
    let names = Names::of(&snapshot.stack, &snapshot.lineage, frame);
    let time = now.replace_nanosecond(0).unwrap_or(now);
    let time = time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    out.extend_from_slice(b"\"version\":3,\"deployment\":{\"manifest\":");
    let mut manifest = frame.manifest.clone();
    for (key, value) in [("time", time), ("magic", magic(VERSION)), ("version", VERSION.to_owned())] {
        manifest.insert(key.to_owned(), value.into());
    }
    json(out, &manifest)?;
    if let Some(salt) = &snapshot.salt {
        out.extend_from_slice(b",\"secrets_providers\":");
        json(out, &serde_json::json!({"type": "passphrase", "state": {"salt": salt}}))?;
    }
    out.extend_from_slice(b",\"resources\":[\n");
    write_root(snapshot, &names, out)?;
    for Placed { resource, dependencies, deleted_with } in in_order(&snapshot.resources) {
        out.extend_from_slice(b",\n");
        let (parent, provider) = (names.root.as_str(), names.reference.as_str());
        let form = Form::Deployment { parent, provider, dependencies, deleted_with, component: ours };
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
    if !frame.deployment.contains_key("metadata") {
        out.extend_from_slice(b",\"metadata\":{}");
    }
    write_fields(&frame.deployment, out)?;
    out.push(b'}');
    write_fields(&frame.file, out)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

struct EntryJson<'a>(&'a OpenOperation, &'a Names);

impl EntryJson<'_> {
    fn value(&self) -> serde_json::Value {
        let form = Form::Deployment {
            parent: &self.1.root,
            provider: &self.1.reference,
            dependencies: Vec::new(),
            deleted_with: None,
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

fn write_root(snapshot: &Snapshot, names: &Names, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"urn\":");
    json(out, &names.root)?;
    out.extend_from_slice(b",\"custom\":false,\"type\":\"pulumi:pulumi:Stack\"");
    if !snapshot.outputs.is_empty() {
        let all = Value::Map(snapshot.outputs.iter().map(|(k, v)| (k.clone(), Value::Map(v.clone()))).collect());
        out.extend_from_slice(b",\"outputs\":");
        json(out, &AsJson(&all))?;
    }
    write_fields(&snapshot.frame.root, out)?;
    out.extend_from_slice(b"}");
    if !snapshot.resources.is_empty() {
        out.extend_from_slice(b",\n");
        let version = serde_json::json!({"version": VERSION});
        match &snapshot.frame.provider {
            Some(theirs) => json(out, theirs)?,
            None => json(
                out,
                &serde_json::json!({"urn": names.provider, "custom": true, "id": names.id,
                    "type": PROVIDER, "inputs": version, "outputs": version, "parent": names.root}),
            )?,
        }
    }
    Ok(())
}

/// Further members of an object that is open.
fn write_fields(fields: &Fields, out: &mut Vec<u8>) -> serde_json::Result<()> {
    fields.iter().try_for_each(|(key, value)| {
        out.push(b',');
        json(out, key)?;
        out.push(b':');
        json(out, value)
    })
}

/// A resource in its place, with those of its references that are there.
struct Placed<'a> {
    resource: &'a ResourceState,
    dependencies: Vec<Urn>,
    deleted_with: Option<&'a Urn>,
}

/// Resources after what they depend on.
fn in_order(all: &[ResourceState]) -> Vec<Placed<'_>> {
    let mut place: HashMap<&Urn, usize> = HashMap::with_capacity(all.len());
    for (i, r) in all.iter().enumerate() {
        // The living one answers for a name; one that is about to go only when there is no other.
        if !r.pending_delete || !place.contains_key(&r.urn) {
            place.insert(&r.urn, i);
        }
    }
    let mut waits = vec![0_usize; all.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut kept: Vec<Placed<'_>> = Vec::with_capacity(all.len());
    for (i, r) in all.iter().enumerate() {
        let there = |u: &&Urn| place.get(u).is_some_and(|j| *j != i);
        let dependencies: Vec<Urn> = r.dependencies.iter().filter(there).cloned().collect();
        let deleted_with = r.deleted_with.as_ref().filter(there);
        for target in dependencies.iter().chain(deleted_with) {
            waits[i] += 1;
            feeds[place[target]].push(i);
        }
        kept.push(Placed { resource: r, dependencies, deleted_with });
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
    // Two halves of a change that was interrupted may wait for each other: what cannot stand in order loses the edge,
    // and the next run declares it again. The record of what exists matters more than its beauty.
    order.extend((0..all.len()).filter(|i| waits[*i] > 0));
    let mut standing: HashSet<&Urn> = HashSet::with_capacity(all.len());
    let mut placed: Vec<Option<Placed<'_>>> = kept.into_iter().map(Some).collect();
    let mut done = Vec::with_capacity(all.len());
    for mut one in order.into_iter().filter_map(|i| placed[i].take()) {
        one.dependencies.retain(|target| standing.contains(target));
        standing.insert(&one.resource.urn);
        done.push(one);
    }
    done
}

//! What exists in the subscription, what is under way, and what happens when it is due.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::arm::activity::Entry;
use crate::arm::figures::Figures;
use crate::arm::id;
use crate::arm::operation::Operation;
use crate::http::Reply;
use crate::principal::Principal;
use crate::world::{World, unique};

/// One resource.
#[derive(Clone, Debug)]
pub struct Thing {
    /// The id as its service shows it.
    pub id: String,
    /// The body as it will be shown once nothing is under way.
    pub body: Value,
    /// What is under way.
    pub busy: Option<Busy>,
    /// What is under way will fail, or has failed.
    pub fails: bool,
    /// Passwords of a registry, keys of an account, the token of a cluster; of a container the names of its policies.
    pub secrets: Vec<String>,
    /// New at every creation under the same name.
    pub incarnation: String,
    /// Counts changes; the eTag.
    pub generation: u64,
}

/// Something under way.
#[derive(Clone, Debug)]
pub struct Busy {
    /// The word in `provisioningState`.
    pub word: &'static str,
    /// When it is over.
    pub until: OffsetDateTime,
    /// Whether the thing is gone then.
    pub vanishes: bool,
}

/// The next operation on such a resource fails.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Doomed {
    /// A part of its id, without case.
    pub resource: String,
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// A cluster as those who run its machines have to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its key.
    pub id: String,
    /// The bearer token of its user credential.
    pub token: String,
    /// The principal as which its nodes pull.
    pub kubelet: String,
    /// Who signs the tokens of its service accounts, when the cluster publishes it and lets pods trade them.
    pub issuer: Option<String>,
}

/// What those who run the machines of clusters are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A cluster runs.
    ClusterRuns(Cluster),
    /// A cluster is gone.
    ClusterGone(String),
    /// A pool is as its body says.
    PoolRuns(String, Value),
    /// A pool is gone.
    PoolGone(String),
}

impl Thing {
    /// A new resource that is under way.
    #[must_use]
    pub fn new(id: String, body: Value, busy: Option<Busy>) -> Self {
        Self { id, body, busy, fails: false, secrets: Vec::new(), incarnation: unique(), generation: 1 }
    }

    /// The body as it is now.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut body = self.body.clone();
        let rest = if self.fails { "Failed" } else { "Succeeded" };
        body["properties"]["provisioningState"] = json!(self.busy.as_ref().map_or(rest, |b| b.word));
        body
    }

    /// Whether it is still being made.
    #[must_use]
    pub fn is_coming(&self) -> bool {
        self.busy.as_ref().is_some_and(|b| b.word == "Creating")
    }

    /// Whether it is on its way out.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.busy.as_ref().is_some_and(|b| b.vanishes)
    }

    /// The eTag.
    #[must_use]
    pub fn etag(&self) -> String {
        let mut bytes = *uuid::Uuid::parse_str(&self.incarnation).unwrap_or_default().as_bytes();
        bytes[8..].copy_from_slice(&self.generation.to_be_bytes());
        uuid::Uuid::from_bytes(bytes).to_string()
    }
}

/// Everything in the subscription.
#[derive(Debug, Default)]
pub struct State {
    /// By lower-case id.
    pub things: BTreeMap<String, Thing>,
    /// By operation id.
    pub operations: BTreeMap<String, Operation>,
    /// When a deleted container's name is free again.
    pub ghosts: BTreeMap<String, OffsetDateTime>,
    /// Principals that the directory does not know everywhere before this time.
    pub newcomers: BTreeMap<String, OffsetDateTime>,
    /// Applications of the directory besides the one of the world, by lower-case id.
    pub principals: BTreeMap<String, Principal>,
    /// Whether Graph lets nobody change an application.
    pub graph_refuses: bool,
    /// What the subscription has and allows.
    pub figures: Figures,
    /// What the activity log tells.
    pub log: Vec<Entry>,
    /// Operations that are to fail.
    pub doomed: Vec<Doomed>,
    /// What the machines have not been told yet.
    events: Vec<Event>,
}

impl State {
    /// A resource by id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Thing> {
        self.things.get(&id::key(id))
    }

    /// A resource by id, to change.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Thing> {
        self.things.get_mut(&id::key(id))
    }

    /// Adds a resource.
    pub fn insert(&mut self, world: &World, thing: Thing) {
        world.ledger.made(&thing.id);
        self.things.insert(id::key(&thing.id), thing);
    }

    /// Whether the operation that begins now is to fail, and how.
    pub fn doom(&mut self, id: &str) -> Option<Doomed> {
        let at = self.doomed.iter().position(|d| id::key(id).contains(&d.resource.to_lowercase()));
        let doomed = at.map(|at| self.doomed.remove(at));
        if let Some(thing) = self.get_mut(id) {
            thing.fails = doomed.is_some();
        }
        doomed
    }

    /// The direct and indirect children of an id.
    pub fn below(&self, id: &str) -> impl Iterator<Item = &Thing> + use<'_> {
        let prefix = format!("{}/", id::key(id));
        self.things.iter().filter(move |(key, _)| key.starts_with(&prefix)).map(|(_, thing)| thing)
    }

    /// All resources whose id has this type, for example `microsoft.storage/storageaccounts`.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Thing> {
        let marker = format!("/providers/{}/", kind.to_lowercase());
        self.things.iter().filter_map(move |(key, thing)| {
            key.split_once(&marker).is_some_and(|(_, rest)| !rest.contains('/')).then_some(thing)
        })
    }

    /// All children of a kind below parents of a kind, for example pools of clusters.
    pub fn of_kind_below<'a>(&'a self, parent: &str, kind: &str) -> impl Iterator<Item = &'a Thing> + use<'a> {
        let (parent, kind) = (format!("/{}/", parent.to_lowercase()), format!("/{}/", kind.to_lowercase()));
        let inside = move |key: &str| {
            let below = key.split_once(&parent).and_then(|(_, rest)| rest.split_once(&kind));
            below.is_some_and(|(_, name)| !name.contains('/'))
        };
        self.things.iter().filter(move |(key, _)| inside(key)).map(|(_, thing)| thing)
    }

    /// Removes a resource with everything in it.
    pub fn remove(&mut self, world: &World, id: &str) {
        let children: Vec<String> = self.below(id).map(|t| t.id.clone()).collect();
        for gone in children.into_iter().rev().chain([id.to_owned()]) {
            if self.things.remove(&id::key(&gone)).is_some() {
                world.ledger.deleted(&gone);
                self.events.extend(gone_event(&gone));
            }
        }
    }

    /// Lets everything happen that has become due.
    pub fn settle(&mut self, world: &World) -> Vec<Event> {
        let now = world.now();
        let due = |t: &&Thing| t.busy.as_ref().is_some_and(|b| b.until <= now);
        let ids: Vec<(String, bool)> = self.things.values().filter(due).map(|t| (t.id.clone(), t.is_going())).collect();
        for (id, vanishes) in ids {
            if vanishes {
                self.remove(world, &id);
            } else if let Some(thing) = self.get_mut(&id) {
                thing.busy = None;
                let event = if thing.fails { None } else { runs_event(thing) };
                self.events.extend(event);
            }
        }
        std::mem::take(&mut self.events)
    }

    /// The group of a request, fit to hold something.
    ///
    /// # Errors
    /// ARM's answer when it is missing, or going while the request writes.
    pub fn group(&self, group_id: &str, writes: bool) -> Result<&Thing, Reply> {
        let name = id::name(group_id);
        let group = self.get(group_id).ok_or_else(|| super::refusal::no_group(name))?;
        if writes && group.is_going() {
            let message =
                format!("The resource group '{name}' is in deprovisioning state and cannot perform this operation.");
            return Err(super::refusal::gateway(409, "ResourceGroupBeingDeleted", &message));
        }
        Ok(group)
    }
}

fn is_kind(id: &str, kind: &str) -> bool {
    let parts: Vec<&str> = id.split('/').collect();
    parts.len() >= 2 && parts[parts.len() - 2].eq_ignore_ascii_case(kind)
}

fn gone_event(id: &str) -> Option<Event> {
    if is_kind(id, "managedClusters") {
        Some(Event::ClusterGone(id::key(id)))
    } else if is_kind(id, "agentPools") {
        Some(Event::PoolGone(id::key(id)))
    } else {
        None
    }
}

fn runs_event(thing: &Thing) -> Option<Event> {
    if is_kind(&thing.id, "managedClusters") {
        let properties = &thing.body["properties"];
        let text = |pointer: &str| properties.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let trades = properties["securityProfile"]["workloadIdentity"]["enabled"] == true;
        Some(Event::ClusterRuns(Cluster {
            id: id::key(&thing.id),
            token: thing.secrets.first().cloned().unwrap_or_default(),
            kubelet: text("/identityProfile/kubeletidentity/objectId").unwrap_or_default(),
            issuer: text("/oidcIssuerProfile/issuerURL").filter(|_| trades),
        }))
    } else if is_kind(&thing.id, "agentPools") {
        Some(Event::PoolRuns(id::key(&thing.id), thing.body["properties"].clone()))
    } else {
        None
    }
}

//! What exists in the cluster, by revision, with the history that watches read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::{Value as Json, json};

use super::apply::{Writer, track};
use super::kinds::{Kind, named};
use super::status::Refusal;
use crate::ledger::Ledger;

/// Kind, namespace, name.
pub(super) type Key = (&'static str, String, String);

/// How an object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Added,
    Modified,
    Deleted,
}

/// One step of history.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    pub(super) what: What,
    pub(super) object: Json,
    pub(super) before: Option<Json>,
}

/// The rest of a list.
pub(super) struct Page {
    rest: Vec<Json>,
    /// The state that it is of has been forgotten.
    old: bool,
}

/// A refusal that the test asked for.
#[derive(Clone, Debug)]
pub(super) struct Denial {
    pub(super) verb: String,
    pub(super) resource: String,
}

/// The whole state behind one lock.
#[derive(Default)]
pub(super) struct Store {
    pub(super) objects: BTreeMap<Key, Json>,
    pub(super) revision: u64,
    /// Revisions up to here are no longer in the history.
    pub(super) compacted: u64,
    pub(super) history: VecDeque<Change>,
    /// The rest of a list, under its continue token.
    pub(super) pages: HashMap<String, Page>,
    pub(super) denials: Vec<Denial>,
    /// What RBAC was asked for, `RESOURCE VERB`.
    pub(super) asked: BTreeSet<String>,
    pub(super) deletions_held: bool,
    /// Connections of commands break half-way.
    pub(super) commands_break: bool,
    /// Counts up with every change of a Secret: pulls are tried again then.
    pub(super) secret_revision: u64,
    /// Pods that wait for a secret to change, with the count that they saw.
    pub(super) blocked: HashMap<String, u64>,
    /// Pods, by uid, that a kubelet task is looking after.
    pub(super) tended: HashSet<String>,
    /// What a container has said, by uid of the pod and name.
    pub(super) logs: HashMap<(String, String), String>,
    /// With what a container began, by uid of the pod and name: what it keeps when its sources change.
    pub(super) environments: HashMap<(String, String), BTreeMap<String, String>>,
    /// Programs that an image has.
    pub(super) programs: HashSet<(String, String)>,
    /// Ports of schedulers that do not do what they should.
    pub(super) quiet: HashMap<u16, super::Quiet>,
    /// Images that a node holds.
    pub(super) images: HashSet<(String, String)>,
    /// What made a pod: kind and uid of the controller, by uid of the pod.
    pub(super) made_by: HashMap<String, String>,
    pub(super) booked: HashSet<Key>,
    /// Where tokens of service accounts are traded, in a cluster with workload identity.
    pub(super) authority: Option<String>,
    pub(super) ledger: Ledger,
    pub(super) ledger_prefix: String,
}

pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The key of an object.
pub(super) fn key_of(object: &Json) -> Key {
    let kind = named(text(object, "/kind")).kind;
    (kind, text(object, "/metadata/namespace").to_owned(), text(object, "/metadata/name").to_owned())
}

impl Store {
    pub(super) fn get(&self, kind: &'static str, namespace: &str, name: &str) -> Option<&Json> {
        self.objects.get(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// All of a kind, in a namespace or everywhere when it is empty, in order.
    pub(super) fn list(&self, kind: &'static str, namespace: &str) -> Vec<Json> {
        self.objects
            .iter()
            .filter(|((k, ns, _), _)| *k == kind && (namespace.is_empty() || ns == namespace))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Everything in a namespace.
    pub(super) fn content(&self, namespace: &str) -> Vec<Json> {
        self.objects.iter().filter(|((_, ns, _), _)| ns == namespace).map(|(_, object)| object.clone()).collect()
    }

    /// Stores an object under a new revision and tells the watches.
    pub(super) fn put(&mut self, mut object: Json) -> Json {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let key = key_of(&object);
        if key.0 == "Secret" {
            self.secret_revision += 1;
        }
        let before = self.objects.insert(key.clone(), object.clone());
        let what = if before.is_some() { What::Modified } else { What::Added };
        self.record(Change { revision: self.revision, key, what, object: object.clone(), before });
        object
    }

    /// Takes an object away and tells the watches.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Json> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        if key.0 == "Secret" {
            self.secret_revision += 1;
        }
        if self.booked.remove(key) {
            self.ledger.deleted(&self.identity(key));
        }
        let mut object = before.clone();
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let what = What::Deleted;
        self.record(Change { revision: self.revision, key: key.clone(), what, object, before: Some(before.clone()) });
        Some(before)
    }

    fn record(&mut self, change: Change) {
        self.history.push_back(change);
        if self.history.len() > 20_000
            && let Some(old) = self.history.pop_front()
        {
            self.compacted = old.revision;
        }
    }

    /// Changes an object on behalf of a controller; nothing happens when it stays equal.
    pub(super) fn amend(&mut self, key: &Key, writer: &Writer, change: impl FnOnce(&mut Json)) -> bool {
        let Some(before) = self.objects.get(key).cloned() else { return false };
        let mut after = before.clone();
        change(&mut after);
        super::defaults::drop_nulls(&mut after);
        if after == before {
            return false;
        }
        track(Some(&before), &mut after, writer);
        self.put(after);
        true
    }

    /// History after a revision; `None` when it is no longer complete.
    pub(super) fn since(&self, revision: u64) -> Option<Vec<Change>> {
        (revision >= self.compacted).then(|| self.history.iter().filter(|c| c.revision > revision).cloned().collect())
    }

    /// Keeps the rest of a list; gives the token that continues it.
    pub(super) fn put_aside(&mut self, rest: Vec<Json>) -> String {
        let token = super::select::token();
        self.pages.insert(token.clone(), Page { rest, old: false });
        token
    }

    /// The rest of a list as it was, or why the token does not lead to it any more.
    pub(super) fn page(&mut self, token: &str, kind: &Kind, namespace: &str) -> Result<Vec<Json>, Refusal> {
        if let Some(why) = super::select::broken_token(token) {
            return Err(Refusal::bad_request(&why));
        }
        match self.pages.get(token) {
            Some(page) if !page.old => Ok(page.rest.clone()),
            page => {
                let place =
                    |o: &Json| (text(o, "/metadata/namespace").to_owned(), text(o, "/metadata/name").to_owned());
                let from = page.and_then(|page| page.rest.first()).map(place).unwrap_or_default();
                let now =
                    self.list(named(kind.kind).kind, namespace).into_iter().filter(|o| place(o) >= from).collect();
                Err(Refusal::old_page(&self.put_aside(now)))
            }
        }
    }

    /// Forgets history and the state that pages are of, as etcd's compaction does.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.pages.values_mut().for_each(|page| page.old = true);
        self.compacted = self.revision;
    }

    /// Books a creation or change that a client asked for.
    pub(super) fn book(&mut self, key: &Key) {
        let identity = self.identity(key);
        if self.booked.insert(key.clone()) {
            self.ledger.made(&identity);
        } else {
            self.ledger.changed(&identity);
        }
    }

    fn identity(&self, (kind, namespace, name): &Key) -> String {
        let api = named(kind).api_version();
        format!("{}/{api}/{kind}/{namespace}/{name}", self.ledger_prefix)
    }

    /// As [`Self::denied`], for somebody who wants to do it now.
    pub(super) fn refuses(&mut self, verb: &str, resource: &str) -> bool {
        self.asked.insert(format!("{resource} {verb}"));
        self.denied(verb, resource)
    }

    /// Whether a canned refusal applies.
    pub(super) fn denied(&self, verb: &str, resource: &str) -> bool {
        self.denials.iter().any(|d| (d.verb == "*" || d.verb == verb) && (d.resource == "*" || d.resource == resource))
    }

    /// A namespace in which something may be made.
    pub(super) fn namespace_open(&self, kind: &super::kinds::Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        let Some(found) = self.get("Namespace", "", namespace) else {
            return Err(Refusal::not_found(named("Namespace"), namespace));
        };
        if found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = Refusal::refused(kind, name, &why);
        refusal.body["details"]["causes"] = json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace",
            "message": format!("namespace {namespace} is being terminated")}]);
        Err(refusal)
    }
}

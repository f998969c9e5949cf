//! A snapshot to which records are applied, one after another; the same code for a running engine and for replay.

use std::collections::HashMap;

use mops_core::Urn;

use super::model::{Action, OpenOperation, ResourceState, Snapshot};
use super::record::{Ended, Record};

/// State with an index by name.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) snapshot: Snapshot,
    index: HashMap<Urn, usize>,
}

impl Book {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let index = snapshot
            .resources
            .iter()
            .enumerate()
            .filter(|(_, r)| !r.pending_delete)
            .map(|(i, r)| (r.urn.clone(), i))
            .collect();
        Self { snapshot, index }
    }

    pub(crate) fn get(&self, urn: &Urn) -> Option<&ResourceState> {
        self.index.get(urn).map(|i| &self.snapshot.resources[*i])
    }

    /// Applies a record, or says why it makes no sense.
    pub(crate) fn apply(&mut self, sequence: u64, record: Record) -> Result<(), String> {
        match record {
            Record::Salt(salt) => self.snapshot.salt = Some(salt),
            Record::Takeover(lineage) => {
                self.snapshot.predecessors.insert(lineage);
            }
            Record::Begin { action, resource, at } => {
                self.close_same(&resource.urn, action, &resource.id);
                self.snapshot.open.push(OpenOperation {
                    begin: sequence,
                    action,
                    resource: *resource,
                    at,
                    operation: None,
                });
            }
            Record::Operation { begin, url } => self.opened(begin)?.operation = Some(url),
            Record::End { begin, at, ended } => {
                let open = &mut self.snapshot.open;
                let at_index = open.iter().position(|o| o.begin == begin).ok_or_else(|| orphan(begin))?;
                let operation = open.swap_remove(at_index);
                self.end(operation, at, ended);
            }
            Record::Save(resource) => self.put(*resource),
            Record::Import { takeovers, resources } => {
                self.snapshot.predecessors.extend(takeovers);
                resources.into_iter().for_each(|resource| self.put(resource));
            }
            Record::Drop(urns) => self.remove_all(&urns),
            Record::Outputs(outputs) => self.snapshot.outputs = outputs,
        }
        self.snapshot.sequence = sequence;
        Ok(())
    }

    fn opened(&mut self, begin: u64) -> Result<&mut OpenOperation, String> {
        self.snapshot.open.iter_mut().find(|o| o.begin == begin).ok_or_else(|| orphan(begin))
    }

    /// A new Begin for the same thing takes the place of one that an earlier run left open.
    fn close_same(&mut self, urn: &Urn, action: Action, id: &str) {
        let group = |a: Action| matches!(a, Action::DeleteOld);
        self.snapshot.open.retain(|o| {
            o.resource.urn != *urn || group(o.action) != group(action) || (group(action) && o.resource.id != id)
        });
    }

    fn end(&mut self, operation: OpenOperation, at: time::OffsetDateTime, ended: Ended) {
        let OpenOperation { action, mut resource, .. } = operation;
        match (action, ended) {
            (_, Ended::Failed) => {}
            (Action::DeleteOld, _) => {
                self.remove_where(|r| r.pending_delete && r.urn == resource.urn && r.id == resource.id);
            }
            (Action::Delete, Ended::Gone { mut with }) => {
                with.push(resource.urn);
                self.remove_all(&with);
            }
            (Action::Delete, Ended::Done { .. } | Ended::Partial { .. }) => self.remove_all(&[resource.urn]),
            (_, Ended::Gone { .. }) => {}
            (_, Ended::Done { id, outputs, foreign }) => {
                if foreign {
                    resource.adopted_from = Some(id.clone());
                    resource.retain_on_delete = true;
                }
                resource.id = id;
                resource.outputs = outputs;
                resource.init_errors.clear();
                self.made(action, resource, at);
            }
            (_, Ended::Partial { id, outputs, reasons }) => {
                // The old inputs stay, so that the next run sees the change again.
                if let (Action::Update, Some(old)) = (action, self.get(&resource.urn)) {
                    resource.inputs = old.inputs.clone();
                }
                resource.id = id;
                resource.outputs = outputs;
                resource.init_errors = reasons;
                self.made(action, resource, at);
            }
        }
    }

    fn made(&mut self, action: Action, mut resource: ResourceState, at: time::OffsetDateTime) {
        let old = self.index.get(&resource.urn).copied();
        resource.modified = Some(at);
        resource.created = Some(at);
        if let (Action::Update, Some(i)) = (action, old) {
            let before = &self.snapshot.resources[i];
            resource.created = before.created;
            resource.extra.clone_from(&before.extra);
        }
        if let (Action::CreateReplacement, Some(i)) = (action, old)
            && self.snapshot.resources[i].id != resource.id
        {
            self.snapshot.resources[i].pending_delete = true;
            self.index.remove(&resource.urn);
        }
        self.put(resource);
    }

    fn put(&mut self, resource: ResourceState) {
        if let Some(i) = self.index.get(&resource.urn) {
            self.snapshot.resources[*i] = resource;
        } else {
            self.index.insert(resource.urn.clone(), self.snapshot.resources.len());
            self.snapshot.resources.push(resource);
        }
    }

    fn remove_all(&mut self, urns: &[Urn]) {
        for urn in urns {
            // What was under way with it is over; something that was being made may still turn up.
            self.snapshot
                .open
                .retain(|o| o.resource.urn != *urn || !matches!(o.action, Action::Update | Action::Delete));
            if let Some(i) = self.index.remove(urn) {
                self.remove_at(i);
            }
        }
    }

    fn remove_where(&mut self, test: impl Fn(&ResourceState) -> bool) {
        if let Some(i) = self.snapshot.resources.iter().position(test) {
            self.remove_at(i);
        }
    }

    fn remove_at(&mut self, i: usize) {
        self.snapshot.resources.swap_remove(i);
        if let Some(moved) = self.snapshot.resources.get(i).filter(|r| !r.pending_delete) {
            self.index.insert(moved.urn.clone(), i);
        }
    }
}

impl Snapshot {
    /// As it will be after these records, none of which is written.
    pub(crate) fn with(self, records: Vec<Record>) -> Result<Self, String> {
        let mut book = Book::new(self);
        for record in records {
            book.apply(book.snapshot.sequence + 1, record)?;
        }
        Ok(book.snapshot)
    }
}

fn orphan(begin: u64) -> String {
    format!("an end without its beginning, record {begin}")
}

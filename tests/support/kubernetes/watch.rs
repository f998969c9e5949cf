//! Watches: history as a stream of lines, from a revision on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::Stream;
use http::Response;
use serde_json::{Value as Json, json};
use tokio::sync::watch::Receiver;

use super::KubernetesFake;
use super::kinds::Kind;
use super::select::Selector;
use super::status::Refusal;
use super::store::{Change, What};

/// What is watched.
pub(super) struct Watch {
    pub(super) kind: &'static Kind,
    pub(super) namespace: String,
    pub(super) selector: Selector,
    /// From the query; empty or `0` begins with everything that exists.
    pub(super) version: String,
    pub(super) limit: Duration,
}

struct Position {
    fake: Arc<KubernetesFake>,
    watch: Watch,
    at: u64,
    pending: VecDeque<Bytes>,
    changes: Receiver<u64>,
    drops: Receiver<u64>,
    over: bool,
}

fn line(kind: &str, object: &Json) -> Bytes {
    let mut text = json!({"type": kind, "object": object}).to_string();
    text.push('\n');
    Bytes::from(text)
}

/// Answers with the stream.
pub(super) fn response(fake: Arc<KubernetesFake>, watch: Watch) -> Result<Response<Body>, Refusal> {
    let mut pending = VecDeque::new();
    let at = if matches!(watch.version.as_str(), "" | "0") {
        let store = fake.store();
        for object in store.list(watch.kind.kind, &watch.namespace).iter().filter(|o| watch.selector.matches(o)) {
            pending.push_back(line("ADDED", object));
        }
        store.revision
    } else {
        let bad = || Refusal::bad_request(&format!("invalid resource version \"{}\"", watch.version));
        watch.version.parse().map_err(|_| bad())?
    };
    let (changes, drops) = (fake.changes(), fake.drops.subscribe());
    let position = Position { fake, watch, at, pending, changes, drops, over: false };
    let mut response = Response::new(Body::from_stream(stream(position)));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    Ok(response)
}

fn stream(position: Position) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold(position, |mut position| async move {
        loop {
            if let Some(next) = position.pending.pop_front() {
                return Some((Ok(next), position));
            }
            if position.over {
                return None;
            }
            position.advance().await;
        }
    })
}

impl Position {
    /// Collects what has happened, or waits for it.
    async fn advance(&mut self) {
        self.changes.mark_unchanged();
        let (found, revision) = {
            let store = self.fake.store();
            (store.since(self.at), store.revision)
        };
        let Some(found) = found else {
            // Of events the server keeps no history of its own beside etcd's.
            let message = match self.watch.kind.kind {
                "Event" => "The resourceVersion for the provided watch is too old.".to_owned(),
                _ => format!("too old resource version: {} ({revision})", self.at),
            };
            self.pending.push_back(line("ERROR", &Refusal::expired(&message).body));
            self.over = true;
            return;
        };
        let lines: Vec<Bytes> = found.iter().filter_map(|c| self.event(c)).collect();
        self.at = self.at.max(revision);
        if lines.is_empty() {
            tokio::select! {
                moved = self.changes.changed() => self.over = moved.is_err(),
                _ = self.drops.changed() => self.over = true,
                () = pause(self.watch.limit) => self.over = true,
            }
        }
        self.pending.extend(lines);
    }

    /// An object that begins or ends to match is added or deleted for this watch.
    fn event(&self, change: &Change) -> Option<Bytes> {
        let (kind, namespace, _) = &change.key;
        let space = &self.watch.namespace;
        if *kind != self.watch.kind.kind || !(space.is_empty() || space == namespace) {
            return None;
        }
        let was = change.before.as_ref().is_some_and(|b| self.watch.selector.matches(b));
        let is = change.what != What::Deleted && self.watch.selector.matches(&change.object);
        match (was, is) {
            (false, true) => Some(line("ADDED", &change.object)),
            (true, true) => Some(line("MODIFIED", &change.object)),
            (true, false) => Some(line("DELETED", &left(change))),
            (false, false) => None,
        }
    }
}

/// What a watch shows of an object that it loses: as it last knew it, at the version of the loss.
fn left(change: &Change) -> Json {
    let mut object = change.before.clone().unwrap_or_else(|| change.object.clone());
    object["metadata"]["resourceVersion"] = json!(change.revision.to_string());
    object
}

async fn pause(limit: Duration) {
    let _ = tokio::time::timeout(limit, std::future::pending::<()>()).await;
}

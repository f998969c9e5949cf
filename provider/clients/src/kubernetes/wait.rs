//! Waiting by watch, with a deadline and a reason in words.
//!
//! Guarantees two things: a dropped watch and a 410 begin again from a list, and the end of the
//! deadline says why (`fast::kubernetes`, R18).

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use kube::client::Body;
use mops_core::Cancel;
use mops_host::SharedClock;

use super::client::{Kubernetes, Selection};
use super::error::KubernetesError;
use super::object::{Json, ObjectRef};
use super::ready::Readiness;
use super::transport::broken;

/// How long to wait, and who hears of it.
pub struct Wait<'a> {
    /// From now.
    pub limit: Duration,
    /// Time.
    pub clock: &'a SharedClock,
    /// Ends it early.
    pub cancel: &'a Cancel,
    /// Hears in a few words what it waits for, whenever that changes.
    pub progress: &'a (dyn Fn(&str) + Send + Sync),
}

/// The longest line of a watch; an object is at most 3 MiB, written twice in managed fields at worst.
const LINE: usize = 16 << 20;

/// How long nothing may change before the pods are asked why.
const QUIET: Duration = Duration::from_secs(15);

struct Seen<'a> {
    judge: &'a (dyn Fn(Option<&Json>) -> Readiness + Send + Sync),
    last: Option<Json>,
    reason: String,
}

impl Seen<'_> {
    /// Takes a new state in; `Some` when the waiting is over.
    fn take(&mut self, object: Option<Json>, wait: &Wait<'_>, what: &ObjectRef) -> Option<Result<(), KubernetesError>> {
        let verdict = (self.judge)(object.as_ref());
        self.last = object;
        match verdict {
            Readiness::Ready => Some(Ok(())),
            Readiness::Failed(reason) => Some(Err(KubernetesError::NotReady { what: what.to_string(), reason })),
            Readiness::Waiting(reason) => {
                if reason != self.reason {
                    (wait.progress)(&reason);
                    self.reason = reason;
                }
                None
            }
        }
    }
}

impl Kubernetes {
    /// Waits until `judge` is content with the object; gives back its last state, `None` when it is gone.
    ///
    /// # Errors
    /// [`KubernetesError::NotReady`] with the reason at the deadline or when it has failed for good,
    /// and every refusal.
    pub async fn wait(
        &self,
        object: &ObjectRef,
        wait: &Wait<'_>,
        judge: &(dyn Fn(Option<&Json>) -> Readiness + Send + Sync),
    ) -> Result<Option<Json>, KubernetesError> {
        let mut seen = Seen { judge, last: None, reason: String::new() };
        let outcome = {
            let watching = self.follow(object, wait, &mut seen);
            tokio::select! {
                outcome = watching => outcome.map(|()| true),
                () = wait.clock.sleep(wait.limit) => Ok(false),
                () = wait.cancel.canceled() => Err(KubernetesError::Canceled { what: object.to_string() }),
            }
        };
        if outcome? {
            return Ok(seen.last);
        }
        let deeper = match &seen.last {
            Some(last) => self.explain(last).await,
            None => None,
        };
        let reason = deeper.map_or_else(|| seen.reason.clone(), |why| format!("{}: {why}", seen.reason));
        let reason = format!("{reason} after {} s", wait.limit.as_secs());
        Err(KubernetesError::NotReady { what: object.to_string(), reason })
    }

    /// List, watch, and again when the watch ends.
    async fn follow(&self, object: &ObjectRef, wait: &Wait<'_>, seen: &mut Seen<'_>) -> Result<(), KubernetesError> {
        let which = Selection { labels: String::new(), fields: format!("metadata.name={}", object.name) };
        loop {
            let (items, version) = self.pages(object, &which).await?;
            if let Some(over) = seen.take(items.into_iter().next(), wait, object) {
                return over;
            }
            let body = match self.watch(object, &version, wait.limit).await {
                Ok(body) => body,
                Err(KubernetesError::Expired { .. }) => continue,
                Err(error) => return Err(error),
            };
            if let Some(over) = self.read(body, object, wait, seen).await {
                return over;
            }
        }
    }

    /// One watch to its end; `None` when it ended without a verdict.
    async fn read(
        &self,
        body: Body,
        object: &ObjectRef,
        wait: &Wait<'_>,
        seen: &mut Seen<'_>,
    ) -> Option<Result<(), KubernetesError>> {
        let mut stream = body.into_data_stream().map_err(|e| broken(e.into())).boxed();
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            while let Some(at) = buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = buffer.drain(..=at).collect();
                let event: Json = serde_json::from_slice(&line).unwrap_or_default();
                let state = match event["type"].as_str() {
                    Some("ADDED" | "MODIFIED") => Some(event["object"].clone()),
                    Some("DELETED") => None,
                    Some("BOOKMARK") => continue,
                    // 410 and anything else: begin again from a list
                    _ => return None,
                };
                if let Some(over) = seen.take(state, wait, object) {
                    return Some(over);
                }
            }
            if buffer.len() > LINE {
                return Some(Err(KubernetesError::TooLarge { what: object.to_string() }));
            }
            tokio::select! {
                piece = stream.next() => match piece {
                    Some(Ok(bytes)) => buffer.extend_from_slice(&bytes),
                    // a broken watch is not an error: the list that follows is retried by the wire
                    Some(Err(_)) | None => return None,
                },
                () = wait.clock.sleep(QUIET) => self.tell(wait, seen).await,
            }
        }
    }

    /// Nothing has changed for a while: ask the pods and say so.
    async fn tell(&self, wait: &Wait<'_>, seen: &Seen<'_>) {
        if let Some(last) = &seen.last
            && let Some(why) = self.explain(last).await
        {
            (wait.progress)(&format!("{}: {why}", seen.reason));
        }
    }
}

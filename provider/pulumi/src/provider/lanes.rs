//! Queues that writes must pass, as resources declare them: the engine calls in parallel, services do not like that
//! everywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mops_core::{Cancel, Lane};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All queues of an instance.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Lanes {
    fn queue(&self, lane: &Lane) -> Arc<Semaphore> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(queues.entry(lane.key.clone()).or_insert_with(|| Arc::new(Semaphore::new(lane.limit))))
    }

    /// A place in every lane, held until dropped; `None` when the run was interrupted first. Lanes are entered in the
    /// order of their keys, so that no two calls wait for each other.
    pub(super) async fn enter(&self, mut lanes: Vec<Lane>, cancel: &Cancel) -> Option<Vec<OwnedSemaphorePermit>> {
        lanes.sort_by(|a, b| a.key.cmp(&b.key));
        lanes.dedup_by(|a, b| a.key == b.key);
        let mut places = Vec::new();
        for lane in &lanes {
            tokio::select! {
                biased;
                () = cancel.canceled() => return None,
                place = self.queue(lane).acquire_owned() => places.push(place.ok()?),
            }
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn a_full_lane_is_waited_for_and_an_interruption_ends_the_wait() {
        let (lanes, cancel) = (Lanes::default(), Cancel::new());
        let both = || vec![Lane::new("b", 1), Lane::new("a", 2)];
        let first = lanes.enter(both(), &cancel).await.unwrap();
        assert!(lanes.enter(both(), &cancel).now_or_never().is_none(), "two in a lane for one");
        let other = lanes.enter(vec![Lane::new("a", 2)], &cancel).now_or_never().flatten();
        assert!(other.is_some(), "there was room in the other lane");
        drop(first);
        assert!(lanes.enter(both(), &cancel).now_or_never().flatten().is_some(), "a place was not given back");
        let _first = lanes.enter(both(), &cancel).await.unwrap();
        cancel.cancel();
        assert!(lanes.enter(both(), &cancel).await.is_none());
    }
}

//! Queues that writes must pass, as resources declare them: at most so many with one key at once.

use std::collections::HashMap;

use mops_core::Lane;

#[derive(Debug, Default)]
struct Queue {
    used: usize,
    waiting: Vec<usize>,
}

/// All queues of a run.
#[derive(Debug, Default)]
pub(crate) struct Lanes(HashMap<String, Queue>);

impl Lanes {
    /// Takes a place in every lane, or parks the node at the first full one.
    pub(crate) fn take(&mut self, node: usize, lanes: &[Lane]) -> bool {
        for lane in lanes {
            let queue = self.0.entry(lane.key.clone()).or_default();
            if queue.used >= lane.limit {
                queue.waiting.push(node);
                return false;
            }
        }
        for lane in lanes {
            if let Some(queue) = self.0.get_mut(&lane.key) {
                queue.used += 1;
            }
        }
        true
    }

    /// Gives the places back; hands out everybody who waited at one of them.
    pub(crate) fn give_back(&mut self, lanes: &[Lane]) -> Vec<usize> {
        let mut awake = Vec::new();
        for lane in lanes {
            if let Some(queue) = self.0.get_mut(&lane.key) {
                queue.used = queue.used.saturating_sub(1);
                awake.append(&mut queue.waiting);
            }
        }
        awake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_parks_and_wakes() {
        let mut lanes = Lanes::default();
        let both = [Lane::new("a", 2), Lane::new("b", 1)];
        assert!(lanes.take(0, &both));
        assert!(!lanes.take(1, &both) && lanes.take(2, &both[..1]));
        assert!(!lanes.take(3, &both[..1]));
        assert_eq!(lanes.give_back(&both), [3, 1]);
        assert!(lanes.take(1, &both));
    }
}

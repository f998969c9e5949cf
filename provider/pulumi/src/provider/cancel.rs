//! The end: the engine says Cancel on Ctrl-C and at the end of every run.

use super::Modelops;

impl Modelops {
    /// From here on new work is refused; writes under way come to a point that can be recorded. Returns at once.
    pub fn stop(&self) {
        self.0.cancel.cancel();
    }
}

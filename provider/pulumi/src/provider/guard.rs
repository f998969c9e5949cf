//! What every handler is wrapped in.

use std::panic::AssertUnwindSafe;
use std::sync::PoisonError;

use futures::FutureExt as _;
use tonic::{Response, Status};

use super::{Instance, Modelops, failure};

/// The status with a text that is not too long; what it says of a resource stays whole.
fn readable(status: Status) -> Status {
    match failure::clipped(status.message()) {
        None => status,
        Some(text) => Status::with_details(status.code(), text, status.details().to_vec().into()),
    }
}

/// Counts a call as long as it lives.
struct Busy<'a>(&'a Instance);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl Modelops {
    /// Runs a handler. New work is refused after Cancel, and a panic becomes an error: a broken stream would leave the
    /// engine without any answer.
    pub(super) async fn guarded<T>(
        &self,
        call: &str,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<Response<T>, Status> {
        if self.0.cancel.is_canceled() {
            return Err(Status::unavailable("the provider `modelops` is stopping"));
        }
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let _busy = Busy(&self.0);
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(result) => result.map(Response::new).map_err(readable),
            Err(_) => Err(Status::internal(format!(
                "this is a fault in the provider `modelops` {}: {call} stopped in the middle of its work; run the \
                 same command again, what was begun is looked up",
                crate::VERSION
            ))),
        }
    }

    /// Whether any call is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) > 0
    }
}

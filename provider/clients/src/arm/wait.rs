//! Drives an operation to its end: waits on the clock, reports every poll, hands over the text that a later run
//! resumes by, stops at once when the run is interrupted.

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::Method;
use mops_core::provider::{CallContext, Progress, ProgressSink};
use mops_core::{Cancel, Class};
use serde_json::Value as Json;

use super::client::{ArmClient, Call};
use super::lro::{Lro, Step};
use crate::error::ClientError;

/// A request that was accepted; [`ArmClient::wait`] sees it through.
#[derive(Debug)]
pub struct Started {
    pub(super) step: Step,
    pub(super) id: String,
    /// Whether error texts must not be quoted.
    pub(super) quiet: bool,
}

impl Started {
    /// Nothing is left to wait for.
    pub(super) const fn finished() -> Self {
        Self { step: Step::Done(None), id: String::new(), quiet: false }
    }
}

/// What waiting needs to know of the call.
#[derive(Clone)]
pub struct LroContext {
    /// Checked at every wait.
    pub cancel: Cancel,
    /// Hears of every poll.
    pub progress: ProgressSink,
    /// The longest wait.
    pub timeout: Duration,
}

impl From<&CallContext> for LroContext {
    fn from(call: &CallContext) -> Self {
        Self { cancel: call.cancel.clone(), progress: call.progress.clone(), timeout: call.timeout }
    }
}

impl ArmClient {
    /// A context for actions that end at once: no progress, ten minutes, the cancellation of this client.
    pub(super) fn silent(&self) -> LroContext {
        LroContext { cancel: self.cancel_switch(), progress: Arc::new(|_| {}), timeout: Duration::from_secs(600) }
    }

    /// Waits for the end of an operation and gives the body of its result.
    ///
    /// # Errors
    /// When the operation failed, took too long, was interrupted, or could not be followed.
    pub async fn wait(&self, started: Started, cx: &LroContext) -> Result<Option<Json>, ClientError> {
        let client = self.canceled_by(&cx.cancel);
        let begin = client.clock().monotonic();
        let Started { mut step, id, quiet } = started;
        loop {
            let lro = match step {
                Step::Done(body) => return Ok(body),
                Step::Poll(lro) => *lro,
            };
            report(&lro, quiet, cx);
            let waited = client.clock().monotonic().saturating_sub(begin);
            // Never faster than told: a pause that does not fit ends the wait, a read without pause does not.
            if waited + lro.delay() > cx.timeout && !lro.delay().is_zero() {
                return Err(ClientError::TimedOut { state: lro.text().to_owned(), waited });
            }
            client.pause(lro.delay()).await?;
            step = client.poll(lro, &id).await.map_err(|e| super::client::hush(e, quiet))?;
        }
    }

    async fn poll(&self, lro: Lro, id: &str) -> Result<Step, ClientError> {
        let call = Call { id: id.to_owned(), ..Call::new(Method::Get, lro.url().clone()) };
        match self.send(&call).await {
            Ok(answer) => lro.answered(answer),
            // The wire layer has tried more than once already; an operation of an hour outlives that.
            Err(ClientError::Wire(error)) if error.class() == Class::Transient => match lro.broke() {
                Some(lro) => Ok(Step::Poll(Box::new(lro))),
                None => Err(ClientError::Wire(error)),
            },
            Err(error) => Err(error),
        }
    }
}

fn report(lro: &Lro, quiet: bool, cx: &LroContext) {
    // The result of an operation that makes a credential is the credential: its URL is not kept.
    if !quiet {
        (cx.progress)(Progress::Operation(lro.token()));
    }
    let seconds = lro.delay().as_secs();
    if seconds > 0 {
        (cx.progress)(Progress::Waiting(format!("{}, next poll in {seconds} s", lro.text())));
    }
}

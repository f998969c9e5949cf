//! One switch for a whole run, free of any runtime: checked at every wait and between polls.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct State {
    canceled: bool,
    wakers: Vec<Waker>,
}

/// Cloned freely; all clones share one state. Canceling is final.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Mutex<State>>);

impl Cancel {
    /// A switch that is off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns it on and wakes everybody who waits.
    pub fn cancel(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.canceled = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).canceled
    }

    /// Waits until it is on.
    #[must_use]
    pub fn canceled(&self) -> Canceled {
        Canceled(self.clone())
    }
}

/// The future of [`Cancel::canceled`].
#[derive(Debug)]
pub struct Canceled(Cancel);

impl Future for Canceled {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.canceled {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|w| w.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

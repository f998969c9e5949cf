//! Looking again: a service may not know for a while what it has just made, and answers "not there".
//!
//! Guarantees that what was made is not taken for gone before the service must know it (`tests/engine.rs`,
//! `tests/pulumi/settles.rs`).

use std::future::Future;
use std::time::Duration;

use mops_host::SharedClock;
use time::OffsetDateTime;

/// Before something new is looked at again; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Looks until it is found, or until `settles` has passed since it was `made`; once when nobody knows when that was.
///
/// # Errors
/// Those of a look, at once.
pub async fn look<T, E, F: Future<Output = Result<Option<T>, E>>>(
    clock: &SharedClock,
    settles: Duration,
    made: Option<OffsetDateTime>,
    mut once: impl FnMut() -> F,
) -> Result<Option<T>, E> {
    let mut pause = FIRST_PAUSE;
    loop {
        let found = once().await?;
        let age = made.map_or(Duration::MAX, |made| (clock.now() - made).try_into().unwrap_or(Duration::ZERO));
        let left = settles.saturating_sub(age);
        if found.is_some() || left.is_zero() {
            return Ok(found);
        }
        clock.sleep(pause.min(left)).await;
        pause *= 2;
    }
}

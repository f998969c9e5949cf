//! Reading a journal back.
//!
//! Guarantees: what comes out is a prefix of what was written, or an error that names the offset; a torn last record
//! is dropped, a bad record with good ones behind it is damage (`tests/state.rs` cuts at every byte and flips bits).

use super::record::{Framed, MAGIC, Record, decode};
use crate::error::StateError;

/// A journal that could be read.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Records above `covered`, in order.
    pub(crate) records: Vec<(u64, Record)>,
    /// How many bytes are good.
    pub(crate) good: u64,
    /// Why the rest was dropped.
    pub(crate) torn: Option<String>,
    /// The last sequence number seen, or `covered`.
    pub(crate) last: u64,
}

/// Reads all records that a snapshot up to `covered` does not hold.
pub(crate) fn replay(file: &str, bytes: &[u8], covered: u64) -> Result<Replay, StateError> {
    let damaged =
        |offset: usize, reason: String| StateError::Damaged { file: file.into(), offset: offset as u64, reason };
    let mut found = Replay { last: covered, ..Replay::default() };
    let (mut offset, mut before) = (0, None::<u64>);
    while offset < bytes.len() {
        match decode(bytes, offset) {
            Framed::Good { sequence, payload, end } => {
                if before.map_or(sequence > covered + 1, |b| sequence != b + 1) {
                    return Err(damaged(
                        offset,
                        format!("record {sequence} does not follow {}", before.unwrap_or(covered)),
                    ));
                }
                before = Some(sequence);
                if sequence > covered {
                    let record = serde_json::from_slice(payload)
                        .map_err(|e| damaged(offset, format!("record {sequence} makes no sense: {}", kind(&e))))?;
                    found.records.push((sequence, record));
                    found.last = sequence;
                }
                offset = end;
            }
            Framed::Newer(format) => return Err(StateError::Newer { file: file.into(), found: format, known: 1 }),
            Framed::Bad(reason) => {
                if let Some(good) = good_behind(bytes, offset + 1) {
                    return Err(damaged(offset, format!("{reason}, but a good record follows at {good}")));
                }
                found.torn = Some(format!(
                    "the last record of `{file}` was cut off at byte {offset} of {} and is dropped: it was never announced",
                    bytes.len()
                ));
                break;
            }
        }
    }
    found.good = offset as u64;
    Ok(found)
}

/// Values stay out of messages.
fn kind(error: &serde_json::Error) -> String {
    format!("{:?} error at column {}", error.classify(), error.column())
}

fn good_behind(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len().saturating_sub(MAGIC.len()))
        .filter(|at| bytes[*at..].starts_with(&MAGIC))
        .find(|at| matches!(decode(bytes, *at), Framed::Good { .. }))
}

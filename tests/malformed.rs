//! Promise R11: what is broken in every way that we could think of (`stack`), and in many that a seed thought of
//! (`sweep`), ends no reader: never a panic, never a second of work, never more than 256 MiB, and for a stack file
//! always a place and a hint. `MOPS_FUZZ_SECONDS` says how long each reader is tried, `MOPS_SEED` repeats a run.

#[path = "malformed/chance.rs"]
mod chance;
#[path = "malformed/stack.rs"]
mod stack;
#[path = "malformed/sweep.rs"]
mod sweep;
#[path = "malformed/target.rs"]
mod target;

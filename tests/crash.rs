//! Killed at any moment, a run loses nothing and makes nothing twice, and the next `up` finishes the work by itself.
//!
//! The engine runs as a child (`mops-bench`) against objects that survive it: in a folder for the sweep over every
//! failpoint (R1, `crash/sweep.rs`) and for failing disks (R4, `crash/disk.rs`), in a process of their own for kills at
//! random moments (R2, `crash/kills.rs`). What needs failpoints needs a build with `MOPS_BUILD_FAILPOINTS=1`, as
//! `make crash` makes it. `MOPS_SWEEP` positions a boundary (default: the short form, one), `MOPS_KILLS` kills,
//! `MOPS_SEED` the first seed.

#[path = "crash/audit.rs"]
mod audit;
#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/kind.rs"]
mod kind;
#[path = "crash/round.rs"]
mod round;
#[path = "crash/sweep.rs"]
mod sweep;

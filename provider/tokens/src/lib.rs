//! Tokens in a file of variables, the way of that file to a host where jobs read it, and the jobs there ([`slurm`]).
//!
//! Guarantees three things: nothing in such a file is ever executed, on no side ([`envfile`], [`snippet`]); a value goes
//! by standard input alone, and no answer of a host holds one ([`ssh`]); and the host has the old file or the new one,
//! whole and private, at every moment (`tests/tokens_sync.rs`).

pub mod cause;
pub mod check;
pub mod envfile;
pub mod live;
pub mod names;
pub mod pieces;
pub mod removal;
pub mod saved;
pub mod secret;
pub mod slurm;
pub mod snippet;
pub mod ssh;
pub mod stamp;
pub mod sync;
pub mod written;

//! `--engine pulumi`: the user's own `pulumi` carries a stack file out and keeps its state, in the backend that it is
//! signed in to. What a run will do is planned here as for our own engine, from Pulumi's state, so that both show, refuse
//! and ask the same; Pulumi then does it, with our two plugins beside `mops`.
//!
//! Guarantees: nothing is written before the plan was shown, looked over and agreed to; what `down` keeps is excluded by
//! name; an interrupt reaches Pulumi once, and it is waited for (`tests/e2e/pulumi_engine.rs`).

mod command;
mod events;
mod project;
mod stack;
mod verbs;

pub(crate) use verbs::{down, outputs, preview, refresh, status, up};

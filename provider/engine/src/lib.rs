//! mops-engine

pub mod program;
pub mod stackfile;
pub mod error;
pub mod event;
pub mod failpoint;
pub mod state;
pub mod plan;
pub mod run;
mod observe;

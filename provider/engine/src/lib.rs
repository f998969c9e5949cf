//! mops-engine

pub mod program;

//! `modelops:index:Workspace`: what a section of a stack file asks for, as one component of a program in any of Pulumi's
//! languages.
//!
//! Guarantees: its children are those of the stack file, made from each other as there; what the program does not know
//! yet, and what is secret in it, stays so in them; nothing is contacted but the engine's monitor
//! (`later::tests`, `inputs::tests`, `tests/pulumi/construct.rs`).

mod inputs;
mod later;
mod workspace;

pub(crate) use inputs::{Inputs, Outputs};
pub(crate) use workspace::construct;

/// The token of the component.
pub(crate) const TOKEN: &str = "modelops:index:Workspace";

//! Resources that something of ours declares to Pulumi's engine: a stack file as a program, and a component.
//!
//! Guarantees: each is registered as soon as what it is made from is done, with names, references, secrets and rules of
//! life of its declaration; a failure that nobody has told is told (`register::tests`, `tests/pulumi/construct.rs`).

mod client;
mod names;
mod play;
mod register;

pub(crate) use client::{Monitor, Refused, channel};
pub(crate) use names::{options, unfit};
pub(crate) use play::{outputs, play};
pub(crate) use register::{Answers, Root, named};

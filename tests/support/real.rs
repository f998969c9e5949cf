//! Real components, started for one test: ready by probe, gone with the test that started them.
//!
//! What is not installed is skipped by `skip` with the line that brings it. Proven by
//! `fast::real_registry`.

pub mod acr;
pub mod azurite;
pub mod daemon;
pub mod docker_registry;
mod forward;
pub mod hosted;
mod signer;

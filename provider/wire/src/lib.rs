//! mops-wire

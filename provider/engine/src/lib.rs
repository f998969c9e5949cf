//! mops-engine

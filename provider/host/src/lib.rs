//! mops-host

//! mops

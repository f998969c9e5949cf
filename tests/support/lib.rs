//! mops-tests

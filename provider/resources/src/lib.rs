//! mops-resources

//! mops-clients

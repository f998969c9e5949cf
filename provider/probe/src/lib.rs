//! mops-probe

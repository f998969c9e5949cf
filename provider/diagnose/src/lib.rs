//! mops-diagnose

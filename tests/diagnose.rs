//! Diagnosis: the report's forms, and the probe and the whole run against the fakes.

#[path = "diagnose/cluster.rs"]
mod cluster;
#[path = "diagnose/probe.rs"]
mod probe;
#[path = "diagnose/report.rs"]
mod report;

//! Diagnosis: the report's forms, and the probe and the whole run against the fakes.

#[path = "diagnose/report.rs"]
mod report;

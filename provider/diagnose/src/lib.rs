//! Vantage points, cause rules and reports: why a worker cannot pull or read, with its proof.
//!
//! Guarantees two things: a lost observation never makes another cause certain, and a report never
//! says "passed" beside a failed check (`tests/diagnose.rs`, unit tests of `rule` and `report`).

pub mod finding;
pub mod kubelet;
pub mod observed;
pub mod probe_pod;
pub mod report;
pub mod request;
pub mod rule;
pub(crate) mod rules;
pub mod words;
pub mod workload;

pub use finding::Finding;
pub use observed::Observed;
pub use report::Report;
pub use request::{ArmView, KnownPool, ProbeImage, Request, Services};
pub use words::Words;

//! The report: one value, several forms. Every form is made of [`Report`] alone, and its summary is
//! derived from all checks (`tests/diagnose.rs` holds the golden texts).

pub(crate) mod columns;
mod fixing;
mod github;
mod html;
mod junit;
mod letter;
mod matrix;
mod model;
mod owner;
pub(crate) mod phrase;
mod sarif;
mod table;
mod text;

pub use fixing::fixing;
pub use github::github;
pub use html::html;
pub use junit::junit;
pub(crate) use model::counts;
pub use model::{Cleanup, Command, Counts, Left, Report, Run, Skipped, Summary, Tool, Verdict, vantages};
pub use sarif::sarif;
pub use text::text;

/// The version of the report's form; fields are only added within it.
pub const SCHEMA_VERSION: u32 = 1;
/// The version of the rules.
pub const RULES_VERSION: u32 = 1;

/// The report as one JSON object.
#[must_use]
pub fn json(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// The JSON schema of [`json`].
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

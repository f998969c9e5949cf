//! What a run tells the display, in order and as it happens. Nothing here holds a secret: values arrive masked.

use std::sync::Arc;

use mops_core::diff::PropertyDiff;
use mops_core::provider::ChangedBy;
use schemars::JsonSchema;
use serde::Serialize;

/// Takes events; cheap, never blocks.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// The version of [`Event`] that this program writes.
pub const VERSION: u32 = 1;

/// One event; one JSON line under `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Raised when a field changes its meaning.
    pub version: u32,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

impl Event {
    /// An event of this version.
    #[must_use]
    pub const fn new(body: Body) -> Self {
        Self { version: VERSION, body }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// It turned out that nothing had to be done.
    Unchanged,
    /// It was there with our mark and was taken over.
    Adopted,
}

/// One step of a plan, for display.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepView {
    /// The resource.
    pub urn: String,
    /// Its logical name.
    pub name: String,
    /// Its type.
    #[serde(rename = "resource")]
    pub token: String,
    /// The part of the stack.
    pub component: String,
    /// The word of [`crate::plan::Op`].
    pub op: String,
    /// Properties that force a replacement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<String>,
    /// For a replacement: whether the old one goes before the new one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes_first: Option<bool>,
    /// Why, when no property shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Everything that changes is known only once something else is done: it may turn out that nothing does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_change: bool,
    /// What changes, masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PropertyDiff>,
}

/// One resource that is not as state knows it, for display.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DriftView {
    /// The resource.
    pub urn: String,
    /// Its logical name.
    pub name: String,
    /// Its type.
    #[serde(rename = "resource")]
    pub token: String,
    /// The part of the stack.
    pub component: String,
    /// Whether it no longer exists.
    pub gone: bool,
    /// From what state knows to what is there, masked; empty when it is gone.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub changes: Vec<PropertyDiff>,
    /// Who changed it last, if the service tells.
    pub changed_by: Option<ChangedBy>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Made.
    pub created: usize,
    /// Taken over.
    pub adopted: usize,
    /// Changed in place.
    pub updated: usize,
    /// Replaced.
    pub replaced: usize,
    /// Removed.
    pub deleted: usize,
    /// Left the state without a call.
    pub forgotten: usize,
    /// As they were.
    pub unchanged: usize,
    /// Failed.
    pub failed: usize,
    /// Not started because of a failure or an interruption.
    pub not_started: usize,
}

/// What happened.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// A run begins; within 50 ms of the command.
    RunStarted {
        /// `PROJECT.STACK`.
        stack: String,
        /// `up`, `down`, `preview`, `refresh`.
        operation: String,
    },
    /// Something worth knowing.
    Note {
        /// One sentence.
        text: String,
    },
    /// What exists is being read.
    Reading {
        /// How many resources in this wave.
        count: usize,
    },
    /// Everything was read; what is not as state knows it.
    Drifted {
        /// Empty when nothing changed behind our back.
        resources: Vec<DriftView>,
    },
    /// What will be done; steps that change nothing are only counted.
    Planned {
        /// In order of execution.
        steps: Vec<StepView>,
        /// How many resources stay as they are.
        unchanged: usize,
    },
    /// A step's Begin is durable and its call leaves.
    StepStarted {
        /// The resource.
        urn: String,
        /// Its logical name.
        name: String,
        /// What is done.
        op: String,
    },
    /// What a running step waits for.
    StepProgress {
        /// The resource.
        urn: String,
        /// Its logical name.
        name: String,
        /// A few words.
        text: String,
    },
    /// A step's End is durable.
    StepFinished {
        /// The resource.
        urn: String,
        /// Its logical name.
        name: String,
        /// What was done.
        op: String,
        /// How.
        outcome: Outcome,
        /// How long the call took.
        millis: u64,
    },
    /// A step failed; its End is durable.
    StepFailed {
        /// The resource.
        urn: String,
        /// Its logical name.
        name: String,
        /// What was tried.
        op: String,
        /// The class of the error.
        class: String,
        /// One sentence.
        summary: String,
        /// Evidence.
        notes: Vec<String>,
        /// What to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// How long the call took.
        millis: u64,
    },
    /// A step was not started.
    StepNotStarted {
        /// The resource.
        urn: String,
        /// Its logical name.
        name: String,
        /// What was planned.
        op: String,
        /// Why, for example the name of what failed.
        because: String,
    },
    /// The run is over; everything announced is durable.
    RunFinished {
        /// How many of each.
        totals: Totals,
        /// The exit code that follows.
        exit: i32,
        /// How long it took.
        millis: u64,
    },
}

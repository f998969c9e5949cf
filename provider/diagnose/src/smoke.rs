//! What a smoke test does beside looking: it pushes an artefact of its own, which every pool then fetches by digest, and
//! takes it away again. Guarantees that runs side by side do not meet: tag and digest are the run's own
//! (`tests/smoke_test.rs`, B-20).

mod artefact;
mod bundle;
mod push;
mod remove;

pub use artefact::Artefact;
pub use bundle::BundleError;
pub use push::{PushCredential, PushLogin, Pushed, push};
pub(crate) use remove::remove;

/// The repository of the artefact, and the tag that `--push-only` writes.
pub const NAME: &str = "smoke-test";

/// The Service of the scheduler, unless another is named.
pub const SCHEDULER: &str = "dask-scheduler";

/// What is pushed, where, and as whom.
#[derive(Clone, Debug)]
pub struct SmokeTest {
    /// What is pushed.
    pub artefact: Artefact,
    /// Into which repository.
    pub repository: String,
    /// Under which tag.
    pub tag: String,
    /// Who may push, in the order in which they are tried.
    pub logins: Vec<PushLogin>,
    /// Whether the artefact stays.
    pub keep: bool,
    /// Whether a pod has to get a GPU on each pool that has some.
    pub gpu: bool,
    /// The Service of the scheduler, where somebody has named it.
    pub scheduler: Option<String>,
    /// Whether the scheduler is asked at all.
    pub port_forward: bool,
}

impl SmokeTest {
    /// The artefact of a run, under a tag of the run's own.
    #[must_use]
    pub fn new(run: &str, artefact: Artefact, logins: Vec<PushLogin>) -> Self {
        Self {
            artefact,
            repository: NAME.to_owned(),
            tag: format!("{NAME}-{run}"),
            logins,
            keep: false,
            gpu: false,
            scheduler: None,
            port_forward: true,
        }
    }
}

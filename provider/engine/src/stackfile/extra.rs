//! The small sections: `import`, `monitor`, `outputs`.

use std::time::Duration;

use mops_core::Place;

use super::reader::{Check, Context, Spanned, section};
use super::rule::{ArmId, ImageName};

section! {
    /// Something that exists and is taken over.
    Strict Import {
        /// The resource of the stack, for example `registry`, `cluster`, `storage`, `resource-group`, `pool-NAME`.
        "to" to: Spanned<String>,
        /// Its ARM id.
        "id" id: Spanned<ArmId>,
    }
}

impl Check for Import {}

section! {
    /// Repeated diagnosis inside the cluster.
    Strict Monitor {
        /// Whether it runs.
        "enabled" enabled: Option<Spanned<bool>>,
        /// How often, at least every 10 seconds; default `5m`.
        "interval" interval: Option<Spanned<Duration>>,
        /// The image with `mops` in it; default: that of this version.
        "image" image: Option<Spanned<ImageName>>,
    }
}

impl Monitor {
    /// Whether it runs.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.as_ref().is_some_and(|enabled| enabled.value)
    }

    /// How often.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval.as_ref().map_or(Duration::from_secs(300), |interval| interval.value)
    }
}

impl Check for Monitor {
    fn check(&self, _: &Place, cx: &mut Context) {
        if let Some(interval) = self.interval.as_ref().filter(|i| i.value < Duration::from_secs(10)) {
            cx.error(&interval.place, "`monitor.interval` is under 10 seconds", "write at least `10s`");
        }
    }
}

section! {
    /// What is written after a run.
    Strict OutputsSection {
        /// A file of mode 0600 with the outputs as variables; SAS, never an account key.
        "env_file" env_file: Option<Spanned<String>>,
    }
}

impl Check for OutputsSection {}

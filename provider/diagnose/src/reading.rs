//! How a capture is read: which families count, and how strict the verdict is. Never changes what was seen.

use crate::Observed;
use crate::finding::Finding;
use crate::observed::Status;
use crate::report::{Counts, Skipped, Summary, Verdict, counts};
use crate::rule::Severity;

/// Which families are judged and how strictly. The default judges all of them and lets warnings and optional skips pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Families that count alone; empty for all.
    pub only: Vec<String>,
    /// Families that do not count.
    pub skip: Vec<String>,
    /// Warnings fail.
    pub strict: bool,
    /// What was not checked keeps the run from passing, even where it is optional.
    pub require_all: bool,
}

impl Reading {
    /// Whether a family counts.
    #[must_use]
    pub fn wants(&self, family: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|f| f == family)) && !self.skip.iter().any(|f| f == family)
    }

    fn wants_all(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// What the reader must know about the choice; `None` when everything counts.
    pub(crate) fn notice(&self) -> Option<String> {
        match (self.only.is_empty(), self.skip.is_empty()) {
            (true, true) => None,
            (false, _) => Some(format!("only findings of {} count", self.only.join(", "))),
            (true, false) => Some(format!("findings of {} do not count", self.skip.join(", "))),
        }
    }

    /// The verdict under this reading, from that which counts everything.
    pub(crate) fn judge(&self, all: Summary, seen: &[Observed], kept: &[Finding], skipped: &[Skipped]) -> Summary {
        let counts = self.counted(all.counts, seen, kept);
        let status = match all.status {
            settled @ (Verdict::Interrupted | Verdict::Usage) => settled,
            _ if counts.failed > 0 && all.exit_code != 3 => Verdict::Fail,
            _ if self.strict && kept.iter().any(|f| f.severity == Severity::Warning) => Verdict::Fail,
            Verdict::Incomplete => Verdict::Incomplete,
            _ if self.require_all && (!skipped.is_empty() || counts.skipped > 0) => Verdict::Incomplete,
            _ => Verdict::Pass,
        };
        Summary { status, exit_code: status.exit_code(), counts }
    }

    /// With families chosen, a failed check counts where a finding that counts uses it.
    fn counted(&self, all: Counts, seen: &[Observed], kept: &[Finding]) -> Counts {
        if self.wants_all() {
            return all;
        }
        let used = |o: &&Observed| kept.iter().any(|f| f.evidence.contains(&o.id));
        let failed = seen.iter().filter(|o| counts(o) && o.status == Status::Fail).filter(used).count();
        let causes = kept.iter().filter(|f| f.severity == Severity::Error).count();
        Counts { causes, failed, ..all }
    }
}

#[cfg(test)]
mod tests {
    use mops_probe::Observation;
    use mops_probe::observation::{check, code, variant};

    use super::*;
    use crate::observed::Vantage;
    use crate::{Capture, Report};

    fn read(reading: &Reading, skipped: Vec<Skipped>) -> Report {
        let refused = Observation::failed(check::REGISTRY_V2, variant::ENV, "reg.azurecr.io", code::UNAUTHORIZED);
        let blank = Observation::failed(check::ENV, "", "REGISTRY_USERNAME", code::ENV_EMPTY);
        let observations =
            [refused.status(401), blank].map(|o| Observed::at(Vantage::P, o).on("gpu", "node-1")).to_vec();
        Capture { observations, skipped, ..Capture::default() }.read(reading)
    }

    fn warned(reading: &Reading, skipped: Vec<Skipped>) -> Report {
        let other = Observation::ok(check::ENV, "", "MODELOPS_BUNDLE_REGISTRY").code(code::OTHER_HOST);
        let observations = vec![Observed::at(Vantage::P, other).on("gpu", "node-1")];
        Capture { observations, skipped, ..Capture::default() }.read(reading)
    }

    fn families(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn chosen_families_alone_decide() {
        let all = read(&Reading::default(), Vec::new());
        assert_eq!((all.findings.len(), all.summary.counts.failed, all.summary.exit_code), (2, 2, 1));
        let only = read(&Reading { only: families(&["config"]), ..Reading::default() }, Vec::new());
        assert_eq!(only.findings.iter().map(|f| f.cause_id.as_str()).collect::<Vec<_>>(), ["ENV_EMPTY"]);
        assert_eq!((only.summary.counts.failed, only.summary.exit_code), (1, 1));
        assert_eq!(only.notices, ["only findings of config count"]);
        let skip = read(&Reading { skip: families(&["config", "identity"]), ..Reading::default() }, Vec::new());
        assert_eq!((skip.findings.len(), skip.summary.exit_code), (0, 0));
        assert_eq!(skip.probes.len(), 2, "what was seen stays");
    }

    #[test]
    fn strict_fails_on_warnings_and_require_all_on_skips() {
        let optional = || vec![Skipped { what: "GPU".into(), why: "not asked".into(), required: false }];
        let code = |strict, require_all, skipped| {
            warned(&Reading { strict, require_all, ..Reading::default() }, skipped).summary.exit_code
        };
        assert_eq!(code(false, false, optional()), 0);
        assert_eq!(code(true, false, optional()), 1);
        assert_eq!(code(false, true, optional()), 3);
        assert_eq!(code(false, true, Vec::new()), 0);
        assert_eq!(code(true, true, optional()), 1, "a failure goes before an incomplete run");
    }
}

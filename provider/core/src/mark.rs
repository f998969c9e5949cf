//! Whose a resource is: the marks that we leave, and what a mark that we find means.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::urn::{StackId, Urn};

/// Azure tag and Kubernetes label/annotation names of our marks.
pub mod names {
    /// Azure tag with `PROJECT.STACK`.
    pub const TAG_STACK: &str = "modelops-stack";
    /// Azure tag with the URN.
    pub const TAG_URN: &str = "modelops-urn";
    /// Azure tag with the lineage.
    pub const TAG_LINEAGE: &str = "modelops-lineage";
    /// Kubernetes label with `PROJECT.STACK`.
    pub const LABEL_STACK: &str = "modelops.io/stack";
    /// Kubernetes label with the lineage.
    pub const LABEL_LINEAGE: &str = "modelops.io/lineage";
    /// Kubernetes annotation with the URN.
    pub const ANNOTATION_URN: &str = "modelops.io/urn";
}

/// The id of one state; 32 hexadecimal digits, random for those of the embedded engine. Two states of one stack differ
/// in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(pub String);

impl Lineage {
    /// What Pulumi's engine marks everything of a stack with. A state of Pulumi's has no id of its own, so this is derived
    /// from project and stack: a run after a lost answer, or after a lost state, finds its own mark again. The price: two
    /// backends with the same project and stack name in one subscription are one stack.
    #[must_use]
    pub fn of_pulumi(stack: &StackId) -> Self {
        let digest = Sha256::digest(format!("pulumi\0{}\0{}", stack.project, stack.stack));
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What we write on everything that we make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The stack.
    pub stack: StackId,
    /// The resource in it.
    pub urn: Urn,
    /// The state that manages it.
    pub lineage: Lineage,
}

/// What the marks on something that exists say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Our stack and URN; the lineage may be another one (a state that was lost).
    Ours {
        /// As found.
        lineage: Lineage,
    },
    /// No mark: somebody made it by hand or with another tool.
    Unmarked,
    /// The mark of another stack, or of another resource of ours.
    Other {
        /// `PROJECT.STACK` as found.
        stack: String,
        /// URN as found, possibly empty.
        urn: String,
    },
    /// A type without room for a mark, below a marked parent of ours.
    Derived,
}

impl Ownership {
    /// Judges the three texts found on something against our own mark.
    #[must_use]
    pub fn judge(mark: &Mark, stack: Option<&str>, urn: Option<&str>, lineage: Option<&str>) -> Self {
        match stack {
            None => Self::Unmarked,
            Some(found) if found == mark.stack.to_string() && urn.is_none_or(|u| u == mark.urn.as_str()) => {
                Self::Ours { lineage: Lineage(lineage.unwrap_or_default().to_owned()) }
            }
            Some(found) => Self::Other { stack: found.to_owned(), urn: urn.unwrap_or_default().to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_pulumis_has_one_lineage_and_no_other_stack_has_it() {
        let of = |project: &str, stack: &str| {
            Lineage::of_pulumi(&StackId { project: project.to_owned(), stack: stack.to_owned() })
        };
        assert_eq!(of("shop", "dev"), of("shop", "dev"));
        assert_eq!(of("shop", "dev").0.len(), 32);
        assert_ne!(of("shop", "dev"), of("sho", "pdev"));
    }

    #[test]
    fn only_our_stack_and_urn_are_ours() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let mark = Mark { urn: Urn::new(&stack, "t:t:T", "n"), stack, lineage: Lineage("l".into()) };
        let urn = mark.urn.as_str().to_owned();
        let ours = Ownership::judge(&mark, Some("p.s"), Some(&urn), Some("x"));
        assert_eq!(ours, Ownership::Ours { lineage: Lineage("x".into()) });
        assert_eq!(Ownership::judge(&mark, None, None, None), Ownership::Unmarked);
        assert!(matches!(Ownership::judge(&mark, Some("p.other"), Some(&urn), None), Ownership::Other { .. }));
        assert!(matches!(Ownership::judge(&mark, Some("p.s"), Some("urn:x"), None), Ownership::Other { .. }));
    }
}

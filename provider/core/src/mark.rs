//! Whose a resource is: the marks that we leave, and what a mark that we find means.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// The random id of one state; 32 hexadecimal digits. Two states of one stack differ in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(pub String);

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

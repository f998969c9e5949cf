//! Create reads first: what it means when something with that name is already there.
//!
//! Guarantees: an unmarked stranger and another stack's resource are never touched (`tests`).

use mops_core::provider::CallContext;
use mops_core::{Class, Error, Ownership};

/// What may be done with something that exists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ours: bring it to the wanted state.
    Ours,
    /// A stranger's, but the stack file or the type allows to take it over and keep it for ever.
    Foreign,
}

/// Judges a resource that was found where one was to be created.
pub(crate) fn judge(cx: &CallContext, ownership: &Ownership, adoptable: bool) -> Result<Verdict, Error> {
    let name = cx.urn.name();
    let kind = cx.urn.token().rsplit(':').next().unwrap_or_default();
    match ownership {
        Ownership::Derived => Ok(Verdict::Ours),
        Ownership::Ours { lineage } if *lineage == cx.mark.lineage || cx.takeover => Ok(Verdict::Ours),
        Ownership::Ours { lineage } => Err(Error::new(
            Class::Conflict,
            format!(
                "{kind} `{name}` is managed from another state (lineage `{lineage}`, ours is `{}`)",
                cx.mark.lineage
            ),
        )
        .hint("run `mops` where that state is, or remove the local state folder of this stack to take the stack over")),
        Ownership::Unmarked if adoptable || cx.import => Ok(Verdict::Foreign),
        Ownership::Unmarked => {
            Err(Error::new(Class::Conflict, format!("{kind} `{name}` already exists and was not made by this stack"))
                .hint("choose another name, or take it over with an `import` entry in the stack file"))
        }
        Ownership::Other { stack, urn } => {
            Err(Error::new(Class::Conflict, format!("{kind} `{name}` already exists and belongs to stack `{stack}`"))
                .note(format!("its mark says `{urn}`"))
                .hint("choose another name; what belongs to another stack is never touched"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Cancel, Lineage, Mark, StackId, Urn};
    use std::sync::Arc;

    fn context(takeover: bool, import: bool) -> CallContext {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = Urn::new(&stack, "modelops:azure:NodePool", "gpu");
        CallContext {
            mark: Mark { stack, urn: urn.clone(), lineage: Lineage("mine".into()) },
            urn,
            cancel: Cancel::new(),
            progress: Arc::new(|_| {}),
            timeout: std::time::Duration::from_secs(1),
            resume: None,
            takeover,
            import,
            renew: false,
        }
    }

    #[test]
    fn each_kind_of_owner_gets_its_verdict() {
        let ours = |l: &str| Ownership::Ours { lineage: Lineage(l.into()) };
        let other = || Ownership::Other { stack: "p.t".into(), urn: String::new() };
        let rows = [
            ("ours", ours("mine"), false, false, false, Some(Verdict::Ours)),
            ("ours, other lineage", ours("theirs"), false, false, false, None),
            ("ours, other lineage, no local state", ours("theirs"), true, false, false, Some(Verdict::Ours)),
            ("stranger", Ownership::Unmarked, false, false, false, None),
            ("stranger, no local state", Ownership::Unmarked, true, false, false, None),
            ("stranger, imported", Ownership::Unmarked, false, true, false, Some(Verdict::Foreign)),
            ("stranger, adoptable", Ownership::Unmarked, false, false, true, Some(Verdict::Foreign)),
            ("other stack", other(), true, true, true, None),
            ("below a parent of ours", Ownership::Derived, false, false, false, Some(Verdict::Ours)),
        ];
        for (row, owner, takeover, import, adoptable, want) in rows {
            assert_eq!(judge(&context(takeover, import), &owner, adoptable).ok(), want, "{row}");
        }
    }
}

//! What a mark that was found allows.

use mops_core::{Diagnostic, Lineage, Ownership, Place, Urn};

use crate::state::Snapshot;

/// What may be done with something that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is ours, of this lineage.
    Ours,
    /// It carries our marks with a lineage that this state takes over.
    Takeover(String),
    /// It is somebody's who left no mark.
    Unmarked,
    /// Another state of this stack manages it.
    OtherState(Diagnostic),
    /// Another stack's.
    OtherStack(Diagnostic),
}

/// Judges what was found against our state.
pub(crate) fn judge(snapshot: &Snapshot, urn: &Urn, place: Option<&Place>, ownership: &Ownership) -> Verdict {
    let name = urn.name();
    match ownership {
        Ownership::Derived => Verdict::Ours,
        Ownership::Unmarked => Verdict::Unmarked,
        Ownership::Ours { lineage } => {
            let theirs = &lineage.0;
            let pulumis = *lineage == Lineage::of_pulumi(&snapshot.stack);
            if theirs.is_empty() || *lineage == snapshot.lineage {
                Verdict::Ours
            } else if snapshot.predecessors.contains(theirs) || snapshot.is_new && !pulumis {
                Verdict::Takeover(theirs.clone())
            } else if pulumis {
                let text = format!("`{name}` is managed by the stack of this name under Pulumi's engine");
                Verdict::OtherState(Diagnostic::error(place.cloned(), text).hint(
                    "go on there with `pulumi up`, or move it: `pulumi stack export | mops infra import --state -`",
                ))
            } else {
                let text = format!(
                    "`{name}` is managed from another state (lineage `{theirs}`, ours is `{}`)",
                    snapshot.lineage
                );
                Verdict::OtherState(Diagnostic::error(place.cloned(), text).hint(
                    "run `mops` where that state is, or take the stack over with `mops infra remove` here and `up` again",
                ))
            }
        }
        Ownership::Other { stack, urn: theirs } => {
            let text = if theirs.is_empty() {
                format!("`{name}` already exists and belongs to stack `{stack}`")
            } else {
                format!("`{name}` already exists and belongs to `{theirs}` of stack `{stack}`")
            };
            let hint = "choose another name: what belongs to another stack is never touched";
            Verdict::OtherStack(Diagnostic::error(place.cloned(), text).hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Lineage, StackId};

    #[test]
    fn each_mark_gets_its_verdict() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let urn = Urn::new(&stack, "t:t:T", "n");
        let mut old = Snapshot { is_new: false, ..Snapshot::none(&stack) };
        old.lineage = Lineage("mine".into());
        old.predecessors.insert("before".into());
        let new = Snapshot { is_new: true, ..old.clone() };
        let ours = |l: &str| Ownership::Ours { lineage: Lineage(l.into()) };
        let pulumis = Lineage::of_pulumi(&stack);
        let moved = Snapshot { predecessors: [pulumis.0.clone()].into(), ..old.clone() };
        let other = Ownership::Other { stack: "p.t".into(), urn: String::new() };
        let word = |s: &Snapshot, o: &Ownership| match judge(s, &urn, None, o) {
            Verdict::Ours => "ours",
            Verdict::Takeover(_) => "takeover",
            Verdict::Unmarked => "unmarked",
            Verdict::OtherState(_) => "other state",
            Verdict::OtherStack(_) => "other stack",
        };
        let rows = [
            (&old, ours("mine"), "ours"),
            (&old, ours("theirs"), "other state"),
            (&old, ours("before"), "takeover"),
            (&new, ours("theirs"), "takeover"),
            // A state that is not here is lost only if it was one of ours.
            (&new, ours(&pulumis.0), "other state"),
            (&old, ours(&pulumis.0), "other state"),
            (&moved, ours(&pulumis.0), "takeover"),
            (&new, Ownership::Unmarked, "unmarked"),
            (&new, other.clone(), "other stack"),
            (&old, other, "other stack"),
            (&old, Ownership::Derived, "ours"),
        ];
        for (snapshot, ownership, want) in rows {
            assert_eq!(word(snapshot, &ownership), want, "{ownership:?}");
        }
    }
}

//! Whose something is that a call is about. Marks are those of [`Lineage::of_pulumi`]; a resource that came from `mops`
//! with its state may still carry a mark of there, and its properties say which (`mops_core::bag`). What another state of
//! this stack has written since is refused, a stranger's and another stack's are left alone.

use mops_core::provider::CallContext;
use mops_core::{Class, Error, Lineage, Ownership, StackId, Urn, Value, bag};
use tonic::Status;

use super::failure;

/// The stack in a URN.
pub(super) fn stack(urn: &Urn) -> Option<StackId> {
    let mut parts = urn.as_str().strip_prefix("urn:pulumi:")?.split("::");
    let (stack, project) = (parts.next()?, parts.next()?);
    (!stack.is_empty() && !project.is_empty()).then(|| StackId { project: project.to_owned(), stack: stack.to_owned() })
}

/// What a mark means to a stack that knows a resource by its properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Its own, or of no mark at all.
    Ours,
    /// Still marked by the state that handed it over.
    Inherited(Lineage),
    /// Another state of this stack has written it.
    OtherState(Lineage),
    /// Another stack's.
    OtherStack(String),
}

/// Judges a mark; `properties` are those that the engine keeps.
pub(super) fn judge(cx: &CallContext, properties: &Value, found: &Ownership) -> Whose {
    match found {
        Ownership::Ours { lineage } if lineage.0.is_empty() || *lineage == cx.mark.lineage => Whose::Ours,
        Ownership::Ours { lineage } if bag::lineages(properties).contains(lineage) => Whose::Inherited(lineage.clone()),
        Ownership::Ours { lineage } => Whose::OtherState(lineage.clone()),
        Ownership::Other { stack, .. } => Whose::OtherStack(stack.clone()),
        Ownership::Unmarked | Ownership::Derived => Whose::Ours,
    }
}

/// Refuses what is not this stack's; whether the mark is one that was handed over.
pub(super) fn refuse_others(cx: &CallContext, properties: &Value, found: &Ownership) -> Result<bool, Status> {
    let name = cx.urn.name();
    let refused = |text: String, hint: &str| Err(failure::plain(&Error::new(Class::Conflict, text).hint(hint)));
    match judge(cx, properties, found) {
        Whose::Ours => Ok(false),
        Whose::Inherited(_) => Ok(true),
        Whose::OtherState(lineage) => refused(
            format!("`{name}` is managed from another state of this stack (lineage `{lineage}`)"),
            "a stack belongs to one engine: run `mops` where that state is; `pulumi stack rm --force` forgets it here",
        ),
        Whose::OtherStack(stack) => {
            refused(format!("`{name}` belongs to stack `{stack}`"), "what belongs to another stack is never touched")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Cancel, Mark};
    use std::sync::Arc;
    use std::time::Duration;

    fn context() -> CallContext {
        let urn = Urn::parse("urn:pulumi:dev::shop::a:b:C$modelops:azure:NodePool::gpu").unwrap();
        let stack = stack(&urn).unwrap();
        assert_eq!((stack.project.as_str(), stack.stack.as_str()), ("shop", "dev"));
        CallContext {
            mark: Mark { lineage: Lineage::of_pulumi(&stack), stack, urn: urn.clone() },
            urn,
            cancel: Cancel::new(),
            progress: Arc::new(|_| {}),
            timeout: Duration::from_secs(1),
            resume: None,
            takeover: false,
            import: false,
            renew: false,
        }
    }

    #[test]
    fn only_what_was_handed_over_is_taken_from_another_state() {
        let cx = context();
        let ours = |lineage: &str| Ownership::Ours { lineage: Lineage(lineage.into()) };
        let from_mops = bag::marked(Value::map(), [Lineage("mops".into())]);
        let rows = [
            (Value::map(), ours(&cx.mark.lineage.0), Some(false)),
            (Value::map(), ours("mops"), None),
            (from_mops.clone(), ours("mops"), Some(true)),
            (from_mops.clone(), ours("later"), None),
            (from_mops.clone(), ours(&cx.mark.lineage.0), Some(false)),
            (from_mops.clone(), Ownership::Unmarked, Some(false)),
            (from_mops, Ownership::Other { stack: "p.s".into(), urn: String::new() }, None),
        ];
        for (properties, found, want) in rows {
            assert_eq!(refuse_others(&cx, &properties, &found).ok(), want, "{found:?}");
        }
    }
}

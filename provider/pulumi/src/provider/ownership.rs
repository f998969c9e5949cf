//! The marks on what this provider makes. Pulumi knows no lineage: a state has no name of its own. So it is derived from
//! project and stack: a run after a lost answer, or after a lost state, finds its own mark and takes its own over, while
//! another stack's, `mops`'s own and a stranger's resources are refused as everywhere. The price: two backends with the
//! same project and stack name in one subscription are one stack to us.

use mops_core::{Lineage, StackId, Urn};
use sha2::{Digest as _, Sha256};

/// The stack in a URN.
pub(super) fn stack(urn: &Urn) -> Option<StackId> {
    let mut parts = urn.as_str().strip_prefix("urn:pulumi:")?.split("::");
    let (stack, project) = (parts.next()?, parts.next()?);
    (!stack.is_empty() && !project.is_empty()).then(|| StackId { project: project.to_owned(), stack: stack.to_owned() })
}

/// Always the same for a stack; 32 hexadecimal digits as a lineage of `mops`, of which it is never one.
pub(super) fn lineage(stack: &StackId) -> Lineage {
    let digest = Sha256::digest(format!("pulumi\0{}\0{}", stack.project, stack.stack));
    Lineage(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_has_one_lineage_and_no_other_stack_has_it() {
        let urn = Urn::parse("urn:pulumi:dev::shop::a:b:C$modelops:azure:NodePool::gpu").unwrap();
        let found = stack(&urn).unwrap();
        assert_eq!((found.project.as_str(), found.stack.as_str()), ("shop", "dev"));
        assert_eq!(lineage(&found), lineage(&found.clone()));
        assert_eq!(lineage(&found).0.len(), 32);
        let other = StackId { project: "sho".into(), stack: "pdev".into() };
        assert_ne!(lineage(&found), lineage(&other));
    }
}

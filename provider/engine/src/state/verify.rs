//! What must hold of every list of resources before it is used.

use std::collections::HashSet;

use mops_core::Urn;

use super::model::ResourceState;

/// Order, unique names, dependencies present; the first violation in words.
pub(crate) fn verify(resources: &[ResourceState]) -> Result<(), String> {
    let mut seen: HashSet<&Urn> = HashSet::with_capacity(resources.len());
    let mut living: HashSet<&Urn> = HashSet::with_capacity(resources.len());
    for resource in resources {
        let name = resource.urn.as_str();
        if !resource.pending_delete && !living.insert(&resource.urn) {
            return Err(format!("`{name}` stands there twice"));
        }
        if resource.id.is_empty() {
            return Err(format!("`{name}` has no id"));
        }
        if let Some(missing) = resource.dependencies.iter().find(|d| !seen.contains(d)) {
            return Err(format!("`{name}` depends on `{missing}`, which does not stand before it"));
        }
        seen.insert(&resource.urn);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Component;
    use mops_core::StackId;

    #[test]
    fn each_violation_is_found() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let r = |name: &str, deps: &[&str]| {
            let urn = |n: &str| Urn::new(&stack, "t:t:T", n);
            let mut r = ResourceState::new(urn(name), Component::Workspace, "id");
            r.dependencies = deps.iter().map(|d| urn(d)).collect();
            r
        };
        assert!(verify(&[r("a", &[]), r("b", &["a"])]).is_ok());
        assert!(verify(&[r("b", &["a"]), r("a", &[])]).is_err());
        assert!(verify(&[r("a", &[]), r("a", &[])]).is_err());
        assert!(verify(&[ResourceState { id: String::new(), ..r("a", &[]) }]).is_err());
        let doomed = ResourceState { pending_delete: true, ..r("a", &[]) };
        assert!(verify(&[doomed, r("a", &[])]).is_ok());
    }
}

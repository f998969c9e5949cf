//! How a user names a resource of a state: by its name, or by its URN.

use std::collections::BTreeSet;

use mops_core::{Class, Error, Urn};

use super::model::{ResourceState, Snapshot};
use mops_core::nearest;

/// The living resource with this name or URN.
///
/// # Errors
/// When there is none, with the nearest names; when there are several of that name, with their URNs.
pub fn find<'a>(snapshot: &'a Snapshot, address: &str) -> Result<&'a ResourceState, Error> {
    let living = || snapshot.resources.iter().filter(|r| !r.pending_delete);
    let named: Vec<&ResourceState> =
        living().filter(|r| r.urn.as_str() == address || r.urn.name() == address).collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => {
            let names: BTreeSet<&str> = living().map(|r| r.urn.name()).collect();
            let text = format!("stack `{}` has no resource `{address}`", snapshot.stack);
            Err(Error::new(Class::User, text).hint(hint(address, &names.into_iter().collect::<Vec<_>>())))
        }
        several => {
            let urns: Vec<&str> = several.iter().map(|r| r.urn.as_str()).collect();
            let text = format!("`{address}` is the name of several resources");
            Err(Error::new(Class::User, text).hint(format!("name one of them: {}", urns.join(", "))))
        }
    }
}

fn hint(address: &str, names: &[&str]) -> String {
    match nearest(address, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`mops infra state show` lists the addresses".into(),
    }
}

/// What cannot stand in a state without this resource, at any distance, the furthest last.
#[must_use]
pub fn dependants(snapshot: &Snapshot, urn: &Urn) -> Vec<Urn> {
    let mut found: Vec<Urn> = Vec::new();
    let mut next = vec![urn.clone()];
    while let Some(target) = next.pop() {
        let needs = |r: &ResourceState| r.dependencies.contains(&target) || r.deleted_with.as_ref() == Some(&target);
        for r in snapshot.resources.iter().filter(|r| needs(r) && r.urn != *urn) {
            if !found.contains(&r.urn) {
                found.push(r.urn.clone());
                next.push(r.urn.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Component;
    use mops_core::StackId;

    fn snapshot() -> Snapshot {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let mut snapshot = Snapshot::none(&stack);
        for (token, name, deps) in
            [("t:t:A", "registry", &[][..]), ("t:t:B", "twice", &["registry"]), ("t:t:A", "twice", &[])]
        {
            let mut r = ResourceState::new(Urn::new(&stack, token, name), Component::Registry, "id");
            r.dependencies = deps.iter().map(|d| Urn::new(&stack, "t:t:A", d)).collect();
            snapshot.resources.push(r);
        }
        let mut inside = ResourceState::new(Urn::new(&stack, "t:t:A", "inside"), Component::Registry, "id");
        inside.deleted_with = Some(Urn::new(&stack, "t:t:B", "twice"));
        snapshot.resources.push(inside);
        snapshot
    }

    #[test]
    fn names_and_urns_are_addresses_and_slips_are_corrected() {
        let snapshot = snapshot();
        let by = |address: &str| find(&snapshot, address).map(|r| r.urn.token().to_owned());
        assert_eq!(by("registry").unwrap(), "t:t:A");
        assert_eq!(by("urn:pulumi:s::p::t:t:B::twice").unwrap(), "t:t:B");
        assert!(by("twice").unwrap_err().hint_text().unwrap().contains("t:t:B::twice"));
        assert_eq!(by("regisrty").unwrap_err().hint_text(), Some("did you mean `registry`?"));
        assert!(by("zzz").unwrap_err().hint_text().unwrap().contains("state show"));
    }

    #[test]
    fn dependants_are_found_at_any_distance() {
        let snapshot = snapshot();
        let names = |name: &str| {
            let urn = find(&snapshot, name).unwrap().urn.clone();
            dependants(&snapshot, &urn).iter().map(|u| u.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("registry"), ["twice", "inside"]);
        assert!(names("inside").is_empty());
    }
}

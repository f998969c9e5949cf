//! Order of a program: what must be done before what.

use std::collections::{BTreeMap, BTreeSet};

use mops_core::{Diagnostic, Urn};

use super::{Declared, Program};

/// Names every duplicate, every reference to something undeclared, and every cycle.
pub(super) fn check(program: &Program) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for resource in &program.resources {
        if !seen.insert(&resource.urn) {
            errors.push(Diagnostic::error(
                resource.place.clone(),
                format!("`{}` is declared twice", resource.urn.name()),
            ));
        }
    }
    for resource in &program.resources {
        for target in resource.dependencies().iter().chain(&resource.deleted_with) {
            if !seen.contains(target) {
                let text = format!("`{}` refers to `{}`, which is not declared", resource.urn.name(), target.name());
                errors.push(Diagnostic::error(resource.place.clone(), text));
            }
        }
    }
    for output in &program.outputs {
        for target in output.value.references() {
            if !seen.contains(&target) {
                let text = format!("output `{}` refers to `{}`, which is not declared", output.name, target.name());
                errors.push(Diagnostic::error(None, text));
            }
        }
    }
    errors.extend(cycle(program));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// One diagnostic for everything that can never start.
fn cycle(program: &Program) -> Option<Diagnostic> {
    let done: BTreeSet<&Urn> = topological(program).into_iter().map(|r| &r.urn).collect();
    let stuck: Vec<&Declared> = program.resources.iter().filter(|r| !done.contains(&r.urn)).collect();
    let first = stuck.first()?;
    let names: Vec<String> = stuck.iter().map(|r| format!("`{}`", r.urn.name())).collect();
    Some(
        Diagnostic::error(first.place.clone(), format!("{} wait for each other", names.join(", ")))
            .hint("look at `dependsOn`: it may only add to the order registry, storage, cluster, workspace"),
    )
}

/// Kahn's algorithm with the file's order as tie-break; references to undeclared things are ignored here.
pub(super) fn topological(program: &Program) -> Vec<&Declared> {
    let declared: BTreeMap<&Urn, usize> = program.resources.iter().enumerate().map(|(i, r)| (&r.urn, i)).collect();
    let mut missing: Vec<usize> = vec![0; program.resources.len()];
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); program.resources.len()];
    for (i, resource) in program.resources.iter().enumerate() {
        for target in resource.dependencies() {
            if let Some(&j) = declared.get(&target) {
                missing[i] += 1;
                dependants[j].push(i);
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..missing.len()).filter(|i| missing[*i] == 0).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(i) = ready.pop_first() {
        order.push(&program.resources[i]);
        for &next in &dependants[i] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}

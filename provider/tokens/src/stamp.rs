//! The first line of a file that a stack keeps: a comment that says whose it is, for every reader of such files (`tests`).

use mops_core::{Mark, Ownership};

/// How it begins; the scripts on the host know the same words.
const BEGIN: &str = "# modelops-stack=";
const LINEAGE: &str = "modelops-lineage=";
const URN: &str = "modelops-urn=";

/// The line.
#[must_use]
pub fn line(mark: &Mark) -> String {
    format!("{BEGIN}{} {LINEAGE}{} {URN}{}", mark.stack, mark.lineage, mark.urn.as_str())
}

/// Whose a file is, by what stands behind the beginning of that line.
#[must_use]
pub fn owner(mark: &Mark, rest: Option<&str>) -> Ownership {
    let mut words = rest.into_iter().flat_map(|rest| rest.splitn(3, ' '));
    let stack = words.next();
    let (mut lineage, mut urn) = (None, None);
    for word in words {
        lineage = lineage.or_else(|| word.strip_prefix(LINEAGE));
        urn = urn.or_else(|| word.strip_prefix(URN));
    }
    Ownership::judge(mark, stack, urn, lineage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Lineage, StackId, Urn};

    #[test]
    fn a_file_is_known_again_by_its_stack_and_by_no_other() {
        let of = |stack: &str| {
            let stack = StackId { project: "modelops".into(), stack: stack.into() };
            let urn = Urn::new(&stack, "modelops:slurm:EnvFile", "tokens-env-file");
            Mark { stack, urn, lineage: Lineage("one".into()) }
        };
        let line = line(&of("dev"));
        let rest = line.strip_prefix(BEGIN).unwrap();
        assert!(include_str!("sh/host.sh").contains(&format!("stamp='{BEGIN}'")));
        assert_eq!(owner(&of("dev"), Some(rest)), Ownership::Ours { lineage: Lineage("one".into()) });
        assert!(matches!(owner(&of("prod"), Some(rest)), Ownership::Other { stack, .. } if stack == "modelops.dev"));
        assert_eq!(owner(&of("dev"), None), Ownership::Unmarked);
        assert!(crate::envfile::parse(&line).unwrap().0.is_empty());
    }
}

//! The nodes of a host's SLURM, as `sinfo` tells of them.

use mops_core::Secret;
use mops_host::Env;
use mops_host::proc::ProcError;
use mops_probe::Observation;

use super::{LIMIT, PROGRAM, Refused, refused};
use crate::ssh::{self, Host, Script};

/// A node in one of its partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The partition.
    pub partition: String,
    /// Whether jobs go to that one by themselves.
    pub default: bool,
    /// Whether it takes jobs now or soon: idle or mixed.
    pub open: bool,
    /// GPUs by type, as SLURM calls them; how many, and how many are free.
    pub gpus: Vec<Gpus>,
}

/// GPUs of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpus {
    /// SLURM's word.
    pub kind: String,
    /// How many there are.
    pub total: u32,
    /// How many no job has.
    pub free: u32,
}

/// What was seen, and the nodes.
#[derive(Debug)]
pub struct Asked {
    /// For the catalogue.
    pub seen: Vec<Observation>,
    /// The nodes, or why there is no answer.
    pub nodes: Result<Vec<Node>, Refused>,
}

/// Asks for the nodes that the user may use.
///
/// # Errors
/// When there is no `ssh` on this machine.
pub async fn ask(env: &Env, host: &Host) -> Result<Asked, ProcError> {
    let body = [PROGRAM, include_str!("../sh/nodes.sh")].concat();
    let script = Script { set: vec![("given", String::new())], body };
    let session = ssh::run(env, host, &script, &Secret::from(""), LIMIT).await?;
    let nodes = match refused(&session) {
        Some(refused) => Err(refused),
        None => Ok(session.lines.iter().flatten().filter_map(|line| node(line.strip_prefix("node ")?)).collect()),
    };
    Ok(Asked { seen: session.seen, nodes })
}

/// `PARTITION*|up|mix|gpu:a100:4(S:0-1)|gpu:a100:1(IDX:0)|NAME|`
fn node(line: &str) -> Option<Node> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let &[partition, available, state, gres, used, name, ..] = fields.as_slice() else { return None };
    let used = counts(used);
    let gpus = counts(gres).into_iter().map(|(kind, total)| {
        let taken = used.iter().find(|(other, _)| *other == kind).map_or(0, |(_, taken)| *taken);
        Gpus { kind, total, free: total.saturating_sub(taken) }
    });
    Some(Node {
        name: name.to_owned(),
        partition: partition.trim_end_matches('*').to_owned(),
        default: partition.ends_with('*'),
        open: available == "up" && is_open(state),
        gpus: gpus.collect(),
    })
}

/// Marks behind a state say more: a node that sleeps or is planned for takes jobs, one that does not answer or is kept
/// does not.
fn is_open(state: &str) -> bool {
    let bare = state.trim_end_matches(['~', '#', '-', '+']);
    matches!(bare, "idle" | "mix" | "mixed")
}

/// `gpu:a100:4(S:0-1),gpu:2,nic:1` as types with counts; a type without a name is empty.
fn counts(text: &str) -> Vec<(String, u32)> {
    let (mut entries, mut depth) = (vec![String::new()], 0_u32);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => entries.push(String::new()),
            c if depth == 0 => entries.iter_mut().next_back().into_iter().for_each(|last| last.push(c)),
            _ => {}
        }
    }
    let mut found: Vec<(String, u32)> = Vec::new();
    for entry in entries {
        let parts: Vec<&str> = entry.split(':').collect();
        let (kind, count) = match parts.as_slice() {
            ["gpu", count] => ("", count.parse()),
            ["gpu", kind, count] => (*kind, count.parse()),
            _ => continue,
        };
        let Ok(count) = count else { continue };
        match found.iter_mut().find(|(known, _)| known == kind) {
            Some((_, total)) => *total += count,
            None => found.push((kind.to_owned(), count)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sinfo_are_read() {
        let seen = node(
            "gpu*|up|mix|gpu:nvidia_h100:4(S:0-1),gpu:a30:2,nic:1|gpu:nvidia_h100:1(IDX:0,3),gpu:a30:2(IDX:0-1)|n1|",
        );
        let gpus = |kind: &str, total, free| Gpus { kind: kind.to_owned(), total, free };
        let want = Node {
            name: "n1".into(),
            partition: "gpu".into(),
            default: true,
            open: true,
            gpus: vec![gpus("nvidia_h100", 4, 3), gpus("a30", 2, 0)],
        };
        assert_eq!(seen, Some(want));
        assert_eq!(node("cpu|up|idle|(null)|gpu:0|n2|").unwrap().gpus, []);
        assert_eq!(node("old|up|idle|gpu:2||n2|").unwrap().gpus, [gpus("", 2, 2)]);
        assert_eq!(node("no such line"), None);
    }

    #[test]
    fn nodes_that_take_no_job_are_not_open() {
        for state in ["idle", "mix", "idle~", "mix-", "idle#"] {
            assert!(is_open(state), "{state}");
        }
        for state in ["alloc", "down", "drain", "drng", "idle*", "mix*", "maint", "idle$", "resv", "idle@", "comp"] {
            assert!(!is_open(state), "{state}");
        }
        assert!(!node("p|down|idle|gpu:1||n|").unwrap().open);
    }
}

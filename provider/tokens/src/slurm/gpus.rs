//! Which GPUs a job asks for when nobody says: the best type that nodes have free now, and if none has, the best that there
//! is. A type that the list does not know is never chosen (`tests`, K-21).

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::Node;

/// From the best to the least.
pub const ORDER: [&str; 6] = ["h200", "h100", "a100", "a30", "v100", "rtx2080ti"];

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Only there.
    pub partition: Option<&'a str>,
    /// So many on one node.
    pub count: u32,
    /// From the best to the least.
    pub order: &'a [String],
}

/// What nodes have of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// SLURM's word.
    pub kind: String,
    /// GPUs that no job has.
    pub free: u32,
    /// All of them.
    pub total: u32,
    /// Nodes that take jobs.
    pub nodes: usize,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// SLURM's word for the type.
    pub kind: String,
    /// Where such nodes are.
    pub partition: String,
    /// Whether jobs go there by themselves.
    pub default: bool,
    /// Whether a node has so many free now.
    pub now: bool,
}

/// What idle and mixed nodes have, the best known type first; types that nobody knows at the end.
#[must_use]
pub fn supply(nodes: &[Node], wanted: &Wanted<'_>) -> Vec<Supply> {
    let mut found: BTreeMap<(usize, &str), (u32, u32, BTreeSet<&str>)> = BTreeMap::new();
    for (node, gpus) in fitting(nodes, wanted).flat_map(|node| node.gpus.iter().map(move |gpus| (node, gpus))) {
        let rank = rank(&gpus.kind, wanted.order).unwrap_or(usize::MAX);
        let (free, total, names) = found.entry((rank, &gpus.kind)).or_default();
        // A node stands there once for each of its partitions.
        if names.insert(&node.name) {
            *free += gpus.free;
            *total += gpus.total;
        }
    }
    let supply = |((_, kind), (free, total, names)): ((usize, &str), (u32, u32, BTreeSet<&str>))| Supply {
        kind: if kind.is_empty() { "no type".to_owned() } else { kind.to_owned() },
        free,
        total,
        nodes: names.len(),
    };
    found.into_iter().map(supply).collect()
}

/// The best, and nothing where no known type is.
#[must_use]
pub fn choose(nodes: &[Node], wanted: &Wanted<'_>) -> Option<Choice> {
    let best = |free: bool| {
        let enough = |node: &Node| {
            let has = node.gpus.iter().filter(|gpus| wanted.count <= if free { gpus.free } else { gpus.total });
            has.filter_map(|gpus| Some((rank(&gpus.kind, wanted.order)?, gpus.kind.clone()))).min()
        };
        let candidates =
            fitting(nodes, wanted).filter_map(|node| Some((enough(node)?, !node.default, &node.partition)));
        candidates.min().map(|((_, kind), other, partition)| Choice {
            kind,
            partition: partition.clone(),
            default: !other,
            now: free,
        })
    };
    best(true).or_else(|| best(false))
}

fn fitting<'a>(nodes: &'a [Node], wanted: &Wanted<'a>) -> impl Iterator<Item = &'a Node> {
    let partition = wanted.partition;
    // A job may name several partitions.
    let there = move |node: &Node| partition.is_none_or(|names| names.split(',').any(|name| name == node.partition));
    nodes.iter().filter(move |node| node.open && there(node))
}

/// Its place in the list: `nvidia_geforce_rtx_2080_ti` and `NV-RTX2080Ti` are a `rtx2080ti`, `gh200` is no `h200`, and a
/// slice of a GPU is not that GPU.
fn rank(kind: &str, order: &[String]) -> Option<usize> {
    let lower = kind.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let slice =
        |word: &&str| word.strip_suffix('g').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if words.iter().any(|word| *word == "mig" || slice(word)) {
        return None;
    }
    let bare =
        |text: &str| text.strip_prefix("nvidia").or_else(|| text.strip_prefix("tesla")).unwrap_or(text).to_owned();
    let spans = (0..words.len()).flat_map(|from| (from + 1..=words.len()).map(move |to| (from, to)));
    let names: BTreeSet<String> = spans.map(|(from, to)| bare(&words[from..to].concat())).collect();
    order.iter().position(|known| names.contains(&known.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::nodes::Gpus;
    use super::*;

    fn order() -> Vec<String> {
        ORDER.map(str::to_owned).to_vec()
    }

    fn node(name: &str, partition: &str, open: bool, kind: &str, total: u32, free: u32) -> Node {
        let default = partition == "main";
        let gpus = vec![Gpus { kind: kind.into(), total, free }];
        Node { name: name.into(), partition: partition.into(), default, open, gpus }
    }

    fn chosen(nodes: &[Node], partition: Option<&str>, count: u32) -> Option<(String, String, bool)> {
        let order = order();
        choose(nodes, &Wanted { partition, count, order: &order }).map(|c| (c.kind, c.partition, c.now))
    }

    fn is(kind: &str, partition: &str, now: bool) -> Option<(String, String, bool)> {
        Some((kind.to_owned(), partition.to_owned(), now))
    }

    #[test]
    fn the_best_type_that_is_free_is_chosen() {
        let nodes = [
            node("a", "main", true, "a100", 4, 4),
            node("h", "main", true, "h200", 8, 0),
            node("h", "fast", true, "h200", 8, 0),
            node("d", "main", false, "h100", 8, 8),
            node("r", "old", true, "nvidia_geforce_rtx_2080_ti", 2, 2),
            node("x", "main", true, "mi300", 8, 8),
        ];
        assert_eq!(chosen(&nodes, None, 1), is("a100", "main", true));
        assert_eq!(chosen(&nodes, None, 6), is("h200", "main", false));
        assert_eq!(chosen(&nodes, None, 9), None);
        assert_eq!(chosen(&nodes, Some("fast"), 1), is("h200", "fast", false));
        assert_eq!(chosen(&nodes, Some("old,fast"), 1), is("nvidia_geforce_rtx_2080_ti", "old", true));
        assert_eq!(chosen(&nodes[5..], None, 1), None);
        assert_eq!(chosen(&nodes[3..4], None, 1), None);
        let order = order();
        let counts: Vec<_> = supply(&nodes, &Wanted { partition: None, count: 1, order: &order })
            .into_iter()
            .map(|s| (s.kind, s.free, s.total, s.nodes))
            .collect();
        let row = |kind: &str, free, total, nodes| (kind.to_owned(), free, total, nodes);
        let want = [
            row("h200", 0, 8, 1),
            row("a100", 4, 4, 1),
            row("nvidia_geforce_rtx_2080_ti", 2, 2, 1),
            row("mi300", 8, 8, 1),
        ];
        assert_eq!(counts, want);
    }

    #[test]
    fn a_type_counts_as_a_whole_word() {
        let order = order();
        for (kind, want) in [
            ("h200", Some(0)),
            ("NVIDIA_H200_NVL", Some(0)),
            ("NV-A30", Some(3)),
            ("NVIDIAA100", Some(2)),
            ("a100-sxm4-80gb", Some(2)),
            ("NV-V100-SXM2", Some(4)),
            ("NV-RTX2080Ti", Some(5)),
            ("gh200", None),
            ("rtx_a1000", None),
            ("a100_1g.5gb", None),
            ("", None),
        ] {
            assert_eq!(rank(kind, &order), want, "{kind}");
        }
    }
}

//! What the API server has counted of requests, by its own metrics.

use std::collections::BTreeMap;

use super::crowd::Crowd;

/// Requests since it began.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Lists, by kind of object.
    lists: BTreeMap<String, u64>,
    /// Commands in containers.
    pub(super) execs: u64,
}

impl Counts {
    pub(super) async fn read(crowd: &Crowd) -> Result<Self, String> {
        Ok(Self::of(&crowd.kubectl.said(&["get", "--raw", "/metrics"], None).await?))
    }

    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
            let Some((labels, count)) = line.rsplit_once("} ") else { continue };
            let label = |name: &str| {
                let (_, rest) = labels.split_once(&format!("{name}=\""))?;
                rest.split('"').next()
            };
            let count = count.parse::<f64>().unwrap_or_default() as u64;
            match (label("verb"), label(",resource"), label("subresource")) {
                (Some("LIST"), Some(resource), _) => *counts.lists.entry(resource.to_owned()).or_default() += count,
                (Some("CONNECT"), Some("pods"), Some("exec")) => counts.execs += count,
                _ => {}
            }
        }
        counts
    }

    /// Lowers what is known of one run to what was counted since, kind by kind: others of the cluster list now and
    /// then, and only add.
    pub(super) fn at_most(&self, before: &Self, known: &mut BTreeMap<String, u64>) {
        let first = known.is_empty();
        let since = |kind: &str| {
            let of = |counts: &Self| counts.lists.get(kind).copied().unwrap_or_default();
            of(self) - of(before)
        };
        if first {
            known.extend(self.lists.keys().map(|kind| (kind.clone(), since(kind))));
        }
        for (kind, count) in known.iter_mut() {
            *count = since(kind).min(*count);
        }
        known.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(lists: u64, nodes: u64) -> Counts {
        let line = |rest: &str| format!("apiserver_request_total{{code=\"200\",component=\"apiserver\",{rest}\n");
        Counts::of(
            &[
                line(&format!(
                    "group=\"\",resource=\"pods\",scope=\"namespace\",subresource=\"\",verb=\"LIST\"}} {lists}"
                )),
                line("group=\"\",resource=\"pods\",scope=\"cluster\",subresource=\"\",verb=\"LIST\"} 1"),
                line("group=\"\",resource=\"pods\",scope=\"cluster\",subresource=\"\",verb=\"WATCH\"} 9"),
                line("group=\"\",resource=\"pods\",scope=\"resource\",subresource=\"exec\",verb=\"CONNECT\"} 1e+03"),
                line(&format!(
                    "group=\"\",resource=\"nodes\",scope=\"cluster\",subresource=\"\",verb=\"LIST\"}} {nodes}"
                )),
            ]
            .concat(),
        )
    }

    #[test]
    fn lists_are_counted_by_kind_and_commands_apart() {
        let found = counts(2, 4);
        assert_eq!(found.lists, [("nodes".to_owned(), 4), ("pods".to_owned(), 3)].into());
        assert_eq!(found.execs, 1000);
    }

    #[test]
    fn what_others_ask_for_now_and_then_is_not_ours() {
        let mut known = BTreeMap::new();
        counts(5, 2).at_most(&counts(2, 1), &mut known);
        assert_eq!(known, [("nodes".to_owned(), 1), ("pods".to_owned(), 3)].into());
        counts(7, 2).at_most(&counts(5, 2), &mut known);
        assert_eq!(known, [("pods".to_owned(), 2)].into());
    }
}

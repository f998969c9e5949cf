//! What changed behind our back, as a person reads it: what was, what is, and who did it where the service tells
//! (`tests`).

use std::fmt::Write as _;

use mops_core::provider::ChangedBy;
use mops_engine::event::DriftView;

use super::plan::{changes, kind, symbol};
use super::style::{Style, clip};

/// The lines of a drift.
pub(crate) fn drift_text(resources: &[DriftView], style: Style, width: usize) -> String {
    if resources.is_empty() {
        return "no drift: everything is as state knows it\n".into();
    }
    let mut text = format!("{} changed behind our back:\n", count(resources.len()));
    let names = resources.iter().map(|r| r.name.chars().count()).max().unwrap_or(0).min(36);
    for resource in resources {
        let (word, why) = if resource.gone { ("gone", "it no longer exists") } else { ("changed", "") };
        let tail = format!("{:<names$}  {}  {why}", clip(&resource.name, names), kind(&resource.token));
        let _ = writeln!(text, "  {}  {}", symbol(word, style), clip(tail.trim_end(), width.saturating_sub(13)));
        changes(&mut text, &resource.changes, width);
        if let Some(by) = resource.changed_by.as_ref().filter(|_| !resource.gone) {
            let _ = writeln!(text, "               {}", whose(by));
        }
    }
    text + "\n"
}

fn count(n: usize) -> String {
    if n == 1 { "1 resource".into() } else { format!("{n} resources") }
}

/// `by someone@example.com, 2026-01-02 03:04:05`; the fraction of a second helps nobody.
fn whose(by: &ChangedBy) -> String {
    let at = by.at.as_deref().map(|at| format!(", {}", at.get(..19).unwrap_or(at).replacen('T', " ", 1)));
    format!("by {}{}", by.who, at.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::diff::{Change, PropertyDiff};

    fn view(name: &str, gone: bool) -> DriftView {
        DriftView {
            urn: String::new(),
            name: name.into(),
            token: "modelops:azure:ContainerRegistry".into(),
            component: "registry".into(),
            gone,
            changes: Vec::new(),
            changed_by: None,
        }
    }

    #[test]
    fn each_drift_says_what_was_what_is_and_who() {
        let change = PropertyDiff {
            path: mops_core::Path(vec!["sku".into()]),
            change: Change::Update,
            before: "Basic".into(),
            after: "Premium".into(),
        };
        let by = ChangedBy { who: "a@example.com".into(), at: Some("2026-01-02T03:04:05.678+00:00".into()) };
        let edited = DriftView { changes: vec![change], changed_by: Some(by), ..view("registry", false) };
        let text = drift_text(&[edited, view("pool-gpu", true)], Style::of(false), 100);
        let want = "2 resources changed behind our back:\n  ~ changed  registry  container registry\n               \
                    sku: Basic → Premium\n               by a@example.com, 2026-01-02 03:04:05\n  ! gone     \
                    pool-gpu  container registry  it no longer exists\n\n";
        assert_eq!(text, want);
        assert!(drift_text(&[], Style::of(false), 80).starts_with("no drift"));
    }
}

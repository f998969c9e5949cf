//! A plan as a person reads it: symbol and word for each step, the field that forces a replacement, and what changes
//! (`tests::every_symbol_comes_with_its_word`).

use std::fmt::Write as _;

use mops_core::diff::{Change, PropertyDiff};
use mops_engine::event::StepView;

use super::style::{Style, clip};

/// Changes shown below one step; more are counted.
const SHOWN_CHANGES: usize = 8;

/// The lines of a plan, without its heading.
pub(crate) fn plan_text(steps: &[StepView], unchanged: usize, style: Style, width: usize) -> String {
    let mut text = String::new();
    let names = steps.iter().map(|s| s.name.chars().count()).max().unwrap_or(0).min(36);
    for step in steps.iter().filter(|s| s.op != "forget") {
        let kind = kind(&step.token);
        let why = match (step.replace.as_slice(), step.reason.as_deref()) {
            ([], None) if step.may_change => "  if what it is made from changes".into(),
            ([], None) => String::new(),
            ([], Some(reason)) => format!("  {reason}"),
            (fields, _) => format!("  forced by {}{}", fields.join(", "), order(step.deletes_first)),
        };
        let name = clip(&step.name, names);
        let tail = clip(&format!("{name:<names$}  {kind}{why}"), width.saturating_sub(13));
        let _ = writeln!(text, "  {}  {}", symbol(&step.op, style), tail.trim_end());
        // A creation changes everything, which says nothing.
        if matches!(step.op.as_str(), "update" | "replace") {
            changes(&mut text, &step.changes, width);
        }
    }
    forgotten(&mut text, steps, style, width);
    text + &summary(steps, unchanged)
}

/// What a replacement does first: whether there is a time with neither, or one with both.
const fn order(deletes_first: Option<bool>) -> &'static str {
    match deletes_first {
        Some(true) => "; the old one goes first",
        Some(false) => "; the new one comes first",
        None => "",
    }
}

/// What leaves the state without a call, one paragraph a reason.
fn forgotten(text: &mut String, steps: &[StepView], style: Style, width: usize) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for step in steps.iter().filter(|s| s.op == "forget") {
        let reason = step.reason.as_deref().unwrap_or("it is no longer wanted, and kept");
        match reasons.iter_mut().find(|(r, _)| *r == reason) {
            Some((_, names)) => names.push(&step.name),
            None => reasons.push((reason, vec![&step.name])),
        }
    }
    for (reason, names) in reasons {
        let _ = writeln!(text, "  {}  {}", symbol("forget", style), clip(reason, width.saturating_sub(13)));
        let mut line = String::new();
        for name in names {
            if !line.is_empty() && line.len() + name.len() + 17 > width {
                let _ = writeln!(text, "               {line}");
                line.clear();
            }
            line += if line.is_empty() { "" } else { " " };
            line += name;
        }
        let _ = writeln!(text, "               {line}");
    }
}

/// What changes below one step.
pub(super) fn changes(text: &mut String, changes: &[PropertyDiff], width: usize) {
    for change in changes.iter().take(SHOWN_CHANGES) {
        let (before, after, path) = (short(&change.before), short(&change.after), tail(&change.path.to_string()));
        let line = match change.change {
            Change::Add => format!("{path}: {after} (new)"),
            Change::Delete => format!("{path}: {before} (removed)"),
            Change::Update if before == after => format!("{path}: {after} (changed)"),
            Change::Update => format!("{path}: {before} → {after}"),
        };
        let _ = writeln!(text, "               {}", clip(&line, width.saturating_sub(15)));
    }
    if changes.len() > SHOWN_CHANGES {
        let _ = writeln!(text, "               and {} more", changes.len() - SHOWN_CHANGES);
    }
}

/// The end of a long path, which says more than its beginning.
fn tail(path: &str) -> String {
    const ROOM: usize = 40;
    let count = path.chars().count();
    if count <= ROOM {
        path.to_owned()
    } else {
        format!("…{}", path.chars().skip(count + 1 - ROOM).collect::<String>())
    }
}

/// A value in few characters; text without its quotes, a secret's source by its name.
fn short(value: &serde_json::Value) -> String {
    let source = value.as_object().and_then(|m| m.keys().next()).filter(|k| k.starts_with("from_"));
    let text = match (source, value.as_str()) {
        (Some(source), _) => format!("[{source}]"),
        (None, Some(text)) => text.to_owned(),
        (None, None) => value.to_string(),
    };
    clip(&text, 24)
}

/// Symbol and word, as wide as the longest.
pub(super) fn symbol(op: &str, style: Style) -> String {
    let (sign, colour): (&str, fn(Style, &str) -> String) = match op {
        "create" => ("+", Style::green),
        "update" => ("~", Style::yellow),
        "replace" => ("±", Style::magenta),
        "delete" => ("-", Style::red),
        "adopt" => ("=", Style::cyan),
        "changed" => ("~", Style::yellow),
        "gone" => ("!", Style::red),
        _ => (" ", Style::dim),
    };
    colour(style, &format!("{sign} {op:<7}"))
}

/// `3 to create, 1 to delete, 12 unchanged`.
fn summary(steps: &[StepView], unchanged: usize) -> String {
    let count = |op: &str| steps.iter().filter(|s| s.op == op).count();
    let words = ["create", "adopt", "update", "replace", "delete", "forget"];
    let mut parts: Vec<String> =
        words.iter().map(|w| (count(w), w)).filter(|(n, _)| *n > 0).map(|(n, w)| format!("{n} to {w}")).collect();
    if unchanged > 0 {
        parts.push(format!("{unchanged} unchanged"));
    }
    match (steps.is_empty(), parts.is_empty()) {
        (true, true) => "nothing to do\n".into(),
        (true, false) => format!("no change, {}\n", parts.join(", ")),
        _ => format!("{}\n", parts.join(", ")),
    }
}

/// `modelops:azure:NodePool` → `node pool`.
pub(crate) fn kind(token: &str) -> String {
    let mut words = String::new();
    for c in token.rsplit(':').next().unwrap_or(token).chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(op: &str) -> StepView {
        StepView {
            urn: "u".into(),
            name: "pool-gpu".into(),
            token: "modelops:azure:NodePool".into(),
            component: "cluster".into(),
            op: op.into(),
            replace: Vec::new(),
            deletes_first: None,
            reason: None,
            may_change: false,
            changes: Vec::new(),
        }
    }

    #[test]
    fn every_symbol_comes_with_its_word() {
        let replace =
            |first| StepView { replace: vec!["vmSize".into()], deletes_first: Some(first), ..step("replace") };
        let steps = [step("create"), step("update"), replace(true), replace(false), step("delete"), step("adopt")];
        let text = plan_text(&steps, 2, Style::of(false), 80);
        let want = [
            "  + create   pool-gpu  node pool",
            "  ~ update   pool-gpu  node pool",
            "  ± replace  pool-gpu  node pool  forced by vmSize; the old one goes first",
            "  ± replace  pool-gpu  node pool  forced by vmSize; the new one comes first",
            "  - delete   pool-gpu  node pool",
            "  = adopt    pool-gpu  node pool",
            "1 to create, 1 to adopt, 1 to update, 2 to replace, 1 to delete, 2 unchanged",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), want);
        assert_eq!(plan_text(&[], 3, Style::of(false), 80), "no change, 3 unchanged\n");
    }

    #[test]
    fn what_goes_along_is_one_paragraph() {
        let names = ["dask-scheduler", "dask-workers", "namespace", "bundle-credentials", "pull-secret", "pool-gpu"];
        let steps: Vec<StepView> = names
            .iter()
            .map(|n| StepView {
                name: (*n).into(),
                reason: Some("it goes with what it is in".into()),
                ..step("forget")
            })
            .collect();
        let text = plan_text(&steps, 0, Style::of(false), 80);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(names.iter().all(|n| text.contains(n)) && text.lines().all(|l| l.chars().count() <= 80), "{text}");
    }

    #[test]
    fn changes_are_short_and_secrets_stay_masked() {
        let mut update = step("update");
        let path = mops_core::Path(vec!["password".into()]);
        let (before, after) = (serde_json::json!("[secret]"), serde_json::json!("[secret]"));
        update.changes = vec![PropertyDiff { path, change: Change::Update, before, after }; 10];
        let text = plan_text(&[update], 0, Style::of(false), 80);
        assert!(text.contains("password: [secret] (changed)") && text.contains("and 2 more"), "{text}");
    }
}

//! What `--fix` plans and has done, for a terminal. Values are told by the beginnings of their hashes.

use super::columns::wrap;
use crate::fix::{Change, Fixing, State, Unfixed};

/// Stands where nothing was.
const NOTHING: &str = "nothing";

/// The plan and its outcome, a cause a paragraph.
#[must_use]
pub fn fixing(fixing: &Fixing, width: usize) -> String {
    lines(fixing, width).join("\n") + "\n"
}

pub(super) fn lines(fixing: &Fixing, width: usize) -> Vec<String> {
    let mut lines = vec![format!("--fix: {}", summary(fixing))];
    let mut last: Option<(&str, &str)> = None;
    for change in &fixing.changes {
        let about = (change.cause_id.as_str(), change.target.as_str());
        if last != Some(about) {
            lines.push(wrap(&format!("{} {}", about.0, about.1), width, "  "));
        }
        last = Some(about);
        lines.extend(one(change, width));
    }
    lines.extend(fixing.left.iter().flat_map(|left| unfixed(left, width)));
    lines
}

/// `2 applied, 1 not applied, 3 causes left alone`
pub(super) fn summary(fixing: &Fixing) -> String {
    let states = [
        State::Planned,
        State::Applied,
        State::Unchecked,
        State::RolledBack,
        State::Failed,
        State::NotNeeded,
        State::NotApplied,
    ];
    let counted = states.map(|state| (fixing.count(state), state.word()));
    let mut words: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if words.is_empty() {
        words.push("nothing to change".to_owned());
    }
    match fixing.left.len() {
        0 => {}
        1 => words.push("1 cause left alone".to_owned()),
        many => words.push(format!("{many} causes left alone")),
    }
    words.join(", ")
}

/// `Secret pull .data.K`
pub(super) fn place(change: &Change) -> String {
    format!("{} {} {}", change.object.kind, change.object.name, change.field)
}

/// What it changes, whether it can be taken back, and what it needs.
pub(super) fn terms(change: &Change) -> String {
    let or_nothing = |hash: &str| if hash.is_empty() { NOTHING.to_owned() } else { hash.to_owned() };
    let mut more = vec![format!("{} -> {}", or_nothing(&change.before), or_nothing(&change.after))];
    if change.restarts {
        more.push("pods restart".to_owned());
    }
    more.push(if change.reversible { "can be taken back" } else { "cannot be taken back" }.to_owned());
    more.push(format!("needs {}", change.rights.join(", ")));
    if !change.takes_from.is_empty() {
        more.push(format!("takes the field from {}", change.takes_from.join(", ")));
    }
    more.join("; ")
}

/// What to do about a cause that is left alone, on one line.
pub(super) fn instead(left: &Unfixed) -> String {
    match (&left.command, &left.page) {
        (Some(command), _) => format!("run: {command}"),
        (None, Some(page)) => format!("page: {page}"),
        (None, None) if left.text.is_empty() => String::new(),
        (None, None) => format!("do: {}", left.text),
    }
}

/// Every change and every cause that is left alone, each as a word for what became of it and a sentence: for the forms that
/// have no lines of a terminal.
pub(super) fn told(fixing: &Fixing) -> Vec<(&'static str, String)> {
    let changes = fixing.changes.iter().map(|change| {
        let why = if change.why.is_empty() { String::new() } else { format!("; why: {}", change.why) };
        let about = format!("{} {}: {}", change.cause_id, change.target, place(change));
        (change.state.word(), format!("{about}: {}{why}", terms(change)))
    });
    let left = fixing.left.iter().map(|left| {
        let said = format!("{} {}: {}; {}", left.cause_id, left.target, left.why, instead(left));
        ("left alone", said.trim_end_matches("; ").to_owned())
    });
    changes.chain(left).collect()
}

fn one(change: &Change, width: usize) -> Vec<String> {
    let what = format!("  {}: {}", change.state.word(), place(change));
    let mut lines = vec![wrap(&what, width, "      "), wrap(&format!("    {}", terms(change)), width, "      ")];
    if !change.why.is_empty() {
        lines.push(wrap(&format!("    why: {}", change.why), width, "         "));
    }
    lines
}

fn unfixed(left: &Unfixed, width: usize) -> Vec<String> {
    let mut lines = vec![wrap(&format!("{} {}: {}", left.cause_id, left.target, left.why), width, "  ")];
    match instead(left) {
        nothing if nothing.is_empty() => {}
        words if left.command.is_none() && left.page.is_none() => {
            lines.push(wrap(&format!("  {words}"), width, "      "));
        }
        // What is copied is left whole.
        whole => lines.push(format!("  {whole}")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Object;

    #[test]
    fn a_plan_fits_a_screen_and_names_no_value() {
        let change = Change {
            cause_id: "SECRET_KEY_MISSING".into(),
            target: "bundle-credentials".into(),
            object: Object::new("Secret", "modelops-dask-dev", "bundle-credentials"),
            field: ".data.AZURE_STORAGE_CONNECTION_STRING".into(),
            before: String::new(),
            after: "Ab12Cd34".into(),
            reversible: true,
            restarts: true,
            rights: vec!["patch secrets".into()],
            takes_from: vec!["kubectl-client-side-apply".into()],
            state: State::RolledBack,
            why: "the cause is still there".into(),
        };
        let left = Unfixed {
            cause_id: "NGC_LICENSE_NOT_ACCEPTED".into(),
            target: "nvcr.io/nim/x:1".into(),
            why: "only a person can do it".into(),
            text: String::new(),
            command: None,
            page: Some("https://catalog.ngc.nvidia.com/x".into()),
        };
        let text = fixing(&Fixing { changes: vec![change], left: vec![left] }, 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.starts_with("--fix: 1 rolled back, 1 cause left alone\nSECRET_KEY_MISSING bundle-credentials\n"),
            "{text}"
        );
        assert!(text.contains("nothing -> Ab12Cd34; pods restart; can be taken back"), "{text}");
        assert!(text.contains("  page: https://catalog.ngc.nvidia.com/x\n"), "{text}");
    }
}

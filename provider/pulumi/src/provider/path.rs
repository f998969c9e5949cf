//! Places in properties as Pulumi spells them: `a.b[0]["key.with.dots"]`.

use mops_core::value::Path;

/// The spelling of a path.
pub(super) fn spelled(path: &Path) -> String {
    let mut text = String::new();
    for step in &path.0 {
        let plain = !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || "_$-".contains(c));
        if step.chars().all(|c| c.is_ascii_digit()) && !step.is_empty() {
            text += &format!("[{step}]");
        } else if !plain {
            text += &format!("[\"{}\"]", step.replace('\\', "\\\\").replace('"', "\\\""));
        } else if text.is_empty() {
            text += step;
        } else {
            text += &format!(".{step}");
        }
    }
    text
}

/// Whether a spelled path is one of these, or below one of them.
pub(super) fn is_under(path: &str, list: &[String]) -> bool {
    let under = |entry: &String| {
        path.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    list.iter().any(under)
}

/// The property that a path is in.
pub(super) fn top(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_spelled_as_the_engine_reads_them() {
        let path = |steps: &[&str]| spelled(&Path(steps.iter().map(|s| (*s).to_owned()).collect()));
        assert_eq!(path(&["pools", "1", "name"]), "pools[1].name");
        assert_eq!(path(&["data", "key.with.dots", "x"]), r#"data["key.with.dots"].x"#);
        assert_eq!(path(&["data", r#"a"b\"#]), r#"data["a\"b\\"]"#);
        assert!(is_under("a.b[0]", &["a.b".into()]) && !is_under("a.bc", &["a.b".into()]));
    }
}

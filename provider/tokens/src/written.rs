//! Variables as lines that shells and dotenv readers take for the same bytes (`tests`).

use mops_core::Secret;

use crate::envfile::{self, Variables};

/// A value that no line can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of {name} {why}")]
pub struct Unwritable {
    /// Whose value.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// One line a variable, in their order.
///
/// # Errors
/// The first name or value that no line can hold.
pub fn text(variables: &Variables) -> Result<Secret<String>, Unwritable> {
    let mut lines = String::new();
    for (name, value) in variables {
        let wrong = |why| Unwritable { name: name.clone(), why };
        if !envfile::is_name(name) {
            return Err(wrong("belongs to no name of a variable"));
        }
        if let Some(why) = unfit(value.expose()) {
            return Err(wrong(why));
        }
        lines += &format!("{name}={}\n", quoted(value.expose()));
    }
    Ok(Secret::new(lines))
}

fn unfit(value: &str) -> Option<&'static str> {
    match value.chars().find(|c| matches!(c, '\0' | '\n' | '\r')) {
        Some('\0') => Some("holds a NUL"),
        Some(_) => Some("has more than one line"),
        None => None,
    }
}

/// A file with another value for a name, in its first place; every other line stays byte for byte.
///
/// # Errors
/// A value that no line can hold.
pub fn replaced(file: &str, name: &str, value: &Secret<String>) -> Result<Secret<String>, Unwritable> {
    let line = text(&vec![(name.to_owned(), value.clone())])?;
    let (mut lines, mut done) = (String::new(), false);
    for old in file.split_inclusive('\n') {
        match envfile::name_of(old.trim_end_matches(['\n', '\r'])) {
            Some(found) if found == name && done => {}
            Some(found) if found == name => {
                let export = if old.trim_start().starts_with("export ") { "export " } else { "" };
                lines += export;
                lines += line.expose();
                done = true;
            }
            _ => lines += old,
        }
    }
    if !done {
        let end = if lines.is_empty() || lines.ends_with('\n') { "" } else { "\n" };
        lines = format!("{lines}{end}{}", line.expose());
    }
    Ok(Secret::new(lines))
}

/// As it is where nobody reads anything into it; else in single quotes. Readers of dotenv files disagree about a single
/// quote among single ones, so double ones are taken where nothing inside means anything.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else if !value.contains('\'') {
        format!("'{value}'")
    } else if !value.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{value}\"")
    } else {
        in_single_quotes(value)
    }
}

/// One word of a POSIX shell, whatever is in it.
#[must_use]
pub fn in_single_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Whether a key of Weights & Biases has one of its known forms; it may be good all the same.
#[must_use]
pub fn is_wandb_key(value: &str) -> bool {
    let hex = value.len() == 40 && value.chars().all(|c| c.is_ascii_hexdigit());
    hex || value.starts_with("wandb_v1_") || value.is_empty() || is_placeholder(value)
}

/// Whether a value is a sample that somebody forgot to replace.
#[must_use]
pub fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let bare = ["hf_", "wandb_v1_", "nvapi-"].iter().find_map(|head| lower.strip_prefix(head)).unwrap_or(&lower);
    let blank = |c: char| "x.*…-_".contains(c);
    let filled = bare.len() >= 3 && bare.chars().all(blank);
    let marked = bare.starts_with('<') && bare.ends_with('>');
    let begins = ["your-", "your_", "changeme", "change-me", "replace-", "replace_"];
    filled || marked || begins.iter().any(|head| bare.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_plain_as_they_may_be() {
        for (value, line) in [
            ("", "A=\n"),
            ("hf_abc/DEF:1@x%+,=-.", "A=hf_abc/DEF:1@x%+,=-.\n"),
            ("two words", "A='two words'\n"),
            ("$(rm) `x` \\n", "A='$(rm) `x` \\n'\n"),
            ("it's", "A=\"it's\"\n"),
            ("it's $x", "A='it'\\''s $x'\n"),
            ("~/a", "A='~/a'\n"),
            ("a#b", "A='a#b'\n"),
        ] {
            let written = text(&vec![("A".to_owned(), Secret::from(value))]).unwrap();
            assert_eq!(written.expose(), line);
        }
    }

    #[test]
    fn what_is_no_line_is_told_by_its_name() {
        for value in ["canary\n", "can\0ary", "canary\r"] {
            let wrong = text(&vec![("A".to_owned(), Secret::from(value))]).unwrap_err().to_string();
            assert!(wrong.starts_with("the value of A ") && !wrong.contains("canary"), "{wrong}");
        }
        assert!(text(&vec![("A B".to_owned(), Secret::from("x"))]).is_err());
    }

    #[test]
    fn one_value_is_replaced_and_every_other_line_stays() {
        let of = |file: &str| replaced(file, "A", &Secret::from("new one")).unwrap().expose().clone();
        assert_eq!(of("# a\nA=1\r\nB='x # y'\nA=2\nC=3"), "# a\nA='new one'\nB='x # y'\nC=3");
        assert_eq!(of("export A=1 # mine\nAA=2\n"), "export A='new one'\nAA=2\n");
        assert_eq!((of(""), of("B=1")), ("A='new one'\n".to_owned(), "B=1\nA='new one'\n".to_owned()));
        assert_eq!(of("\u{feff}A=1\n"), "A='new one'\n");
    }

    #[test]
    fn the_forms_of_a_wandb_key_are_known() {
        assert!(
            is_wandb_key("0123456789abcdef0123456789ABCDEF01234567") && is_wandb_key("wandb_v1_x") && is_wandb_key("")
        );
        assert!(!is_wandb_key("0123456789abcdef") && !is_wandb_key("z123456789abcdef0123456789abcdef01234567"));
    }

    #[test]
    fn samples_are_known() {
        for sample in
            ["hf_xxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxx", "your-username", "<token>", "changeme", "..."]
        {
            assert!(is_placeholder(sample), "{sample}");
        }
        for value in ["", "hf_aXbYcZ", "koa-ml-experiments", "0123456789abcdef0123456789abcdef01234567"] {
            assert!(!is_placeholder(value), "{value}");
        }
    }
}

//! Files of variables as shells and dotenv readers both take them. Nothing is ever executed or expanded, and a mistake is
//! named by its line, never by its text (`tests`).

use mops_core::Secret;

/// A line that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {why}")]
pub struct Wrong {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Variables in the order of the file.
pub type Variables = Vec<(String, Secret<String>)>;

/// The variables of a file, the last of a name, and the names that stand there twice.
///
/// # Errors
/// The first line that cannot be taken.
pub fn parse(text: &str) -> Result<(Variables, Vec<String>), Wrong> {
    let (mut found, mut twice) = (Variables::new(), Vec::new());
    for (at, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let Some((name, value)) = pair(line).map_err(|why| Wrong { line: at + 1, why })? else { continue };
        if found.iter().any(|(known, _)| known == name) {
            found.retain(|(known, _)| known != name);
            twice.push(name.to_owned());
        }
        found.push((name.to_owned(), Secret::new(value)));
    }
    Ok((found, twice))
}

/// Whether a variable may be called so.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The name that a line gives a value, if it does.
pub(crate) fn name_of(line: &str) -> Option<&str> {
    Some(pair(line.trim_start_matches('\u{feff}')).ok()??.0)
}

fn pair(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = line.split_once('=').ok_or("is not NAME=VALUE")?;
    if !is_name(name) {
        return Err("does not begin with the name of a variable and `=`");
    }
    Ok(Some((name, unquoted(value)?)))
}

/// A value without its quotes and without the comment behind it.
fn unquoted(text: &str) -> Result<String, &'static str> {
    let (mut value, mut rest) = (String::new(), text.chars().peekable());
    let mut quote = None;
    while let Some(c) = rest.next() {
        match (quote, c) {
            (_, '\0') => return Err("holds a NUL"),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (Some('"'), '\\') if rest.peek().is_some_and(|c| "\"\\$`".contains(*c)) => value.extend(rest.next()),
            (None, '\\') => value.extend(rest.next()),
            (None, ' ' | '\t') => {
                let behind = rest.collect::<String>();
                let behind = behind.trim_start();
                return if behind.is_empty() || behind.starts_with('#') {
                    Ok(value)
                } else {
                    Err("has a blank outside quotes")
                };
            }
            _ => value.push(c),
        }
    }
    if quote.is_some() { Err("has a quote that does not end") } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_a_shell_reads_them_and_nothing_is_executed() {
        for (line, want) in [
            ("A=plain", "plain"),
            ("export A=plain # why", "plain"),
            ("A=a#b=c", "a#b=c"),
            ("A='it is $(rm) #1' ", "it is $(rm) #1"),
            ("A=\"a \\\"b\\\" \\$c\\n\"", "a \"b\" $c\\n"),
            ("A='it'\\''s'", "it's"),
            ("A=$(touch x)", ""),
            ("A=", ""),
            ("A=x\r", "x"),
        ] {
            let (found, _) = match parse(line) {
                Ok(found) => found,
                Err(wrong) => {
                    assert_eq!(
                        (line, wrong.to_string().as_str()),
                        ("A=$(touch x)", "line 1 has a blank outside quotes")
                    );
                    continue;
                }
            };
            assert_eq!((found[0].0.as_str(), found[0].1.expose().as_str()), ("A", want), "{line}");
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_a_mistake_is_named_by_its_line() {
        let (found, twice) = parse("# x\nA=1\n\nB=2\nA=3\n").unwrap();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        assert_eq!((found, twice), (vec![("B", "2"), ("A", "3")], vec!["A".to_owned()]));
        for text in ["A=1\ncanary", "A=1\n2canary=3", "\nA='canary", "\nA=can\0ary"] {
            let wrong = parse(text).unwrap_err();
            assert!(wrong.line == 2 && !wrong.to_string().contains("canary"), "{wrong}");
        }
    }
}

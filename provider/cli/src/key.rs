//! A key or password as it comes in: from standard input, a file, a variable or the keyboard, never from the command line,
//! whole or not at all. What is shown of it tells two keys apart and no more (`tests`, L-01, L-02).

use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use mops_core::{Class, Error, Secret};
use mops_host::fsx::{self, reason};

use crate::app::App;
use crate::args::KeyArgs;
use crate::exit::Failure;

/// How a key comes by standard input.
const PIPE: &str = "pipe the key and nothing else, for example `pass ngc | mops auth login --key-stdin`";
/// Nobody has a longer one.
const LIMIT: u64 = 64 * 1024;
/// From so many characters on the last ones are shown.
const SHOWN: usize = 24;
/// How keys and tokens of the services that we know begin.
const BEGINNINGS: [&str; 8] = ["nvapi-", "hf_", "ghp_", "github_pat_", "dckr_pat_", "sk_", "sk-", "eyJ"];

/// The key in a word of the command line: the whole of it, or the value of a flag.
fn key_in(word: &str) -> Option<&str> {
    let value = word.split_once('=').map(|(_, value)| value);
    let begins = |text: &&str| BEGINNINGS.iter().any(|b| text.len() > b.len() + 8 && text.starts_with(b));
    Some(word).into_iter().chain(value).find(begins)
}

/// Whether a word of the command line is a key that was put there by mistake.
fn is_key(word: &str) -> bool {
    key_in(word).is_some()
}

/// Refuses words that are keys: they are in the shell's history already.
pub(crate) fn none_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
    if words.into_iter().any(is_key) {
        let text = "a key on the command line is refused: it is in the history of the shell now";
        return Err(Failure::usage(text, "replace that key, and give the new one at the prompt or by `--key-stdin`"));
    }
    Ok(())
}

/// A text without the words of the command line that are keys: a message may quote them.
pub(crate) fn hidden(text: String, words: impl IntoIterator<Item = OsString>) -> String {
    let words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
    let keys: Vec<String> = words.filter_map(|word| key_in(&word).map(str::to_owned)).collect();
    keys.iter().fold(text, |text, key| text.replace(key.as_str(), "****"))
}

/// What is shown of a key.
pub(crate) fn masked(key: &Secret<String>) -> String {
    let key = key.expose();
    let end: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    match key.chars().count() {
        SHOWN.. if key.starts_with(BEGINNINGS[0]) => format!("{}…{end}", BEGINNINGS[0]),
        SHOWN.. => format!("…{end}"),
        _ => "****".to_owned(),
    }
}

/// What a key is called, and where one may stand already.
pub(crate) struct Asked<'a> {
    /// `NGC API Key`, `password`.
    pub(crate) name: &'a str,
    /// The variable that usually has it, when it is set.
    pub(crate) usual: Option<(&'a str, Secret<String>)>,
}

/// Where flags say that a key is.
#[derive(Clone, Copy)]
pub(crate) struct Flags<'a> {
    /// How the flags begin: `--key`.
    pub(crate) begin: &'a str,
    pub(crate) stdin: bool,
    pub(crate) file: Option<&'a Path>,
    pub(crate) variable: Option<&'a str>,
}

impl KeyArgs {
    fn flags(&self) -> Flags<'_> {
        let (file, variable) = (self.key_file.as_deref(), self.key_env.as_deref());
        Flags { begin: "--key", stdin: self.key_stdin, file, variable }
    }
}

/// The key and where it came from.
pub(crate) fn read(app: &App, args: &KeyArgs, asked: Asked<'_>) -> Result<(Secret<String>, String), Failure> {
    read_by(app, args.flags(), asked)
}

/// The same by other flags.
pub(crate) fn read_by(app: &App, flags: Flags<'_>, asked: Asked<'_>) -> Result<(Secret<String>, String), Failure> {
    let Flags { begin, stdin, file, variable } = flags;
    let (key, source) = match (file, variable) {
        _ if stdin => (piped(begin.trim_start_matches('-'), PIPE)?, "standard input".to_owned()),
        (Some(path), _) => {
            let path = app.env.path(&path.display().to_string());
            let key = fsx::read_private(&path).map_err(|error| {
                let text = format!("the key file `{}` cannot be used: {error}", path.display());
                Error::new(Class::User, text).hint("it has to be a file of yours with mode 600").caused_by(error)
            })?;
            (key, format!("`{}`", path.display()))
        }
        (_, Some(name)) => {
            let unset = || Failure::usage(format!("the variable `{name}` is not set"), "export it, or name another");
            (app.env.secret(name).ok_or_else(unset)?, format!("`{name}`"))
        }
        _ if std::io::stdin().is_terminal() => typed(app, asked)?,
        _ => {
            let (name, key) = asked.usual.ok_or_else(|| {
                Failure::usage(
                    format!("there is no {}, and no terminal to ask for it", asked.name),
                    format!("give it by `{begin}-stdin`, `{begin}-file FILE` or `{begin}-env VARIABLE`"),
                )
            })?;
            (key, format!("`{name}`"))
        }
    };
    well_formed(&key, &source)?;
    Ok((key, source))
}

/// A variable that is set is offered, not taken: after a new key was made it still holds the old one.
fn typed(app: &App, asked: Asked<'_>) -> Result<(Secret<String>, String), Failure> {
    let offer =
        asked.usual.as_ref().map(|(name, _)| format!(" (Enter alone takes that of {name})")).unwrap_or_default();
    let key = app.ask_hidden(&format!("Enter your {}{offer}: ", asked.name))?;
    match asked.usual {
        Some((name, known)) if key.expose().is_empty() => Ok((known, format!("`{name}`"))),
        _ => Ok((key, "the keyboard".to_owned())),
    }
}

/// All of standard input without its last line end.
pub(crate) fn piped(what: &str, hint: &str) -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().take(LIMIT).read_to_string(&mut text).map_err(|error| {
        Failure::usage(format!("the {what} cannot be read from standard input: {}", reason(&error)), hint)
    })?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret::from(line))
}

/// Every byte of a key counts: one that came in wrapped would be refused by its service, and nobody would see why.
fn well_formed(key: &Secret<String>, source: &str) -> Result<(), Failure> {
    let text = key.expose();
    let wrong = match text.as_str() {
        "" => return Err(Failure::usage("API key cannot be empty", "nothing was written")),
        text if text.trim().is_empty() => "is blank",
        text if text.starts_with('\u{feff}') => "begins with a byte order mark",
        text if text.contains(['\n', '\r']) => "has more than one line",
        text if text.chars().any(char::is_control) => "holds a control character",
        text if text.trim() != text => "begins or ends with a blank",
        text if text.len() > 1 && ['"', '\''].iter().any(|q| text.starts_with(*q) && text.ends_with(*q)) => {
            "stands in quotes"
        }
        _ => return Ok(()),
    };
    let text = format!("KEY_MALFORMED: the key from {source} {wrong}");
    Err(Failure::usage(text, "give it as it was made, without anything around it; nothing was written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_beginning() {
        for word in [
            "nvapi-0123456789abc",
            "nvapi-0123456789=abc",
            "--username=nvapi-0123456789abc",
            "hf_0123456789",
            "eyJhbGciOiJSUzI1NiJ9",
        ] {
            assert!(is_key(word) && none_of([word]).is_err(), "{word}");
        }
        for word in ["nvcr.io", "hf_registry", "--key-stdin", "nvapi-", "eyJ.io"] {
            assert!(!is_key(word) && none_of([word]).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_message_quotes_no_key() {
        let words = ["mops", "nvapi-0123456789abc", "--user=hf_0123456789"].map(OsString::from);
        let text = "unexpected 'nvapi-0123456789abc' and 'hf_0123456789' in mops".to_owned();
        assert_eq!(hidden(text, words), "unexpected '****' and '****' in mops");
    }

    #[test]
    fn little_is_shown_of_a_key() {
        let of = |text: &str| masked(&Secret::from(text));
        assert_eq!(of("nvapi-0123456789abcdefwxyz"), "nvapi-…wxyz");
        assert_eq!(of("0123456789abcdef01234567"), "…4567");
        assert_eq!((of("short"), of("")), ("****".to_owned(), "****".to_owned()));
    }

    #[test]
    fn every_byte_counts() {
        let of = |text: &str| match well_formed(&Secret::from(text), "here") {
            Ok(()) => String::new(),
            Err(Failure::Error(exit, error)) => format!("{} {}", exit.code(), error.summary()),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(of("nvapi-a=b:c ü"), "");
        assert_eq!(of(""), "2 API key cannot be empty");
        for (text, wrong) in [
            (" ", "is blank"),
            ("\u{feff}k", "begins with a byte order mark"),
            ("a\nb", "has more than one line"),
            ("a\u{7}b", "holds a control character"),
            ("k ", "begins or ends with a blank"),
            ("'k'", "stands in quotes"),
        ] {
            assert_eq!(of(text), format!("2 KEY_MALFORMED: the key from here {wrong}"));
        }
    }
}

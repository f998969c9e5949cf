//! What the text of a key must not be: empty, wrapped, encoded twice, or a sample.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::observation::code;

/// How today's keys begin; older ones have no beginning of their own.
const BEGINNING: &str = "nvapi-";

/// The code and the words for what is wrong.
pub(super) fn judge(key: &str) -> Result<(), (&'static str, &'static str)> {
    let malformed = |words| Err((code::MALFORMED, words));
    match key {
        key if key.trim().is_empty() => malformed("it is blank"),
        key if key.starts_with('\u{feff}') => malformed("it begins with a byte order mark"),
        key if key.contains(['\n', '\r']) => malformed("it holds a line end"),
        key if key.contains(['"', '\'']) => malformed("it holds quotes"),
        key if !key.bytes().all(|b| b.is_ascii_graphic()) => malformed("it holds a blank or a character of no key"),
        key if is_encoded(key) => malformed("it is base64 of a key"),
        key if is_sample(key) => Err((code::PLACEHOLDER, "it is a sample text")),
        _ => Ok(()),
    }
}

fn is_encoded(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.starts_with(BEGINNING.as_bytes()))
}

fn is_sample(key: &str) -> bool {
    let small = key.to_lowercase();
    let rest = small.strip_prefix(BEGINNING).unwrap_or(&small);
    let crossed = rest.len() > 2 && rest.bytes().all(|b| matches!(b, b'x' | b'*' | b'.' | b'-'));
    crossed
        || rest.starts_with("your-")
        || rest.starts_with("your_")
        || rest.starts_with('<')
        || rest.ends_with("_here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_04_what_is_no_key_is_told_apart() {
        let code = |key: &str| judge(key).err().map(|(code, _)| code);
        for key in ["", " ", "nvapi-a\n", "\"nvapi-a\"", "nvapi-a b", "\u{feff}nvapi-a", "bnZhcGktYWJj"] {
            assert_eq!(code(key), Some(code::MALFORMED), "{key:?}");
        }
        for key in ["nvapi-xxxxxxxx", "your-ngc-key", "<key>", "NGC_KEY_HERE", "nvapi-********"] {
            assert_eq!(code(key), Some(code::PLACEHOLDER), "{key}");
        }
        for key in ["nvapi-canaryxxx9", "b2xkLWtleS1vZi1uZ2M", "abcd1234"] {
            assert_eq!(code(key), None, "an older key is a key: {key}");
        }
    }
}

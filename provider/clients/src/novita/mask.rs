//! Whether a password that the service gave is one, or stands for one (E-10).

use super::auths::RegistryAuth;

/// Words by which services say that they do not show something.
const WORDS: [&str; 3] = ["masked", "hidden", "redacted"];

/// Whether the password of an entry is mask characters only, or not there at all. A value that several entries with
/// different users share is a mask too, whatever it looks like.
#[must_use]
pub fn is_masked(entry: &RegistryAuth, all: &[RegistryAuth]) -> bool {
    let password = entry.password.as_ref().map(|password| password.expose().as_str()).unwrap_or_default();
    let shared = all.iter().any(|other| {
        other.username != entry.username && other.password.as_ref().is_some_and(|p| p.expose() == password)
    });
    shared || looks_masked(password)
}

fn looks_masked(text: &str) -> bool {
    let letter = |c: char| matches!(c, '*' | '•' | 'x' | 'X');
    let word = text.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    text.chars().all(letter) || WORDS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use mops_core::Secret;

    use super::*;

    fn entry(user: &str, password: &str) -> RegistryAuth {
        let password = (!password.is_empty()).then(|| Secret::from(password));
        RegistryAuth { id: String::new(), name: String::new(), username: user.to_owned(), password }
    }

    #[test]
    fn e_10_mask_characters_are_no_password() {
        for text in ["", "*", "********", "••••", "xxxx", "XXXX", "masked", "<hidden>", "[MASKED]", "***xx"] {
            assert!(is_masked(&entry("u", text), &[]), "{text}");
        }
        for text in ["pa**word", "x9", "maskedball", "••a", "secret"] {
            assert!(!is_masked(&entry("u", text), &[]), "{text}");
        }
    }

    #[test]
    fn e_10_one_value_for_several_users_is_a_mask() {
        let all = [entry("a", "same-value"), entry("b", "same-value"), entry("b", "own"), entry("a", "own-a")];
        let masked: Vec<bool> = all.iter().map(|one| is_masked(one, &all)).collect();
        assert_eq!(masked, [true, true, false, false]);
        let twice = [entry("a", "same-value"), entry("a", "same-value")];
        assert!(!is_masked(&twice[0], &twice), "one user may have one password at two registries");
    }
}

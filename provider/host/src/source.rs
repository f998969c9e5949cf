//! Reads the secret that a [`Source`] names. Guarantees that no error quotes the value (`tests`).

use mops_core::source::MIN_SOURCE_LENGTH;
use mops_core::{Class, Error, Secret, Source};

use crate::env::Env;
use crate::fsx;

/// Reads the secret.
///
/// # Errors
/// When it is absent, unreadable, not private or shorter than 16 characters; for `from_registry`,
/// which the provider resolves; for `from_keyring`, which this version does not have.
pub fn resolve(source: &Source, env: &Env) -> Result<Secret<String>, Error> {
    let secret = read(source, env)?;
    let length = secret.expose().chars().count();
    if length < MIN_SOURCE_LENGTH {
        return Err(Error::new(Class::User, format!("the secret from {} is too short", name(source)))
            .note(format!("it has {length} characters; a secret by source needs {MIN_SOURCE_LENGTH}"))
            .hint("use a longer secret: a short one could be guessed from its fingerprint in state"));
    }
    Ok(secret)
}

/// Whether the secret is there, without telling anything about its value.
///
/// # Errors
/// The reason in one sentence.
pub fn present(source: &Source, env: &Env) -> Result<(), String> {
    match source {
        Source::FromRegistry(_) => Ok(()),
        _ => resolve(source, env).map(drop).map_err(|error| error.summary().to_owned()),
    }
}

/// The source in words, for messages.
#[must_use]
pub fn name(source: &Source) -> String {
    match source {
        Source::FromEnv(variable) => format!("environment variable `{variable}`"),
        Source::FromFile(path) => format!("file `{path}`"),
        Source::FromKeyring(entry) => format!("keyring entry `{entry}`"),
        Source::FromRegistry(credential) => format!("registry `{}`", credential.registry_id),
    }
}

fn read(source: &Source, env: &Env) -> Result<Secret<String>, Error> {
    match source {
        Source::FromEnv(variable) => env.secret(variable).ok_or_else(|| {
            Error::new(Class::User, format!("environment variable `{variable}` is not set"))
                .hint(format!("export {variable} before the run"))
        }),
        Source::FromFile(path) => fsx::read_private(&env.path(path)).map_err(|error| {
            Error::new(Class::User, format!("the secret from {} cannot be read: {error}", name(source)))
                .hint(format!("chmod 600 {path}"))
        }),
        Source::FromKeyring(entry) => {
            Err(Error::new(Class::User, format!("keyring entry `{entry}`: this version has no keyring"))
                .hint("use `from_env` or `from_file`"))
        }
        Source::FromRegistry(_) => {
            Err(Error::new(Class::Bug, format!("the credential of {} was not resolved in the provider", name(source))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_variable_and_refuses_a_short_one() {
        let env = Env::of([("GOOD", "0123456789abcdef"), ("SHORT", "canary")]);
        let good = resolve(&Source::FromEnv("GOOD".into()), &env).unwrap();
        assert_eq!(good.expose(), "0123456789abcdef");
        let error = resolve(&Source::FromEnv("SHORT".into()), &env).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
        assert!(present(&Source::FromEnv("ABSENT".into()), &env).unwrap_err().contains("ABSENT"));
    }

    #[test]
    fn no_keyring_says_what_to_use() {
        let error = resolve(&Source::FromKeyring("x".into()), &Env::default()).unwrap_err();
        assert_eq!(error.hint_text(), Some("use `from_env` or `from_file`"));
    }
}

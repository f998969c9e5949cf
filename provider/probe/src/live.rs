//! The environment of a process that runs already, in place of the probe's own: what the worker has, and not what its
//! sources give now (`tests`).

use std::path::Path;

use mops_core::Secret;
use mops_host::{Env, fsx};

use crate::settings::names;

/// What a place is asked for stays its own.
const OURS: &str = "MOPS_PROBE_";
/// The files of a process, beside its environment.
const ROOT: &str = "root";
/// Names files, which are those of the container and not of the process that is looked at.
const FILES: [&str; 1] = [names::CERT_FILE];

/// The environment that counts: the one in the file that [`names::LIVE`] names, with what the probe was asked; without
/// that the probe's own.
///
/// # Errors
/// When the file may not be read, which a process of another user may not.
pub fn environment(own: &Env) -> Result<Env, std::io::Error> {
    let Some(file) = own.get(names::LIVE) else { return Ok(own.clone()) };
    let text = Secret::new(fsx::read(Path::new(file))?);
    let theirs =
        text.expose().split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok()?.split_once('='));
    let kept = |name: &str| name.starts_with(OURS) || FILES.contains(&name);
    let ours = own.iter().filter(|(name, _)| kept(name));
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in theirs.filter(|(name, _)| !kept(name)) {
        // A token of a service account is a file of the process.
        let value = if name == names::TOKEN_FILE { beside(file, value) } else { value.to_owned() };
        all.push((name.to_owned(), value));
    }
    all.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Env::of(all))
}

/// A file of the process, by the folder in which the system shows it.
fn beside(environ: &str, path: &str) -> String {
    environ.strip_suffix("/environ").map_or_else(|| path.to_owned(), |process| [process, ROOT].join("/") + path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, more: &[(&str, &str)]) -> Env {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("environ");
        fsx::replace(&file, text.as_bytes()).expect("written");
        let file = file.display().to_string();
        let own = [(names::LIVE, file.as_str()), ("REGISTRY_PASSWORD", "own")].into_iter().chain(more.iter().copied());
        environment(&Env::of(own)).expect("readable")
    }

    #[test]
    fn what_the_process_has_counts_and_what_is_asked_stays() {
        let text = "REGISTRY_PASSWORD=its=own\0MOPS_PROBE_RUN=forged\0SSL_CERT_FILE=/its\0HTTPS_PROXY=http://p\0odd\0";
        let env = of(text, &[(names::RUN, "7f3a"), (names::USERNAME, "own")]);
        let rows = [
            (names::PASSWORD, Some("its=own")),
            (names::RUN, Some("7f3a")),
            (names::CERT_FILE, None),
            ("HTTPS_PROXY", Some("http://p")),
            (names::USERNAME, None),
        ];
        for (name, want) in rows {
            assert_eq!(env.get(name), want, "{name}");
        }
    }

    #[test]
    fn a_token_is_looked_for_where_the_process_has_it() {
        let env = of("AZURE_FEDERATED_TOKEN_FILE=/var/run/token\0", &[]);
        assert!(env.get(names::TOKEN_FILE).is_some_and(|path| path.ends_with(&(ROOT.to_owned() + "/var/run/token"))));
    }

    #[test]
    fn without_a_process_the_own_environment_counts_and_one_that_is_closed_is_an_error() {
        let own = Env::of([("A", "1")]);
        assert_eq!(environment(&own).expect("its own").get("A"), Some("1"));
        assert!(environment(&Env::of([(names::LIVE, "/nowhere/environ")])).is_err());
    }
}

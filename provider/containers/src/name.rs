//! What the container of a project is called: `mops-PROJECT-HASH8`, the same for every run in one folder (`tests`).

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// As long as a host name may be.
const LONGEST: usize = 63;

/// The name for a folder, which is given whole.
#[must_use]
pub fn of(folder: &Path) -> String {
    let hash = hex(&Sha256::digest(folder.as_os_str().as_bytes()));
    let hash = &hash[..8];
    let project = folder.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain: String = project.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let plain = &plain[..plain.len().min(LONGEST - "mops--".len() - hash.len())];
    match plain.trim_end_matches('-') {
        "" => format!("mops-{hash}"),
        plain => format!("mops-{plain}-{hash}"),
    }
}

/// Whether engines take a name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (2..=LONGEST).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(good)
}

/// Bytes as engines and labels write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_project_and_is_one_for_every_engine() {
        for (folder, start) in [
            ("/home/a/My Model_2", "mops-my-model-2-"),
            ("/", "mops-"),
            ("/x/日本", "mops-"),
            (&format!("/{}", "long-".repeat(30)), "mops-long-long-"),
        ] {
            let name = of(Path::new(folder));
            assert!(name.starts_with(start) && is_name(&name) && !name.contains("--"), "{folder}: {name}");
        }
        assert_ne!(of(Path::new("/a/model")), of(Path::new("/b/model")));
        assert_eq!(of(Path::new("/a/model")), of(Path::new("/a/model")));
        assert!(!is_name("-x") && !is_name("a") && !is_name("a/b"));
    }
}

//! What says that a container has its requirements: its id and the hash of the file. Another container, or another text,
//! is another marker, so that requirements are installed again where they are not there (`tests`).

use sha2::{Digest as _, Sha256};

use crate::name::hex;

/// The text of the marker file.
#[must_use]
pub fn of(container: &str, requirements: &[u8]) -> String {
    format!("{container} {}\n", hex(&Sha256::digest(requirements)))
}

/// What installs a file of requirements.
#[must_use]
pub fn command(file: &str) -> Vec<String> {
    ["pip", "install", "--no-cache-dir", "-r", file].map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_container_and_a_new_text_are_new() {
        let known = of("c1", b"numpy\n");
        assert_eq!(known, of("c1", b"numpy\n"));
        assert_ne!(known, of("c2", b"numpy\n"));
        assert_ne!(known, of("c1", b"numpy==2\n"));
    }
}

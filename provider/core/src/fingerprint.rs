//! What state keeps of a secret that comes from a source: enough to see a rotation, not enough
//! to leak. `v1:SALT:HMAC` with a random salt a value, both base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// HMAC-SHA256 of a secret under a salt of its own.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Computes the fingerprint with a salt of 16 random bytes, drawn by the caller.
    #[must_use]
    pub fn new(salt: &[u8; 16], secret: &Secret<String>) -> Self {
        Self(format!("v1:{}:{}", STANDARD.encode(salt), STANDARD.encode(digest(salt, secret))))
    }

    /// Whether `secret` is the value that was fingerprinted; false for a text that is no fingerprint.
    #[must_use]
    pub fn matches(&self, secret: &Secret<String>) -> bool {
        let mut parts = self.0.split(':');
        let (Some("v1"), Some(salt), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let (Ok(salt), Ok(mac)) = (STANDARD.decode(salt), STANDARD.decode(mac)) else { return false };
        new_mac(&salt, secret).verify_slice(&mac).is_ok()
    }
}

fn new_mac(salt: &[u8], secret: &Secret<String>) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).unwrap_or_else(|_| unreachable!("HMAC takes any key length"));
    mac.update(secret.expose().as_bytes());
    mac
}

/// HMAC-SHA256 of a secret.
pub(crate) fn digest(salt: &[u8], secret: &Secret<String>) -> Vec<u8> {
    new_mac(salt, secret).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_rotation_and_nothing_else() {
        let print = Fingerprint::new(&[7; 16], &Secret::from("correct horse battery"));
        assert!(print.matches(&Secret::from("correct horse battery")));
        assert!(!print.matches(&Secret::from("correct horse batterz")));
        assert!(!format!("{print:?}").contains("horse"));
        assert_ne!(print, Fingerprint::new(&[8; 16], &Secret::from("correct horse battery")));
        assert!(!Fingerprint("v1:x".into()).matches(&Secret::from("x")));
    }
}

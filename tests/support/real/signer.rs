//! Access tokens as docker-registry believes them: RS256, the key named by `kid`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// Who signs.
pub(super) const ISSUER: &str = "mops-test-tokens";

/// A key and its certificate, made for one test.
pub(super) struct Signer {
    key: KeyPair,
    certificate_pem: String,
}

impl Signer {
    /// A new key.
    ///
    /// # Panics
    /// When the system has no random numbers.
    pub(super) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, ISSUER);
        let certificate_pem = params.self_signed(&key).expect("self signed").pem();
        Self { key, certificate_pem }
    }

    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The same grant as an access token of ACR, in docker's form and on the machine's time, which
    /// docker-registry goes by.
    pub(super) fn reissue(&self, acr: &Value) -> String {
        let life = acr["exp"].as_i64().unwrap_or(0) - acr["iat"].as_i64().unwrap_or(0);
        let access = acr["access"].as_array().into_iter().flatten();
        let access: Vec<Value> =
            access.map(|a| json!({"type": a["Type"], "name": a["Name"], "actions": a["Actions"]})).collect();
        let text = |name: &str| acr[name].as_str().unwrap_or_default().to_owned();
        self.grant(&text("sub"), &text("aud"), life, &access)
    }

    /// An access token for somebody at a service, on the machine's time.
    pub(super) fn grant(&self, subject: &str, service: &str, seconds: i64, access: &[Value]) -> String {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        self.sign(&json!({
            "iss": ISSUER, "sub": subject, "aud": service, "exp": now + seconds, "nbf": now, "iat": now,
            "jti": crate::world::unique(), "access": access,
        }))
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(body.as_bytes()).unwrap_or_default();
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn kid(&self) -> String {
        let digest = Sha256::digest(self.key.subject_public_key_info());
        let text = base32(&digest[..30]);
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
        groups.join(":")
    }
}

/// RFC 4648 without padding, for lengths that need none.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes
        .chunks_exact(5)
        .flat_map(|five| {
            let whole = five.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| char::from(LETTERS[(whole >> (5 * place)) as usize & 31]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_the_standard() {
        assert_eq!(base32(b"foobarfoob"), "MZXW6YTBOJTG633C");
    }

    #[test]
    fn a_key_is_named_by_twelve_groups_of_four() {
        let kid = Signer::new().kid();
        let groups: Vec<&str> = kid.split(':').collect();
        assert!(groups.len() == 12 && groups.iter().all(|g| g.len() == 4), "{kid}");
    }
}

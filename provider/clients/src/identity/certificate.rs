//! Signing in with a certificate: a short-lived PS256 assertion, signed here, so that the key never leaves the
//! process and no OpenSSL comes in (`tests::the_assertion_verifies`).

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mops_core::Secret;
use mops_host::{SharedClock, fsx};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use crate::error::ClientError;

/// How long an assertion is good for; it is used at once.
const LIFE_SECONDS: i64 = 600;

/// A certificate with its key.
pub(super) struct Signer {
    key: RsaKeyPair,
    thumbprint: String,
    audience: String,
    client: String,
    clock: SharedClock,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a private PEM file with certificate and key.
    pub(super) fn read(file: &Path, audience: String, client: String, clock: SharedClock) -> Result<Self, ClientError> {
        let bad = |why: &str| ClientError::Configuration {
            summary: format!("the certificate file `{}` cannot be used: {why}", file.display()),
            hint: "give a PEM file of mode 0600 with the certificate and its RSA key".to_owned(),
        };
        let pem = fsx::read_private(file).map_err(|error| bad(&error.to_string()))?;
        Self::of_pem(&pem, audience, client, clock).map_err(bad)
    }

    /// The reasons never quote the file.
    fn of_pem(
        pem: &Secret<String>,
        audience: String,
        client: String,
        clock: SharedClock,
    ) -> Result<Self, &'static str> {
        let bytes = pem.expose().as_bytes();
        let certificate = CertificateDer::from_pem_slice(bytes).map_err(|_| "there is no certificate in it")?;
        let key = match PrivateKeyDer::from_pem_slice(bytes).map_err(|_| "there is no key in it")? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("its key is not an RSA key"),
        };
        let key = key.map_err(|_| "its key is not an RSA key")?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
        Ok(Self { key, thumbprint, audience, client, clock })
    }

    fn sign(&self) -> Option<String> {
        let now = self.clock.now().unix_timestamp();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": self.audience, "iss": self.client, "sub": self.client, "jti": uuid::Uuid::new_v4().to_string(),
            "iat": now, "nbf": now, "exp": now + LIFE_SECONDS,
        });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[async_trait]
impl ClientAssertion for Signer {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let failed = || azure_core::Error::with_message(ErrorKind::Credential, "the certificate's key could not sign");
        self.sign().ok_or_else(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use base64::engine::general_purpose::STANDARD;
    use mops_host::clock::ManualClock;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn the_assertion_verifies() {
        let made = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key: Pkcs8V1Der<'_> = made.as_der().unwrap();
        let text = format!("{}{}", pem("CERTIFICATE", b"certificate"), pem("PRIVATE KEY", key.as_ref()));
        let clock = ManualClock::stepped(time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(1));
        let signer =
            Signer::of_pem(&Secret::new(text), "https://login/t".into(), "app".into(), clock.shared()).unwrap();
        let assertion = signer.sign().unwrap();
        let (text, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, made.public_key().as_ref());
        public.verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((claims["sub"].as_str(), claims["exp"].as_i64()), (Some("app"), Some(86_400 + 600)));
    }

    #[test]
    fn a_file_without_key_is_refused_without_quoting_it() {
        let clock = ManualClock::stepped(time::OffsetDateTime::UNIX_EPOCH);
        let text = Secret::new(pem("CERTIFICATE", b"canary"));
        let error = Signer::of_pem(&text, String::new(), String::new(), clock.shared()).unwrap_err();
        assert_eq!(error, "there is no key in it");
    }
}

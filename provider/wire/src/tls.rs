//! TLS: rustls with aws-lc-rs, TLS 1.2 and 1.3, roots of the system or of the binary plus named ones.
//!
//! Guarantees that verification cannot be turned off: there is no parameter for it (R15).

use std::sync::{Arc, OnceLock};

use mops_core::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::PemBytes;
use crate::error::WireError;

/// Which roots are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    System,
    Bundled,
    None,
}

/// Everything that shapes a TLS configuration.
pub(crate) struct TlsSettings<'a> {
    pub(crate) base: Base,
    pub(crate) roots: &'a [PemBytes],
    pub(crate) identity: Option<&'a (PemBytes, Secret<PemBytes>)>,
    pub(crate) http1_only: bool,
}

impl TlsSettings<'_> {
    pub(crate) fn build(&self) -> Result<ClientConfig, WireError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| WireError::Build { reason: e.to_string() })?;
        let trusting = versions.with_root_certificates(self.trusted()?);
        let mut config = match self.identity {
            None => trusting.with_no_client_auth(),
            Some((certificates, key)) => {
                let bad =
                    |e: &dyn std::fmt::Display| configuration(format!("the client certificate is of no use: {e}"));
                let chain = certificates_of(certificates).map_err(|e| bad(&e))?;
                // The parser's own words may quote the key.
                let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| bad(&"its key is not PEM"))?;
                trusting.with_client_auth_cert(chain, key).map_err(|e| bad(&e))?
            }
        };
        let protocols: &[&str] = if self.http1_only { &["http/1.1"] } else { &["h2", "http/1.1"] };
        config.alpn_protocols = protocols.iter().map(|name| (*name).into()).collect();
        Ok(config)
    }

    fn trusted(&self) -> Result<RootCertStore, WireError> {
        let mut store = match self.base {
            Base::System => system()?.clone(),
            Base::Bundled => bundled()?,
            Base::None => RootCertStore::empty(),
        };
        for pem in self.roots {
            let certificates = certificates_of(pem).map_err(|e| configuration(format!("a root to trust: {e}")))?;
            for certificate in certificates {
                store.add(certificate).map_err(|e| configuration(format!("a root to trust is of no use: {e}")))?;
            }
        }
        match store.is_empty() {
            true => Err(configuration("there is no root certificate to trust".into())),
            false => Ok(store),
        }
    }
}

/// The system's roots, loaded once a process and only when somebody needs them.
fn system() -> Result<&'static RootCertStore, WireError> {
    static SYSTEM: OnceLock<Result<RootCertStore, String>> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        match (store.is_empty(), found.errors.first()) {
            (false, _) => Ok(store),
            (true, Some(error)) => Err(format!("the system's root certificates cannot be read: {error}")),
            // A machine without any may still reach what `ca_file` vouches for.
            (true, None) => Ok(store),
        }
    };
    SYSTEM.get_or_init(load).as_ref().map_err(|what| configuration(what.clone()))
}

#[cfg(feature = "bundled-roots")]
#[expect(clippy::unnecessary_wraps, reason = "the other form can fail")]
fn bundled() -> Result<RootCertStore, WireError> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // What the image has of its own counts as well (`SSL_CERT_FILE`); most images have nothing.
    if let Ok(system) = system() {
        store.roots.extend(system.roots.iter().cloned());
    }
    Ok(store)
}

#[cfg(not(feature = "bundled-roots"))]
fn bundled() -> Result<RootCertStore, WireError> {
    Err(WireError::Build { reason: "this program was built without roots of its own".into() })
}

/// All certificates of a PEM text; none is an error.
fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("the PEM text holds no certificate".into()),
        Err(error) => Err(format!("the PEM text cannot be read: {error}")),
    }
}

const fn configuration(what: String) -> WireError {
    WireError::Configuration { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(roots: &[PemBytes]) -> Result<ClientConfig, WireError> {
        TlsSettings { base: Base::None, roots, identity: None, http1_only: false }.build()
    }

    #[test]
    fn no_roots_and_bad_roots_are_refused() {
        let bad: [&[PemBytes]; 3] = [&[], &[b"hello".to_vec()], &[b"-----BEGIN CERTIFICATE-----\n!!\n".to_vec()]];
        for roots in bad {
            assert!(matches!(build(roots), Err(WireError::Configuration { .. })));
        }
    }
}

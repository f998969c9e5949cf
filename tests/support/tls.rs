//! The test authority, its good and bad leaves, and a TLS server on loopback that can break a
//! connection without an answer. Proven by `fast::tls_support`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::http::Handler;

/// An authority made for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Which leaf a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Right in every way.
    Good,
    /// Signed well, but for another name.
    OtherName,
    /// Ran out yesterday.
    Expired,
    /// Begins tomorrow.
    NotYetValid,
}

/// A leaf with its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The key in PEM; made for this test and worth nothing.
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority with a new key.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        // A name of its own: two authorities of one name are told apart by a bad signature only.
        let name = format!("mops test authority {}", crate::world::random_text(8));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("self signed").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The certificate that clients trust, in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server leaf for these names.
    ///
    /// # Panics
    /// When a name is not a DNS name or an address.
    #[must_use]
    pub fn leaf(&self, kind: Leaf, names: &[&str]) -> Identity {
        let names = if kind == Leaf::OtherName { vec!["other.invalid".to_owned()] } else { owned(names) };
        let mut params = CertificateParams::new(names).expect("names");
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = match kind {
            Leaf::Expired => (now - Duration::days(9), now - Duration::days(1)),
            Leaf::NotYetValid => (now + Duration::days(1), now + Duration::days(9)),
            Leaf::Good | Leaf::OtherName => (now - Duration::days(1), now + Duration::days(30)),
        };
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A client leaf for somebody of an organisation, which may be empty.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn client(&self, organisation: &str, name: &str) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name = DistinguishedName::new();
        if !organisation.is_empty() {
            params.distinguished_name.push(DnType::OrganizationName, organisation);
        }
        params.distinguished_name.push(DnType::CommonName, name);
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - Duration::days(1), now + Duration::days(30));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// What a client of a real component needs that believes this authority only.
    ///
    /// # Panics
    /// When the certificate is not one, which would be a fault of this module.
    #[must_use]
    pub fn client_config(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(config.expect("versions").with_root_certificates(roots).with_no_client_auth())
    }

    fn sign(&self, mut params: CertificateParams) -> Identity {
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&n| n.to_owned()).collect()
}

impl Identity {
    /// The one in these texts.
    ///
    /// # Panics
    /// When they hold no certificate and no key of PKCS#8.
    #[must_use]
    pub fn of_pem(certificate_pem: String, key_pem: String) -> Self {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).expect("a key");
        Self { certificate_pem, key_pem, certificate, key }
    }

    /// A server configuration that shows this leaf and speaks HTTP/2 and HTTP/1.1.
    ///
    /// # Panics
    /// When certificate and key do not fit, which would be a fault of this module.
    #[must_use]
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .expect("certificate and key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// A running listener; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds a loopback port chosen by the kernel.
///
/// # Errors
/// When the machine has none left.
pub fn bind() -> std::io::Result<std::net::TcpListener> {
    bind_at((std::net::Ipv4Addr::LOCALHOST, 0).into())
}

/// Binds an address.
///
/// # Errors
/// When it is taken or not this machine's.
pub fn bind_at(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves a handler over TLS in the current runtime.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_tls(
    handler: Handler,
    listener: std::net::TcpListener,
    config: Arc<rustls::ServerConfig>,
) -> std::io::Result<Server> {
    serve(handler, listener, Some(TlsAcceptor::from(config)))
}

/// Serves a handler in clear: for the sandbox's own control port, and for the metadata service, which is clear on Azure.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_clear(handler: Handler, listener: std::net::TcpListener) -> std::io::Result<Server> {
    serve(handler, listener, None)
}

fn serve(handler: Handler, listener: std::net::TcpListener, tls: Option<TlsAcceptor>) -> std::io::Result<Server> {
    let address = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, tls.clone(), Arc::clone(&handler)));
        }
    });
    Ok(Server { address, task })
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Handler) {
    // A client that goes away in the middle is a client's business, not a fault of the server.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| handler(request.map(Body::new)));
    let server = auto::Builder::new(TokioExecutor::new());
    match tls {
        None => {
            let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        }
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            }
        }
    }
}

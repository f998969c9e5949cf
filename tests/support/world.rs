//! What all fakes of one sandbox share: time, names, who may sign in, the ledger.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use mops_core::cloud::Cloud;
use mops_host::clock::SharedClock;
use serde_json::{Value, json};
use sha2::Sha256;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::ledger::Ledger;

/// Where the listeners of one sandbox are.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Azure Resource Manager.
    pub arm: SocketAddr,
    /// The sign-in host.
    pub authority: SocketAddr,
    /// All registries, told apart by name.
    pub registry: SocketAddr,
    /// All storage accounts, told apart by name.
    pub blob: SocketAddr,
    /// All clusters, told apart by credential.
    pub kubernetes: SocketAddr,
    /// How they are called.
    pub reach: Reach,
}

/// How the fakes of a sandbox are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// At ports of 127.0.0.1 that the kernel chose; a cloud file points `mops` there.
    #[default]
    Loopback,
    /// By Azure's own names on port 443, each fake at the address of [`crate::private::address`]: nothing points `mops`
    /// there but the names of the machine, so only a private world has them.
    RealNames,
}

/// The application that may sign in.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its directory.
    pub tenant: String,
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// A client certificate that a real cluster takes.
#[derive(Clone)]
pub struct ClusterLogin {
    /// The certificate in PEM.
    pub certificate: String,
    /// Its key in PEM.
    pub key: String,
}

/// What all fakes of one sandbox share.
pub struct World {
    /// Tells the time; a test passes a clock of its own.
    pub clock: SharedClock,
    /// How many times faster than Azure; 1 is Azure's pace.
    pub speed: u32,
    /// Where everything is.
    pub ends: Ends,
    /// Who may sign in.
    pub application: Application,
    /// Whether the secret of that application has ended.
    pub secret_ended: AtomicBool,
    /// The subscriptions that exist.
    pub subscriptions: Vec<String>,
    /// The authority's certificate in PEM.
    pub ca_pem: String,
    /// What exists.
    pub ledger: Ledger,
    /// Who is let into a real cluster that stands for all managed ones; the fakes let in by token.
    pub cluster: Option<ClusterLogin>,
    signing_key: [u8; 16],
}

impl World {
    /// A world with nothing in it.
    #[must_use]
    pub fn new(clock: SharedClock, speed: u32, ends: Ends, subscriptions: Vec<String>, ca_pem: String) -> Self {
        let application = Application { tenant: unique(), client_id: unique(), client_secret: random_text(40) };
        let signing_key = *uuid::Uuid::new_v4().as_bytes();
        let speed = speed.max(1);
        Self {
            clock,
            speed,
            ends,
            application,
            secret_ended: AtomicBool::new(false),
            subscriptions,
            ca_pem,
            ledger: Ledger::new(),
            cluster: None,
            signing_key,
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// When something that takes Azure so long is done here.
    #[must_use]
    pub fn after(&self, seconds: u32) -> OffsetDateTime {
        self.now() + Duration::seconds(seconds.into()) / self.speed
    }

    /// A `Retry-After` of Azure as this sandbox says it: at least a second.
    #[must_use]
    pub fn retry_after(&self, seconds: u32) -> String {
        (seconds / self.speed).max(1).to_string()
    }

    /// The time in Azure's form.
    #[must_use]
    pub fn stamp(&self) -> String {
        stamp(self.now())
    }

    /// The origin of ARM, which is also the audience of its tokens.
    #[must_use]
    pub fn arm_origin(&self) -> String {
        self.origin(&Cloud::public().arm, self.ends.arm)
    }

    /// The origin of the sign-in host.
    #[must_use]
    pub fn authority_origin(&self) -> String {
        self.origin(&Cloud::public().authority, self.ends.authority)
    }

    /// The origin of the API server of a cluster with this host name.
    #[must_use]
    pub fn cluster_origin(&self, fqdn: &str) -> String {
        self.origin(&format!("https://{fqdn}:443"), self.ends.kubernetes)
    }

    fn origin(&self, real: &str, address: SocketAddr) -> String {
        match self.ends.reach {
            Reach::Loopback => format!("https://{address}"),
            Reach::RealNames => real.to_owned(),
        }
    }

    /// A token in the form of a JWT, signed for this sandbox only.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
        let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(body.as_bytes()));
        format!("{body}.{signature}")
    }

    /// The claims of a token of this sandbox that has not run out.
    ///
    /// # Errors
    /// When it was not signed here or has run out.
    pub fn verify(&self, token: &str) -> Result<Value, TokenFault> {
        let (body, signature) = token.rsplit_once('.').ok_or(TokenFault::Foreign)?;
        let given = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::Foreign)?;
        if given != self.mac(body.as_bytes()) {
            return Err(TokenFault::Foreign);
        }
        let claims = body.split_once('.').and_then(|(_, c)| URL_SAFE_NO_PAD.decode(c).ok());
        let claims: Value = claims.and_then(|c| serde_json::from_slice(&c).ok()).ok_or(TokenFault::Foreign)?;
        let expired = claims["exp"].as_i64().is_none_or(|exp| exp <= self.now().unix_timestamp());
        if expired { Err(TokenFault::Expired) } else { Ok(claims) }
    }

    fn mac(&self, bytes: &[u8]) -> Vec<u8> {
        hmac_sha256(&self.signing_key, bytes)
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Not a token of this sandbox.
    Foreign,
    /// Ran out.
    Expired,
}

/// HMAC-SHA256 with any key.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// A time in Azure's form: `2026-01-02T03:04:05.678Z`.
#[must_use]
pub fn stamp(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// A new identifier.
#[must_use]
pub fn unique() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Random letters and digits, made for this run and worth nothing outside.
#[must_use]
pub fn random_text(length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        let piece = STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        text.extend(piece.chars().filter(char::is_ascii_alphanumeric));
    }
    text.truncate(length);
    text
}

//! Pushes the images of the examples, with the product's own registry client and a registry's
//! admin credential.

use std::path::Path;

use mops_core::Secret;
use mops_host::fsx;
use mops_wire::registry::{Auth, Client, Reference, ReferenceError, RegistryError};
use mops_wire::{ConnectMap, Http, HttpConfig, WireError};

use crate::image::{Image, MANIFEST};

/// Where to push, and as whom.
pub struct Login {
    /// `NAME.azurecr.io`.
    pub host: String,
    /// The admin user.
    pub username: String,
    /// Its password.
    pub password: Secret<String>,
}

/// Why a push failed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry refused or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The image has no name that a registry takes.
    #[error(transparent)]
    Name(#[from] ReferenceError),
}

/// A pipeline that trusts the sandbox and reaches its names on loopback.
///
/// # Errors
/// When the certificate cannot be read.
pub fn pipeline(ca_pem: &[u8], connect: Vec<(String, std::net::SocketAddr)>) -> Result<Http, WireError> {
    let mut config = HttpConfig::new();
    config.roots = vec![ca_pem.to_vec()];
    config.connect = ConnectMap::new(connect)?;
    config.this_machine_only = true;
    Http::new(config)
}

/// A pipeline that goes by the machine's own names and roots: for a private world, which has no way out.
///
/// # Errors
/// When the machine has no roots.
pub fn pipeline_by_name() -> Result<Http, WireError> {
    Http::new(HttpConfig::new())
}

/// A pipeline to the cloud of a folder that `mops-sandbox serve` has written.
///
/// # Errors
/// When the folder cannot be read; when the machine has no roots.
pub fn pipeline_to(dir: &Path) -> std::io::Result<Http> {
    let made = match fsx::read_text(&dir.join("cloud.yaml")) {
        Ok(cloud) => pipeline(&fsx::read(&dir.join("ca.crt"))?, connect(&cloud)),
        // Under real names nothing needs to be pointed anywhere.
        Err(_) => pipeline_by_name(),
    };
    made.map_err(std::io::Error::other)
}

/// The `connect:` lines of a file that `serve` has written.
fn connect(cloud: &str) -> Vec<(String, std::net::SocketAddr)> {
    let pair = |line: &str| {
        let (name, address) = line.trim().split_once(": ")?;
        Some((name.trim_matches('"').to_owned(), address.trim_matches('"').parse().ok()?))
    };
    cloud.lines().filter(|l| l.starts_with("  \"")).filter_map(pair).collect()
}

/// Pushes one image.
///
/// # Errors
/// When the registry refuses or does not answer.
pub async fn push(http: &Http, login: &Login, image: &Image) -> Result<(), PushError> {
    let auth = Auth::Basic { username: login.username.clone(), password: login.password.clone() };
    let client = Client::new(http.clone(), &login.host, auth)?;
    let target: Reference = format!("{}/{}", login.host, image.name).parse()?;
    for (_, bytes) in &image.blobs {
        client.push_blob(&target, bytes.clone()).await?;
    }
    client.push_manifest(&target, MANIFEST, image.manifest.clone()).await?;
    Ok(())
}

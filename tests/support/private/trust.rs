//! Trust of the world: the machine's roots and the test authority, in the machine's own bundle. A process that is to
//! distrust the authority sets `SSL_CERT_FILE`.

use std::io;
use std::path::Path;

use mops_host::fsx;

use super::scratch;
use crate::tls::Authority;

/// The bundle of Debian and its kin.
pub const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Adds the authority to the roots of everything in this world.
///
/// # Errors
/// When the machine has no bundle there.
pub async fn add(authority: &Authority, folder: &Path) -> io::Result<()> {
    let mut bundle = fsx::read(Path::new(BUNDLE))?;
    bundle.extend_from_slice(b"\n");
    bundle.extend_from_slice(authority.pem().as_bytes());
    scratch::replace(Path::new(BUNDLE), folder, &bundle).await
}

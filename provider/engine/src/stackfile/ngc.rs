//! `ngc:` — credentials for NVIDIA's registry.

use super::reader::{Check, Spanned, section};
use super::rule::{ImageName, ObjectName};
use super::source::SecretSource;

section! {
    /// Credentials for NVIDIA's registry.
    Strict Ngc {
        /// Where the key is.
        "api_key" api_key: Spanned<SecretSource>,
        /// Namespaces that get it; without one the workspace's.
        "namespaces" namespaces: Vec<Spanned<ObjectName>>,
        /// Images at `nvcr.io` that must be given for it.
        "images" images: Vec<Spanned<ImageName>>,
        /// Deployments that start again, once, when the key changes.
        "restart" restart: Vec<Spanned<ObjectName>>,
    }
}
impl Check for Ngc {}

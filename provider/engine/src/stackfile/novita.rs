//! `novita:` — registry credentials and instances at Novita.

use super::reader::{Check, Spanned, section};
use super::rule::{ImageName, ObjectName};
use super::scalar::Whole;
use super::source::SecretSource;

section! {
    /// A registry credential at Novita.
    Strict NovitaAuth {
        /// Its name there.
        "name" name: Spanned<ObjectName>,
        /// `self`: a pull-only token of this stack's registry.
        "registry" registry: Spanned<String>,
    }
}
impl Check for NovitaAuth {}

section! {
    /// An instance at Novita.
    Strict NovitaInstance {
        /// Its name there.
        "name" name: Spanned<ObjectName>,
        /// Image that it runs.
        "image" image: Spanned<ImageName>,
        /// Product of Novita's list.
        "product" product: Option<Spanned<String>>,
        /// Number of GPUs.
        "gpus" gpus: Option<Spanned<Whole<1, 64>>>,
        /// The registry credential that it pulls with.
        "registry_auth" registry_auth: Option<Spanned<ObjectName>>,
    }
}
impl Check for NovitaInstance {}

section! {
    /// Novita's GPU cloud.
    Strict Novita {
        /// Where the key is; else NOVITA_API_KEY.
        "api_key" api_key: Option<Spanned<SecretSource>>,
        /// Registry credentials.
        "registry_auths" registry_auths: Vec<Spanned<NovitaAuth>>,
        /// Instances.
        "instances" instances: Vec<Spanned<NovitaInstance>>,
    }
}
impl Check for Novita {}

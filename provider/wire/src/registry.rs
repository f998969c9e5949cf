//! The protocol of image registries (OCI distribution, docker's tokens, ACR's exchange).
//!
//! Guarantees three things: a password, a refresh or an access token reaches the registry itself or a
//! realm that was paired with it, nobody else (`tests/realm.rs`, R14); what is pulled has the digest
//! that was asked for; no error quotes a body of a credential call.

mod access;
mod acr;
mod anatomy;
mod challenge;
mod client;
mod content;
mod error;
mod greeting;
mod layer;
pub mod login;
mod push;
mod realm;
mod reference;
mod token;

pub use access::Access;
pub use acr::{DIRECTORY_SCOPE, is_azure};
pub use anatomy::Anatomy;
pub use challenge::{Challenge, ChallengeError};
pub use client::{Auth, Client, Login};
pub use content::{Descriptor, Manifest};
pub use error::{LICENCE, Refusal, RegistryError, is_page};
pub use greeting::Greeting;
pub use layer::Layer;
pub use realm::{Pair, RealmPolicy, RealmRefused};
pub use reference::{Digest, Reference, ReferenceError};

/// The user name that goes with an ACR refresh token in a Basic login.
pub const ACR_TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

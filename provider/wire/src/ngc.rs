//! NGC beside its registry: the files of a model, the list of images, and the organisations of a key.
//!
//! Guarantees that a key goes to the API's own host only and never after a redirect, and that no error quotes an answer
//! (`tests/diagnose/ngc.rs`).

mod api;
mod model;

pub use api::{Api, Files, NgcError, Organisation};
pub use model::{Model, ModelError};

/// The host of its images.
pub const REGISTRY: &str = "nvcr.io";
/// The host of everything else.
pub const API: &str = "api.ngc.nvidia.com";
/// The one user name that its registry knows; the key is the password.
pub const USER: &str = "$oauthtoken";
/// The page on which a person makes a key.
pub const KEYS_PAGE: &str = "https://org.ngc.nvidia.com/setup/api-keys";
/// The secret that nodes pull its images with, by the name that its guides give it.
pub const PULL_SECRET: &str = "ngc-secret";
/// The secret that programs fetch its models with.
pub const ENV_SECRET: &str = "nvidia-ngc-secret";

//! Images and models of NGC. Two gates stand one behind the other, the image at the kubelet and the model in the
//! container, and neither is ever reported for the other.

mod keys;
mod models;
mod nim;
mod pull;

use mops_probe::observation::{code as seen, variant};

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "ngc",
    about: "images and models of NGC",
    parts: &[pull::CAUSES, keys::CAUSES, models::CAUSES, nim::CAUSES],
};

/// The credentials that carry a key.
const KEYS: &[&str] = &[variant::ENV, variant::PULL_SECRET, variant::LOCAL];
/// A refusal without a reason.
const BARE: &[&str] = &[seen::UNAUTHORIZED, seen::DENIED];
/// Where a person makes a key.
const KEY_PAGE: &str = "https://org.ngc.nvidia.com/setup/api-keys";
/// Where a person finds an image and its licence.
const CATALOGUE_PAGE: &str = "https://catalog.ngc.nvidia.com";

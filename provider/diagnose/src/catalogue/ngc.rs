//! Images and models of NGC.

mod pull;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family { name: "ngc", about: "images and models of NGC", parts: &[pull::CAUSES] };

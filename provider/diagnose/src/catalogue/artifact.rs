//! Images and layers.

mod content;
mod node;
mod pull;
mod references;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "artifact",
    about: "images and layers",
    parts: &[references::CAUSES, content::CAUSES, pull::CAUSES, node::CAUSES],
};

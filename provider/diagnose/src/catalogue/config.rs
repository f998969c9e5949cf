//! Variables and secrets of the workers.

mod keys;
mod pull_secrets;
mod secrets;
mod values;
mod variables;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "config",
    about: "variables and secrets of the workers",
    parts: &[variables::CAUSES, secrets::CAUSES, pull_secrets::CAUSES, keys::CAUSES, values::CAUSES],
};

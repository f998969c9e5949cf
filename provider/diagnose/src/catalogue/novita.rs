//! Keys, registry logins and machines of Novita.

mod api;
mod auth;
mod key;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "novita",
    about: "keys, registry logins and machines of Novita",
    parts: &[key::CAUSES, auth::CAUSES, api::CAUSES],
};

/// The public description of the API, from which signals are known.
const REFERENCE: &str = "Novita API reference, GPU instance";

//! Blob storage and SAS.

mod account;
mod keys;
mod rights;
mod sas;

use crate::catalogue::Family;
use crate::rule::Remedy;

pub(crate) const FAMILY: Family = Family {
    name: "storage",
    about: "blob storage and SAS",
    parts: &[sas::CAUSES, rights::CAUSES, keys::CAUSES, account::CAUSES],
};

/// The stack makes the SAS and the secret that carries it anew.
const fn renew(text: &'static str) -> Remedy {
    Remedy { text, stack: "mops infra up {file} -c storage,workspace", plain: "kubectl -n {namespace} get secrets" }
}

//! Blob storage and SAS.

mod account;
mod sas;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family =
    Family { name: "storage", about: "blob storage and SAS", parts: &[sas::CAUSES, account::CAUSES] };

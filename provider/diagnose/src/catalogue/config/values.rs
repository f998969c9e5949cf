//! What a value should not hold.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::P;
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "ACCOUNT_KEY_EXPOSED",
    title: "A pod holds the key of the whole account",
    meaning: "With the account key everything in the storage account can be read, changed and deleted, and it has no end.",
    signal: "`AccountKey=` stands in a connection string of the worker",
    near_miss: "a connection string with `SharedAccessSignature=` is what a worker should have",
    repair: Repair::Stack,
    remedy: Remedy {
        text: "give the worker a SAS, then regenerate the account's keys",
        stack: "mops infra up {file} -c storage,workspace",
        plain: "",
    },
    rules: &[certain(
        &[failed(&[probe::STORAGE_SAS]).from(P).code(&[seen::ACCOUNT_KEY])],
        "pool {pool}: the worker's connection string holds the account key, not a SAS",
    )],
    ..CAUSE
}];

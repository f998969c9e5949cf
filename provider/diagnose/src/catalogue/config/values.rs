//! What a value should not hold.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause};
use crate::observed::Vantage::P;
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "ACCOUNT_KEY_EXPOSED",
    title: "",
    meaning: "",
    signal: "",
    near_miss: "",
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

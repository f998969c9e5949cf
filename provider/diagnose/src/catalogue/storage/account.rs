//! The account and its containers.

use mops_probe::observation::check as probe;

use crate::catalogue::{CAUSE, Cause};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "CONTAINER_NOT_FOUND",
    title: "",
    meaning: "",
    signal: "",
    near_miss: "",
    remedy: Remedy {
        text: "create it",
        stack: "mops infra up {file} -c storage,workspace",
        plain: "kubectl -n {namespace} get secrets",
    },
    rules: &[certain(
        &[failed(&[probe::STORAGE_READ]).http(&[404]).code(&["ContainerNotFound"])],
        "{place}: the container `{target}` does not exist",
    )],
    ..CAUSE
}];

//! The account and its containers.

use mops_probe::observation::check as probe;

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "CONTAINER_NOT_FOUND",
    title: "The container does not exist",
    meaning: "The account answers, and has no container of this name.",
    signal: "404 with the code of a missing container",
    near_miss: "a container that is there without the file is another matter",
    repair: Repair::Apply,
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

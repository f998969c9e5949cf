//! Proxies between a worker and a service.

use mops_probe::observation::check as probe;

use crate::catalogue::{CAUSE, Cause};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "PROXY_AUTH",
    title: "",
    meaning: "",
    signal: "",
    near_miss: "",
    remedy: Remedy { text: "give the proxy's credentials", stack: "", plain: "" },
    rules: &[certain(
        &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).http(&[407])],
        "{place}: the proxy in front of `{target}` wants a login",
    )],
    ..CAUSE
}];

//! Proxies between a worker and a service.

use mops_probe::observation::check as probe;

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "PROXY_AUTH",
    title: "The proxy wants a login",
    meaning: "A proxy stands between the place and the service, and it let nothing through without a login of its own.",
    signal: "status 407",
    near_miss: "a 401 comes from the service itself",
    repair: Repair::Human,
    remedy: Remedy { text: "give the proxy's credentials", stack: "", plain: "" },
    rules: &[certain(
        &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).http(&[407])],
        "{place}: the proxy in front of `{target}` wants a login",
    )],
    ..CAUSE
}];

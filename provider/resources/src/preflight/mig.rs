//! A profile that cuts GPUs, on a size whose GPUs cannot be cut. Needs no service: the inputs of a pool in a new cluster
//! are not complete when they are checked.

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use crate::pool::{CUT_HINT, can_be_cut};

pub(super) const WHAT: &str = "MIG profiles";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for pool in look.layout.pools() {
        let (Some(profile), size) = (&pool.spec.gpu_instance_profile, &pool.spec.vm_size) else { continue };
        if !can_be_cut(size) {
            let reason = format!("pool `{}`: `{size}` has no GPU that `{profile}` could cut", pool.spec.name);
            found.refuse(pool.urn, &pool.path("gpuInstanceProfile"), reason, CUT_HINT);
        }
    }
    Ok(found)
}

//! What a world may do. That of the machine's root has everything; that of anybody else has one user, its root, and no
//! group in the cgroup tree: names, roots of trust and the cloud, but neither a login node nor a cluster.

use std::path::Path;

use mops_host::fsx;
use rustix::process::geteuid;

/// Whether this process is the machine's root, and not only root of a user namespace of somebody's own.
#[must_use]
pub fn are_the_machines() -> bool {
    geteuid().is_root() && fsx::read_text(Path::new("/proc/self/uid_map")).is_ok_and(|map| holds_everybody(&map))
}

/// One line: first user inside, first user outside, how many.
fn holds_everybody(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::holds_everybody;

    #[test]
    fn a_namespace_with_one_user_is_not_the_machine() {
        assert!(holds_everybody("         0          0 4294967295\n"));
        assert!(!holds_everybody("         0      65534          1\n"));
    }
}

//! podman, without a daemon and without a container: what it does with registries.

use mops_tests::skip::skipped;

use super::{Desk, targets, there};

#[tokio::test]
async fn podman_works_at_both() {
    const TEST: &str = "podman at the fake and at docker-registry";
    if !there("podman") {
        skipped("podman", TEST);
        return;
    }
    for docker_registry in targets(TEST) {
        let mut desk = Desk::at(docker_registry, "podman").await;
        // Storage of its own, in a form that needs nothing of the kernel.
        desk.fixed = ["root", "runroot"].map(|name| format!("--{name}={}", desk.path(name).display())).to_vec();
        desk.fixed.extend(["--storage-driver=vfs".to_owned(), "--events-backend=none".to_owned()]);
        desk.sign_in("invalid username/password").await;
        desk.there_and_back().await;
    }
}

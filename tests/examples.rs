//! Promise: files as users have them go up unchanged: one with every field of the original format, one with
//! as few as possible, one with growing pools and no `sku`; then there is nothing to do, and all of it goes.

use mops_tests::job::{Job, example};

async fn goes_up_and_down(text: &str, workspace: bool) {
    let job = Job::of(text).await;
    if workspace {
        job.with_images().await;
    }
    job.up().await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn every_field_of_the_original_goes_up_unchanged() {
    goes_up_and_down(&example("every-field/every-field.yaml"), true).await;
}

#[tokio::test]
async fn the_least_goes_up_unchanged() {
    goes_up_and_down(&example("minimal/minimal.yaml"), false).await;
}

#[tokio::test]
async fn growing_pools_without_a_sku_go_up_unchanged() {
    let text = example("unified-infra/unified-infra.yaml");
    let grown = text
        .replace("  sku: Basic\n", "")
        .replace("vm_size: Standard_B2s, count: 1", "vm_size: Standard_B2s, min: 1, max: 3");
    assert!(!grown.contains("Basic") && !grown.contains("count: 1"), "the example has changed:\n{grown}");
    goes_up_and_down(&grown, true).await;
}

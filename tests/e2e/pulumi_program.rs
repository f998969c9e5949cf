//! Promise: a folder with a stack file and two lines of `Pulumi.yaml` is a Pulumi program. Pulumi itself previews it, makes
//! everything, finds nothing to do afterwards, shows the outputs, takes everything away again, and tells what is wrong
//! with a stack file by line and hint.

use mops_host::fsx;
use mops_tests::control;
use mops_tests::job::{Job, example};
use mops_tests::pulumi::{PASSPHRASE, Pulumi, text};
use mops_tests::skip::skipped;
use serde_json::Value;

/// The example of the least, as a project of Pulumi's.
fn project(test: &str) -> Option<(Job, Pulumi)> {
    let Some(mut job) = Job::in_private_world(&example("minimal/minimal.yaml")) else {
        skipped("world", test);
        return None;
    };
    job.place.set(PASSPHRASE.0, PASSPHRASE.1);
    job.place.write("minimal.yaml", &example("minimal/minimal.yaml"));
    job.place.write("Pulumi.yaml", "name: modelops\nruntime:\n  name: modelops\n  options: {file: minimal.yaml}\n");
    let pulumi = Pulumi::of(&job, test)?;
    Some((job, pulumi))
}

#[tokio::test]
async fn a_stack_file_is_a_pulumi_program() {
    let Some((job, pulumi)) = project("a stack file under Pulumi's engine") else { return };
    let before = job.existing();
    pulumi.good("stack init organization/modelops/dev").await;
    let planned = pulumi.planned().await;
    assert!(planned["create"].as_u64().is_some_and(|n| n > 5), "{planned}");
    assert_eq!(job.existing(), before);

    pulumi.good("up --yes --skip-preview").await;
    assert!(job.existing().len() > before.len());
    let again = pulumi.planned().await;
    assert_eq!(again["same"], planned["create"], "{again}");
    let outputs: Value = serde_json::from_slice(&pulumi.good("stack output --json").await.stdout).expect("outputs");
    assert!(outputs["storage"].is_object() || outputs["storage"] == "[secret]", "{outputs}");

    let state = fsx::read_text(&job.place.path().join(".pulumi/stacks/modelops/dev.json")).expect("Pulumi's state");
    assert!(state.contains("ciphertext") && !state.contains("sig="), "a signature in clear in Pulumi's state");

    pulumi.good("refresh --yes --skip-preview").await;
    pulumi.good("destroy --yes --skip-preview --exclude-protected").await;
    // The group is protected, and the world is everybody's.
    let group = job.existing();
    assert_eq!(group.len(), 1, "{group:?}");
    assert!(group[0].ends_with("/resourcegroups/modelops-minimal-rg"), "{group:?}");
    control::ask(&job.control(), "POST", "/behind/delete", "/resourcegroups/modelops-minimal-rg").expect("the sandbox");
    assert_eq!(job.existing(), before);
}

#[tokio::test]
async fn what_is_wrong_with_a_stack_file_is_told_by_line_and_hint() {
    let Some((job, pulumi)) = project("a wrong stack file under Pulumi's engine") else { return };
    pulumi.good("stack init organization/modelops/dev").await;
    job.place.write("minimal.yaml", &example("minimal/minimal.yaml").replace("storage:", "storrage:"));
    let output = pulumi.run("preview").await;
    let told = text(&output);
    assert!(
        !output.success() && told.contains("minimal.yaml:") && told.contains("storrage") && told.contains("hint: "),
        "{told}"
    );
}

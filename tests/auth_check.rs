//! `mops auth check` through the built program: what a person and a program read, the exit code, and that nothing is asked
//! for a word that is no image (L-10; each row of the table in `tests/diagnose/pullable.rs`).

use mops_tests::ngc::Access;
use serde_json::{Value, json};

use crate::desk::{Desk, GOOD};

fn desk() -> Desk {
    let desk = Desk::new();
    let ngc = desk.sandbox.ngc();
    ngc.image("nvidia/cuda", Access::Everybody, true);
    ngc.image("nim/acme/server", Access::Licensed(vec!["acme".to_owned()]), true);
    desk
}

#[tokio::test]
async fn l_10_images_are_told_apart_before_anything_pulls() {
    let desk = desk();
    let said = desk.good("mops auth check nvcr.io/nvidia/cuda:1").await;
    assert!(said.contains("✓ nvcr.io/nvidia/cuda:1") && said.contains("public: no login is needed"), "{said}");

    let (code, said) = desk.said("mops auth check nvcr.io/nim/acme/server:1").await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("NOT_LOGGED_IN") && said.contains("run: mops auth login nvcr.io"), "{said}");

    desk.good("mops auth login --key-stdin <good").await;
    let said = desk.good("mops auth check nvcr.io/nim/acme/server:1 nvcr.io/nvidia/cuda:1").await;
    assert!(said.contains("ok with login, that of `") && said.contains("config.json`"), "{said}");

    let (code, said) =
        desk.said("NGC_API_KEY=nvapi-canary-revoked-000 HOME=/nowhere mops auth check nvcr.io/nim/acme/server:1").await;
    assert_eq!((code, said.contains("NGC_KEY_INVALID_OR_EXPIRED")), (1, true), "{said}");
}

#[tokio::test]
async fn a_program_reads_an_object_an_image() {
    let desk = desk();
    let line = "mops auth check --json --anonymous nvcr.io/nvidia/cuda:1 nvcr.io/nim/acme/server:1";
    let output = desk.place.run(&["sh", "-c", line]).await;
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .filter(|line: &Value| line["type"] == "pullable")
        .collect();
    let results: Vec<_> = lines.iter().map(|line| (&line["image"], &line["result"])).collect();
    assert_eq!(output.code, Some(1));
    assert_eq!(
        results,
        [(&json!("nvcr.io/nvidia/cuda:1"), &json!("public")), (&json!("nvcr.io/nim/acme/server:1"), &json!("refused")),]
    );
}

#[tokio::test]
async fn a_word_that_is_no_image_is_a_mistake_and_nobody_is_asked() {
    let desk = desk();
    let (code, said) = desk.said("mops auth check nvcr.io/nvidia/cuda:1 'Team/Image:1'").await;
    assert_eq!((code, said.contains("is not an image reference"), said.contains('✓')), (2, true, false), "{said}");
    let (code, said) = desk.said(&format!("mops auth check {GOOD}")).await;
    assert_eq!((code, said.contains("a key on the command line")), (2, true), "{said}");
    let (code, said) = desk.said("mops auth check").await;
    assert_eq!((code, said.contains("<IMAGE>")), (2, true), "{said}");
}

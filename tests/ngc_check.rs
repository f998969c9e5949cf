//! `mops ngc` through the built program: both gates from this machine, each under its own name (N-07, N-08, N-10, N-11),
//! pods by a diagnosis of theirs, and the verbs that are those of `mops auth` for NGC.

use mops_tests::ngc::{Access, Key};

use crate::desk::{Desk, GOOD};

const IMAGE: &str = "nvcr.io/nim/acme/server:1";
const MODEL: &str = "nim/acme/server-v1:hf-1.2";

fn desk() -> Desk {
    let desk = Desk::new();
    let ngc = desk.sandbox.ngc();
    ngc.image("nim/acme/server", Access::Licensed(vec!["acme".to_owned()]), true);
    ngc.model(MODEL, Access::Organisation("acme".to_owned()));
    desk
}

#[tokio::test]
async fn n_08_n_11_the_gates_are_told_apart() {
    let desk = desk();
    let line = format!("mops ngc check {IMAGE} --model ngc:{MODEL}");
    let (code, said) = desk.said(&line).await;
    assert_eq!((code, said.matches("login required").count()), (1, 2), "{said}");
    assert!(said.contains("NOT_LOGGED_IN") && said.contains("`mops ngc login`"), "{said}");

    let said = desk.good(&format!("NGC_API_KEY={GOOD} {line}")).await;
    assert_eq!(said.matches("ok with login").count(), 2, "{said}");

    let (images, models) = ("nvapi-canary-0123456789-images", "nvapi-canary-0123456789-models");
    desk.sandbox.ngc().key(Key { models: false, ..Key::new(images, "acme") });
    desk.sandbox.ngc().key(Key { registry: false, ..Key::new(models, "acme") });
    let (code, said) = desk.said(&format!("NGC_API_KEY={images} {line}")).await;
    let (first, second) = said.split_once(MODEL).expect("both are told");
    assert!(code == 1 && first.contains("ok with login") && second.contains("refused"), "{said}");
    assert!(second.contains("cause: NGC_"), "{said}");
    let (code, said) = desk.said(&format!("NGC_API_KEY={models} {line}")).await;
    let (first, second) = said.split_once(MODEL).expect("both are told");
    assert!(code == 1 && first.contains("refused") && second.contains("ok with login"), "{said}");
}

#[tokio::test]
async fn n_10_a_wrong_path_has_its_nearest_name() {
    let desk = desk();
    let (code, said) = desk.said(&format!("NGC_API_KEY={GOOD} mops ngc check nvcr.io/nim/acme/servr:1")).await;
    assert_eq!((code, said.contains("NGC_IMAGE_NOT_FOUND")), (1, true), "{said}");
    assert!(said.contains("nearest: nim/acme/server"), "{said}");
}

#[tokio::test]
async fn pods_are_diagnosed_and_nothing_at_all_is_a_mistake() {
    let desk = desk();
    let (code, said) = desk.said("mops ngc check --namespace ml --kubeconfig absent.yaml").await;
    assert_eq!((code, said.contains("K8S_CONTEXT_MISSING")), (2, true), "{said}");
    let (code, said) = desk.said("mops ngc check").await;
    assert_eq!((code, said.contains("--namespace NAME")), (2, true), "{said}");
    let (code, said) = desk.said(&format!("mops ngc check {GOOD}")).await;
    assert_eq!(code, 2, "{said}");
}

#[tokio::test]
async fn the_verbs_of_auth_are_those_of_ngc() {
    let desk = desk();
    assert_eq!(desk.said("mops ngc status").await.0, 1);
    desk.good("mops ngc login --key-stdin <good").await;
    assert!(desk.good("mops ngc status").await.contains("nvcr.io: valid"));
    assert!(desk.good("mops ngc logout").await.contains("logged out of nvcr.io"));
}

//! `mops auth status HOST` through the built program: only the service says whether a login is good, whatever lies in
//! files (L-09, L-12, L-13, L-17).

use mops_tests::ngc::Key;
use serde_json::{Value, json};

use crate::desk::{Desk, GOOD};

/// The one line for programs.
async fn line(desk: &Desk, command: &str) -> Value {
    let output = desk.place.run(&["sh", "-c", command]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("canary"), "{text}");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    lines.find(|line| line["type"] == "registry_logins").unwrap_or_else(|| panic!("{command}: {text}"))
}

#[tokio::test]
async fn l_09_a_file_that_is_there_proves_nothing() {
    let desk = Desk::new();
    let (code, said) = desk.said("mops auth status nvcr.io").await;
    assert_eq!((code, said.contains("no login is kept here")), (1, true), "{said}");
    assert!(said.contains("mops auth login nvcr.io"), "{said}");

    desk.good("mops auth login --key-stdin <good").await;
    let said = desk.good("mops auth status nvcr.io").await;
    assert!(
        said.contains("nvcr.io: valid") && said.contains("nvapi-…wxyz") && said.contains(".mlenv/config"),
        "{said}"
    );

    desk.sandbox.ngc().revoke(GOOD);
    let (code, said) = desk.said("mops auth status nvcr.io").await;
    assert_eq!((code, said.contains("nvcr.io: refused")), (1, true), "{said}");
    let said = desk.good("mops auth status nvcr.io --offline").await;
    assert!(said.contains("not checked"), "{said}");
    let (code, said) = desk.said("MOPS_CLOUD= HTTPS_PROXY=http://127.0.0.1:9 mops auth status nvcr.io").await;
    assert_eq!((code, said.contains("nvcr.io: unreachable")), (3, true), "{said}");
}

#[tokio::test]
async fn l_12_l_13_each_key_is_shown_with_its_organisations_and_its_places() {
    let desk = Desk::new();
    desk.sandbox.ngc().organisation("acme", "Acme Research");
    desk.sandbox.ngc().organisation("other", "Other");
    desk.sandbox.ngc().key(Key::new("nvapi-canary-0123456789-other-abcd", "other"));
    desk.place.write("other", "nvapi-canary-0123456789-other-abcd");
    desk.good("mops auth login --key-stdin <good").await;
    desk.good("mops auth login --profile other --key-stdin <other").await;
    let seen = line(&desk, "mops auth status nvcr.io --json --max-age 30").await;
    let logins = seen["logins"].as_array().expect("logins");
    let say = |login: &Value| (login["key"].clone(), login["live"].clone(), login["organisations"].clone());
    let said: Vec<_> = logins.iter().map(say).collect();
    assert_eq!(
        said,
        [
            (json!("nvapi-…wxyz"), json!("valid"), json!(["acme"])),
            (json!("nvapi-…abcd"), json!("valid"), json!(["other"])),
        ]
    );
    let home = desk.place.path().join("home");
    assert_eq!(logins[0]["place"], json!(home.join(".docker/config.json")));
    assert_eq!((&logins[0]["also"], &logins[0]["mode"]), (&json!([home.join(".mlenv/config")]), &json!("600")));
    assert_eq!((&logins[0]["days"], &seen["warnings"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn l_14_l_17_old_keys_and_open_files_are_named() {
    let desk = Desk::new();
    desk.good("mops auth login --key-stdin <good").await;
    desk.good("chmod 644 home/.docker/config.json; touch -d '200 days ago' home/.docker/config.json").await;
    let said = desk.good("mops auth status nvcr.io").await;
    assert!(said.contains("can be read by others") && said.contains("written 200 days ago"), "{said}");
    desk.place.write("home/.docker/config.json", "{");
    let said = desk.good("mops auth status nvcr.io").await;
    assert!(said.contains(".mlenv/config") && said.contains("note:"), "the broken place is named: {said}");
}

#[tokio::test]
async fn a_stack_file_is_no_host() {
    let desk = Desk::new();
    let (code, said) = desk.said("mops auth status absent.yaml").await;
    assert_eq!((code, said.contains("absent.yaml")), (2, true), "{said}");
    let (code, said) = desk.said(&format!("mops auth status {GOOD}")).await;
    assert_eq!((code, said.contains("a key on the command line")), (2, true), "{said}");
}

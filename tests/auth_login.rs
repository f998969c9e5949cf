//! L-01 to L-08 through the built program, before the fake of NGC and the registry of a sandbox: a key is taken from every
//! place but the command line, shown to its service before anything is written, kept in docker's place and mlenv's, and
//! gone from both afterwards. No answer, file mode or message shows it to anybody.

use std::os::unix::fs::PermissionsExt as _;

use mops_host::fsx;
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use crate::desk::{Desk, GOOD};

#[tokio::test]
async fn l_01_the_key_comes_from_every_place_but_the_command_line() {
    let desk = Desk::new();
    for line in [
        "mops auth login --key-stdin <good",
        "mops auth login --key-file good",
        &format!("MINE={GOOD} mops auth login --key-env MINE </dev/null"),
        &format!("NGC_API_KEY={GOOD} mops auth login </dev/null"),
    ] {
        let said = desk.good(line).await;
        assert!(said.contains("nvapi-…wxyz"), "{line}: {said}");
        assert_eq!(desk.mlenv(), format!("[CURRENT]\napikey = {GOOD}\nregistry = nvcr.io\nformat_type = ascii\n"));
        desk.good("mops auth logout").await;
    }
    for line in [
        format!("mops auth login {GOOD}"),
        format!("mops auth login nvcr.io -u {GOOD}"),
        format!("mops auth login nvcr.io {GOOD}"),
        format!("mops auth login --key={GOOD}"),
    ] {
        assert_eq!(desk.said(&line).await.0, 2, "{line}");
    }
    assert_eq!((desk.docker().contains("auth\""), desk.mlenv().as_str()), (false, ""));
}

#[tokio::test]
async fn a_word_that_is_no_text_is_refused_as_any_other() {
    let (code, said) = Desk::new().said("mops auth login --nothing \"$(printf '\\377')\"").await;
    assert_eq!((code, said.contains("unexpected argument '--nothing'")), (2, true), "{said}");
}

#[tokio::test]
async fn l_01_the_prompt_does_not_show_what_is_typed() {
    if !std::path::Path::new("/usr/bin/script").exists() {
        return skipped("script", "l_01_the_prompt_does_not_show_what_is_typed");
    }
    let desk = Desk::new();
    desk.place.write(
        "typed.sh",
        "touch typescript; { until grep -q 'Enter your NGC API Key' typescript; do sleep 0.05; done; cat good; } |
         NGC_API_KEY=nvapi-canary-old script -qefc 'mops auth login; echo code $?' typescript",
    );
    let said = desk.good("sh typed.sh").await;
    assert!(said.contains("code 0") && said.contains("Enter alone takes that of NGC_API_KEY"), "{said}");
    assert!(desk.mlenv().contains(GOOD), "{said}");
    let shown = fsx::read(&desk.place.path().join("typescript")).expect("what was shown");
    assert!(!String::from_utf8_lossy(&shown).contains("canary"));
}

#[tokio::test]
async fn l_02_l_03_nothing_is_written_for_a_key_that_is_empty_or_refused() {
    let desk = Desk::new();
    let (code, said) = desk.said("mops auth login --key-stdin </dev/null").await;
    assert_eq!((code, said.contains("API key cannot be empty")), (2, true), "{said}");
    let (code, said) = desk.said("mops auth login --key-stdin <bad").await;
    assert_eq!((code, said.contains("NGC_KEY_INVALID_OR_EXPIRED")), (1, true), "{said}");
    assert_eq!((desk.docker(), desk.mlenv()), (String::new(), String::new()));
    desk.good("mops auth login --key-stdin <good").await;
    let before = (desk.docker(), desk.mlenv());
    assert_eq!(desk.said("mops auth login --key-stdin <bad").await.0, 1);
    let (code, said) = desk.said("MOPS_CLOUD= HTTPS_PROXY=http://127.0.0.1:9 mops auth login --key-stdin <good").await;
    assert_eq!((code, said.contains("could not be tried")), (3, true), "{said}");
    assert_eq!((desk.docker(), desk.mlenv()), before);
}

#[tokio::test]
async fn l_04_l_07_l_08_both_places_are_private_and_empty_afterwards() {
    let desk = Desk::new();
    let home = desk.place.path().join("home");
    let old = "{\n  \"HttpHeaders\": {\"a\": 1e0},\n  \"auths\": {\"other.io\": {\"auth\": \"dTpw\"}}\n}";
    desk.place.write("home/.docker/config.json", old);
    let said = desk.good("umask 0; mops auth login --org acme --key-stdin <good").await;
    for line in ["logged in to nvcr.io as $oauthtoken", "authentication complete", "private images can be pulled"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let mode = |name: &str| std::fs::metadata(home.join(name)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(".docker/config.json"), mode(".mlenv/config"), mode(".mlenv")), (0o600, 0o600, 0o700));
    assert!(
        desk.docker()
            .starts_with("{\n  \"HttpHeaders\": {\"a\": 1e0},\n  \"auths\": {\"other.io\": {\"auth\": \"dTpw\"},")
    );
    assert!(desk.mlenv().ends_with("org = acme\n"));
    let said = desk.good("mops auth logout").await;
    assert!(
        said.contains("config.json` and") && said.contains("revoked") && said.contains("mops auth login"),
        "{said}"
    );
    assert_eq!((desk.docker().as_str(), desk.mlenv().as_str()), (old, ""));
    assert!(desk.good("mops auth logout").await.contains("not logged in to nvcr.io"));
}

#[tokio::test]
async fn a_registry_of_azure_takes_a_password_and_an_identity() {
    let desk = Desk::new();
    let (code, said) = desk.said("mops auth login https://modelopsdevacr.azurecr.io --key-stdin <good").await;
    assert_eq!((code, said.contains("--identity")), (2, true), "{said}");
    let (code, said) = desk.said("mops auth login ghcr.example -u u --identity").await;
    assert_eq!((code, said.contains("no registry of Azure")), (2, true), "{said}");
    let (code, said) = desk.said("mops auth login http://modelopsdevacr.azurecr.io -u u --key-stdin <good").await;
    assert_eq!((code, said.contains("not https")), (2, true), "{said}");
}

#[tokio::test]
async fn the_lines_for_programs_say_where_it_is_kept() {
    let desk = Desk::new();
    let said = desk.place.run(&["sh", "-c", "mops auth login --json --key-stdin <good; mops auth logout --json"]).await;
    let lines: Vec<Value> = String::from_utf8_lossy(&said.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .filter(|line: &Value| line["type"] != "cloud")
        .collect();
    let places: Vec<String> = ["home/.docker/config.json", "home/.mlenv/config"]
        .map(|name| desk.place.path().join(name).display().to_string())
        .to_vec();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["by"], &lines[0]["places"]), (&json!("token"), &json!(places)));
    assert_eq!(lines[0]["key"], "nvapi-…wxyz");
    assert_eq!((&lines[1]["host"], &lines[1]["places"]), (&json!("nvcr.io"), &json!(places)));
    drop(desk.sandbox);
}
